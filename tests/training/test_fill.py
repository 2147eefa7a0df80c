"""Runs that fill missing modalities: in training as in use, from what their folder keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from ariigcn_dgl.batch import Window, collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.fill import Filler
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.seal import seal, unseal
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.modality_dropout import fill_batch
from ariigcn_dgl.training.predict import score_probabilities
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, identity, write_config
from ariigcn_dgl.training.session import Session
from ariigcn_dgl.training.trained import TrainedRun

FILE = "filler.safetensors"


@pytest.fixture
def train(dialogues: Dialogues, settings: Callable, tmp_path: Path) -> Callable[..., Path]:
    """Train a small run; keywords are its settings; return the folder of its seed."""

    def train(**changes: object) -> Path:
        config = settings(epochs=1, modality_dropout=0.5, adversarial="off", **changes)
        write_config(tmp_path / CONFIG_FILE, config)
        fit(prepare(dialogues, config), 0, tmp_path / "seed0")
        return tmp_path / "seed0"

    return train


@pytest.mark.parametrize("kind", ["speaker_mean", "reconstruct"])
def test_a_batch_is_filled_as_its_dialogues_are(dialogues: Dialogues, kind: str) -> None:
    filler = Filler.fit(kind, dialogues)
    chosen = range(dialogues.num_dialogues)
    ours = fill_batch(collate(dialogues, chosen, Window()), filler)
    expected = collate(filler.apply(dialogues), chosen, Window())
    for name in dialogues.features:
        assert torch.equal(ours.features[name], expected.features[name])
        assert torch.equal(ours.masks[name], expected.masks[name])
    assert not all(mask.all() for mask in dialogues.masks.values())


@pytest.mark.parametrize("kind", ["speaker_mean", "reconstruct"])
def test_a_trained_run_fills_as_its_training_did(
    train: Callable, dialogues: Dialogues, kind: str
) -> None:
    folder = train(missing=kind)
    run = TrainedRun(folder)
    part = run.adapt(dialogues.split("test"))
    scores = score_probabilities(part, run.probabilities(part), part.label_names)
    assert asdict(scores) == run.record["test"]
    assert (folder / FILE).exists() == (kind == "reconstruct")


def test_a_map_of_other_features_is_refused(train: Callable) -> None:
    folder = train(missing="reconstruct")
    maps = load_file(folder / FILE)
    unseal(folder)
    save_file({name: np.ones((2, 2), np.float32) for name in maps}, folder / FILE)
    seal(folder, [path.name for path in folder.iterdir()])
    with pytest.raises(InputError, match="the maps are not between the features of this run"):
        TrainedRun(folder)


def test_settings_that_fill_nothing_are_those_of_before(settings: Callable) -> None:
    assert "missing" not in identity(settings())["training"]
    assert identity(settings(missing="reconstruct"))["training"]["missing"] == "reconstruct"


CAUSAL = {"causal": True, "window": Window(2, 0, "pairs"), "context": "gru"}


def test_a_conversation_that_goes_on_has_no_speakers_mean(train: Callable) -> None:
    run = TrainedRun(train(missing="speaker_mean", **CAUSAL))
    with pytest.raises(InputError, match="fills a missing modality by the speaker's mean over the"):
        Session(run)
