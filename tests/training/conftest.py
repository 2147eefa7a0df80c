"""A small data set with unlabelled utterances, small settings, and a trained run of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.batch import Window
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, synthesise
from ariigcn_dgl.models import ARIIGCNConfig
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, RunConfig, write_config
from tests.small_sets import small_config


@pytest.fixture(scope="session")
def dialogues() -> Dialogues:
    """Sixteen dialogues of two speakers; 30 % of the utterances have no label."""
    return synthesise(small_config("small", missing=0.1, train=8, val=4, test=4, unlabelled=0.3))


@pytest.fixture(scope="session")
def crowded(dialogues: Dialogues) -> Dialogues:
    """Let each utterance of the first dialogue have a speaker of its own."""
    speakers = dialogues.speakers.copy()
    first = dialogues.rows(0)
    speakers[first] = np.arange(first.stop)
    return replace(dialogues, speakers=speakers, speaker_names=tuple("abcdefghijklmnop"))


@pytest.fixture(scope="session")
def settings() -> Callable[..., RunConfig]:
    """Make small settings; keywords are fields of the model's or the training's settings."""

    def make(**changes: object) -> RunConfig:
        model = ARIIGCNConfig(
            hidden_dim=8, head_dim=8, window=Window(2, 2), adversarial="alternate"
        )
        training = TrainingConfig(epochs=2, batch_size=4, learning_rate=0.01, adversarial_epochs=2)
        fields = ARIIGCNConfig.__dataclass_fields__
        return RunConfig(
            "ariigcn",
            replace(model, **{k: v for k, v in changes.items() if k in fields}),
            replace(training, **{k: v for k, v in changes.items() if k not in fields}),
        )

    return make


@pytest.fixture(scope="session")
def trained(
    dialogues: Dialogues,
    settings: Callable[..., RunConfig],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the folder of a finished seed; copy it before changing it."""
    folder = tmp_path_factory.mktemp("run")
    write_config(folder / CONFIG_FILE, settings())
    fit(prepare(dialogues, settings()), 0, folder / "seed0")
    return folder / "seed0"
