"""The gap between modalities, on points whose gap is known, and on a trained run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.embedding import Space, draw_spaces, gap, require_measurable, spaces
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_config import CONFIG_FILE, RunConfig, changed, write_config
from ariigcn_dgl.training.trained import TrainedRun
from tests.elsewhere import elsewhere

pytestmark = pytest.mark.slow  # models are trained

SMALL = {"model.hidden_dim": 8, "model.head_dim": 8, "training.epochs": 1, "training.batch_size": 4}


def _points(shift: float) -> Space:
    """Return two modalities of 100 utterances, the second moved by so much in one dimension."""
    noise = np.random.default_rng(0).normal(size=(200, 3))
    modalities = np.repeat([0, 1], 100)
    noise[:, 0] += shift * modalities
    noise[:, 2] += 20 * np.tile([0, 1], 100)
    return Space("x", noise, modalities, np.tile([0, 1], 100), np.tile(np.arange(100) // 5, 2))


def _trained(data: Path, folder: Path, system: str, modalities: list[str]) -> TrainedRun:
    dialogues = load_source(str(data), modalities)
    changes = {name: value for name, value in SMALL.items() if system == "ariigcn"}
    config = changed(RunConfig(system), changes | {"training.epochs": 1}).resolved(dialogues)
    folder.mkdir()
    write_config(folder / CONFIG_FILE, config)
    fit(prepare(dialogues, config), 0, folder / "seed0")
    return TrainedRun(folder / "seed0")


def test_mixed_modalities_cannot_be_told_apart() -> None:
    found = gap(_points(0.0))
    assert found.modality_accuracy == pytest.approx(50, abs=10)
    assert found.silhouette_modality == pytest.approx(0, abs=0.05)
    assert found.centroid_distance < 0.1
    assert found.silhouette_class > 0.7  # classes are 20 apart


def test_separate_modalities_are_told_apart() -> None:
    found = gap(_points(50.0))
    assert found.modality_accuracy == 100
    assert found.silhouette_modality > 0.5
    assert found.centroid_distance == pytest.approx(50 / 10.3, rel=0.05)


def test_spaces_of_a_run_are_those_of_its_first_and_its_last_weights(
    data: Path, tmp_path: Path
) -> None:
    trained = _trained(data, tmp_path / "run", "ariigcn", ["text", "audio", "visual"])
    dialogues = load_source(str(data))
    test = dialogues.split("test")
    before, after, states = spaces(trained, test)
    for space in (before, after, states):
        assert len(space.points) == 3 * (test.labels >= 0).sum()
        assert set(space.modalities) == {0, 1, 2}
        assert space.labels.min() >= 0
    assert not np.allclose(before.points, after.points)
    torch.manual_seed(0)
    weights = trained.config.build(trained.widths, len(trained.label_names)).state_dict()
    trained.model.load_state_dict(weights)
    assert np.array_equal(spaces(trained, test)[1].points, before.points)


def test_spaces_are_the_same_on_another_device(data: Path, tmp_path: Path) -> None:
    trained = _trained(data, tmp_path / "run", "ariigcn", ["text", "audio"])
    dialogues = load_source(str(data), ["text", "audio"])
    with elsewhere() as device:
        found = spaces(TrainedRun(trained.folder.path, device), dialogues)
    for one, expected in zip(found, spaces(trained, dialogues), strict=True):
        np.testing.assert_allclose(one.points, expected.points, rtol=1e-5, atol=1e-6)


def test_pictures_are_drawn(tmp_path: Path) -> None:
    found = [replace(_points(shift), title=str(shift)) for shift in (0.0, 50.0)]
    path = tmp_path / "embedding.png"
    draw_spaces(found, [gap(one) for one in found], ["text", "audio"], ["sad", "joy"], path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("system", "modalities"), [("mlp", ["text", "audio"]), ("ariigcn", ["text"])]
)
def test_other_runs_are_refused(
    data: Path, tmp_path: Path, system: str, modalities: list[str]
) -> None:
    trained = _trained(data, tmp_path / "run", system, modalities)
    with pytest.raises(InputError, match="needs a run of ariigcn with two or more modalities"):
        spaces(trained, load_source(str(data), modalities))


def test_without_a_gan_the_title_names_none(tmp_path: Path, data: Path) -> None:
    trained = _trained(data, tmp_path / "run", "ariigcn", ["text", "audio"])
    trained.model.gan = None
    dialogues = load_source(str(data), ["text", "audio"])
    titles = [space.title for space in spaces(trained, dialogues)]
    assert titles[1] == "encoded, after training"


def test_dialogues_without_labels_are_named(data: Path) -> None:
    dialogues = load_source(str(data), ["text", "audio"])
    labels = np.full(dialogues.num_utterances, -1)
    with pytest.raises(InputError, match=r"labels in fewer than two dialogues, .* --split"):
        require_measurable(replace(dialogues, labels=labels))
