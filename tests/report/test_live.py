"""The page of a training that goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ariigcn_dgl.report.live import live_html, read_training
from ariigcn_dgl.seal import unseal

REFRESH = '<meta http-equiv="refresh"'


@pytest.fixture
def half(two_seeds: Path, tmp_path: Path) -> Path:
    """Return the folder of a training whose second seed has one of two epochs."""
    folder = Path(shutil.copytree(two_seeds, tmp_path / "half"))
    seed = folder / "seed1"
    unseal(seed)
    metrics = seed / "metrics.jsonl"
    metrics.write_text(metrics.read_text().splitlines(keepends=True)[0])
    return folder


def test_progress_of_every_seed(half: Path) -> None:
    training = read_training(half)
    first, second = training.seeds
    assert (first.finished, first.epochs) == (True, 2)
    assert (second.finished, second.epochs) == (False, 1)
    assert training.most == 2
    assert not training.finished
    line = json.loads((half / "seed1" / "metrics.jsonl").read_text())
    assert second.last == line["val_weighted_f1"]
    assert second.best == (1, second.last)


def test_seed_that_has_not_begun(half: Path) -> None:
    shutil.rmtree(half / "seed1")
    second = read_training(half).seeds[1]
    assert (second.epochs, second.best, second.last, second.finished) == (0, None, None, False)


def test_finished_training_is_finished(two_seeds: Path) -> None:
    assert read_training(two_seeds).finished


def test_page_reads_itself_again_until_it_has_ended(half: Path) -> None:
    training = read_training(half)
    assert REFRESH in live_html(training)
    ended = live_html(training, "It rained.")
    assert REFRESH not in ended
    assert "It rained." in ended


def test_page_shows_epochs_and_curves_and_nothing_of_the_test_split(half: Path) -> None:
    html = live_html(read_training(half))
    assert "1 of 2 seeds finished, 3 epochs trained." in html
    assert "Validation weighted F1" in html
    assert 'value="1"></progress> 1 of 2' in html
    assert "macro F1" not in html
