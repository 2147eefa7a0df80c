"""Small trained runs of every system, and dialogues of several speakers with gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.batch import Window
from ariigcn_dgl.data import Dialogues, fingerprint, synthesise
from ariigcn_dgl.data.targets import Target, TargetSpec
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import RunConfig, changed, preset_config
from ariigcn_dgl.training.run_spec import RunSpec, write_run_spec
from ariigcn_dgl.training.trained import TrainedRun
from tests.small_sets import small_config

SMALL: dict[str, dict[str, Any]] = {
    "ariigcn": {"hidden_dim": 8, "head_dim": 7, "window": Window(3, 2, "pairs", 3)},
    "bc-lstm": {"hidden_dim": 8, "head_dim": 8},
    "bc-lstm-att": {"hidden_dim": 8, "head_dim": 8},
    "bigru": {"hidden_dim": 8},
    "dialogue-gcn": {"hidden_dim": 8, "graph_dim": 8, "window": Window(3, 2)},
    "lr-gcn": {"hidden_dim": 8, "head_dim": 8, "window": Window(3, 2)},
    "m3net": {"hidden_dim": 8, "graph_dim": 8},
    "mlp": {"hidden_dim": 8},
    "textcnn": {"num_filters": 8},
}


@pytest.fixture(scope="session")
def dialogues() -> Dialogues:
    """Return dialogues of two to three speakers, of which one has a single utterance."""
    made = synthesise(
        small_config(
            "small",
            missing=0.15,
            train=6,
            val=3,
            test=5,
            length_mean=8,
            length_sd=4,
            length_min=1,
            length_max=14,
        )
    )
    third = np.arange(len(made.speakers)) % 7 == 3
    names = (*made.speaker_names, "third")
    speakers = np.where(third, len(names) - 1, made.speakers)
    return replace(made, speakers=speakers, speaker_names=names)


MOOD = TargetSpec("mood", "regression", ("valence", "arousal"), 0.0, 100.0, "%")
CUES = TargetSpec("cues", "multilabel", ("laugh", "sigh"))


@pytest.fixture(scope="session")
def targeted(dialogues: Dialogues) -> Dialogues:
    """Return these dialogues with numbers and labels beside their classes."""
    generator, count = np.random.default_rng(0), dialogues.num_utterances
    mood = Target(MOOD, (100 * generator.random((count, 2))).astype(np.float32))
    cues = Target(CUES, generator.integers(0, 2, (count, 2)).astype(np.float32))
    return replace(dialogues, targets={"mood": mood, "cues": cues})


TrainRun = Callable[..., TrainedRun]


@pytest.fixture(scope="session")
def train(dialogues: Dialogues, tmp_path_factory: pytest.TempPathFactory) -> TrainRun:
    """Train a system on them for two epochs, and return what predicts."""

    def run(
        system: str = "ariigcn", preset: str = "", on: Dialogues = dialogues, **settings: Any
    ) -> TrainedRun:
        config = preset_config(system, preset) if preset else _small(system)
        config = changed(config, {"training.epochs": 2, "training.adversarial_epochs": 1})
        prepared = prepare(on, changed(config, settings))
        folder = tmp_path_factory.mktemp("runs") / system
        spec = RunSpec(
            data="somewhere",
            dataset_sha256=fingerprint(on),
            preset=preset or "paper",
            seeds=[0],
            device="cpu",
        )
        folder.mkdir()
        write_run_spec(folder, spec, prepared.config)
        fit(prepared, 0, folder / "seed0")
        return TrainedRun(Path(folder, "seed0"))

    return run


def _small(system: str) -> RunConfig:
    return RunConfig(system, replace(SYSTEMS[system].Config(), **SMALL.get(system, {})))
