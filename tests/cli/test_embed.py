"""``ariigcn embed``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.data import load_dialogues, write_folder


@pytest.mark.slow
def test_numbers_and_picture_of_a_run(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("embed", trained, "--out", tmp_path / "gap", "--data", data)
    assert outcome.code == 0, outcome.err
    numbers = json.loads((tmp_path / "gap" / "embedding.json").read_text())
    assert list(numbers) == [
        "encoded, before training",
        "encoded, after training",  # there is no TGAN
        "after graph and contrast",
    ]
    assert all(0 <= one["modality_accuracy"] <= 100 for one in numbers.values())
    assert (tmp_path / "gap" / "embedding.png").exists()
    assert "after graph and contrast" in outcome.out


def test_another_data_set_is_refused(
    refused: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    write_folder(load_dialogues(data)[:13], tmp_path / "other")
    said = refused("embed", trained, "--out", tmp_path / "gap", "--data", tmp_path / "other")
    assert "was trained on: another data set, or changed since" in said
    assert not (tmp_path / "gap").exists()


def test_existing_folder_is_refused(refused: Callable, trained: Path, tmp_path: Path) -> None:
    assert "exists already" in refused("embed", trained, "--out", tmp_path)
