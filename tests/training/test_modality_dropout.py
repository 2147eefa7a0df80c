"""Modalities hidden in training: whole dialogues, never all, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ariigcn_dgl.batch import Batch, ModalWindow, Window, collate, relinked
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.modality_dropout import drop_modalities
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, write_config
from ariigcn_dgl.training.trained import TrainedRun


@pytest.fixture
def batch(dialogues: Dialogues) -> Batch:
    """Return all dialogues as one batch."""
    return collate(dialogues, range(dialogues.num_dialogues), Window())


def _by_dialogue(batch: Batch, masks: dict[str, torch.Tensor]) -> np.ndarray:
    parts = [mask.split(batch.lengths.tolist()) for mask in masks.values()]
    return np.array([[bool(part.any()) for part in modality] for modality in parts])


def test_without_it_the_batch_is_the_same_object(batch: Batch) -> None:
    generator = np.random.default_rng(0)
    assert drop_modalities(batch, 0.0, generator) is batch
    assert generator.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9, 0.999])
def test_whole_dialogues_lose_a_modality_but_never_all(batch: Batch, probability: float) -> None:
    generator = np.random.default_rng(1)
    before = _by_dialogue(batch, batch.masks)
    lost = []
    for _ in range(50):
        found = drop_modalities(batch, probability, generator)
        kept = _by_dialogue(batch, found.masks)
        rows = torch.from_numpy(kept).repeat_interleave(batch.lengths, dim=1)
        for row, name in zip(rows, batch.masks, strict=True):
            assert torch.equal(found.masks[name], batch.masks[name] & row)
            expected = torch.where(found.masks[name][:, None], batch.features[name], 0)
            assert torch.equal(found.features[name], expected)
        assert kept.any(0).all()
        lost.append(1 - kept[before].mean())
    spared = probability**3 / 3  # of a dialogue's three modalities one stays where all would go
    assert np.mean(lost) == pytest.approx(probability - spared, abs=0.03)


def test_the_only_modality_is_never_hidden(dialogues: Dialogues) -> None:
    batch = collate(dialogues.with_modalities(["audio"]), [0, 1], Window())
    found = drop_modalities(batch, 0.99, np.random.default_rng(0))
    assert torch.equal(found.masks["audio"], batch.masks["audio"])


def test_a_modality_that_was_missing_is_not_the_one_that_stays(dialogues: Dialogues) -> None:
    batch = collate(dialogues, [0, 1, 2, 3], Window())
    for name in ("text", "visual"):
        batch.masks[name][:] = False
    for seed in range(20):
        found = drop_modalities(batch, 0.9, np.random.default_rng(seed))
        assert torch.equal(found.masks["audio"], batch.masks["audio"])


def test_training_with_it_is_repeatable_and_differs(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    losses = {}
    for name, probability in (("none", 0.0), ("some", 0.5), ("again", 0.5)):
        config = settings(modality_dropout=probability, epochs=1, adversarial="off")
        fit(prepare(dialogues, config), 0, tmp_path / name)
        losses[name] = (tmp_path / name / "metrics.csv").read_text()
    assert losses["some"] == losses["again"] != losses["none"]


def test_settings_from_before_it_mean_none(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    write_config(tmp_path / CONFIG_FILE, settings())
    fit(prepare(dialogues, settings()), 0, tmp_path / "seed0")
    text = (tmp_path / CONFIG_FILE).read_text()
    older = text.replace("  modality_dropout: 0.0\n", "").replace("  causal: false\n", "")
    assert len(older.splitlines()) == len(text.splitlines()) - 2
    (tmp_path / CONFIG_FILE).write_text(older)
    assert TrainedRun(tmp_path / "seed0").config == settings()


def test_a_graph_of_modalities_loses_the_edges_of_those_that_are_hidden(dialogues: Dialogues):
    window = ModalWindow.of(Window(), tuple(dialogues.widths), "window")
    batch = collate(dialogues, [0, 1], window)
    found = relinked(drop_modalities(batch, 0.6, np.random.default_rng(0)), window)
    assert found.graph.num_edges < batch.graph.num_edges
    again = window.graph(found.lengths, found.speakers, found.masks)
    assert found.graph.plan.equal(again.plan)
