"""``ariigcn data check``: the report, its exit code, and its JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ariigcn_dgl.data import fingerprint, load_dialogues


def _spoil(plain: Path, value: float) -> None:
    text = np.load(plain / "text.npy")
    text[0, 2] = value
    np.save(plain / "text.npy", text)


def test_usable_set_ends_with_code_0(ariigcn: Callable, data: Path) -> None:
    outcome = ariigcn("data", "check", "--data", data)
    assert (outcome.code, outcome.err) == (0, "")
    assert "note: train: " in outcome.out
    assert "error: " not in outcome.out
    assert f"sha256 {fingerprint(load_dialogues(data))}" in outcome.out


def test_numbers_that_are_not_finite_end_with_code_2(ariigcn: Callable, plain: Path) -> None:
    _spoil(plain, np.nan)
    outcome = ariigcn("data", "check", "--data", plain)
    assert (outcome.code, outcome.err) == (2, "")
    words = " ".join(outcome.out.split())
    assert "error: text: 1 rows have NaN or inf; first nan in column 2 of utterance" in words
    assert "utterances" in words, "the tables are there too"
    assert words.endswith("not usable as it is: see the errors above")


def test_validation_without_labels_ends_with_code_2(ariigcn: Callable, plain: Path) -> None:
    table = plain / "utterances.csv"
    lines = [line.split(",") for line in table.read_text().splitlines()]
    rows = [[*row[:3], "" if row[4] == "val" else row[3], row[4]] for row in lines]
    table.write_text("\n".join(map(",".join, rows)) + "\n")
    outcome = ariigcn("data", "check", "--data", plain)
    assert outcome.code == 2
    assert "error: val: no utterance has a label; label some to select from" in outcome.out


def test_files_that_are_not_read_are_named(ariigcn: Callable, plain: Path) -> None:
    for name in ("visual.pt", "Audio.NPY", "notes.txt"):
        (plain / name).write_bytes(b"x")
    words = " ".join(ariigcn("data", "check", "--data", plain).out.split())
    assert words.count("not read: ") == 2
    assert "warning: files: not read: Audio.NPY; features are read of files of NumPy" in words
    assert "not read: visual.pt; features are read of files of NumPy: save them as vis" in words


def test_arrays_that_are_not_read_are_named(ariigcn: Callable, tmp_path: Path) -> None:
    arrays = {
        "dialogue_ids": np.array(["a", "b"]),
        "split": np.array(["train", "val"]),
        "dialogue_ptr": np.array([0, 2, 3]),
        "utterance_ids": np.array(["a0", "a1", "b0"]),
        "speaker": np.zeros(3, int),
        "speaker_names": np.array(["Ann"]),
        "label": np.array([0, 1, 0]),
        "label_names": np.array(["joy", "anger"]),
        "text": np.eye(3, dtype=np.float32),
        "vision": np.ones((3, 4), np.float32),
        "vad_label": np.ones((3, 3)),
        "of_others": np.ones((5, 4)),
        "names": np.array([["x"]] * 3),
        "numbers": np.arange(3),
    }
    np.savez(tmp_path / "set.npz", **arrays)
    outcome = ariigcn("data", "check", "--data", tmp_path / "set.npz")
    words = " ".join(outcome.out.split())
    assert words.count("not read: ") == 2
    assert "warning: arrays: not read: vision (3, 4) float32; features are the arrays" in words
    assert "note: arrays: not read: vad_label (3, 3) float64" in words
    outcome = ariigcn("data", "check", "--data", tmp_path / "set.npz", "--targets", "label", "vad")
    assert "vad_label" not in outcome.out


def test_json_of_a_usable_set(ariigcn: Callable, data: Path) -> None:
    outcome = ariigcn("data", "check", "--data", data, "--json")
    report = json.loads(outcome.out)
    assert outcome.code == 0
    assert report["usable"] is True
    assert report["sha256"] == fingerprint(load_dialogues(data))
    assert [row["split"] for row in report["summary"]["splits"]] == ["train", "val", "test"]
    assert all(set(one) == {"severity", "where", "what", "advice"} for one in report["findings"])


def test_json_of_a_set_that_is_not_usable(ariigcn: Callable, plain: Path) -> None:
    _spoil(plain, np.inf)
    outcome = ariigcn("data", "check", "--data", plain, "--json")
    report = json.loads(outcome.out)
    assert outcome.code == 2
    assert report["usable"] is False
    assert report["sha256"] is None
    assert report["findings"][0]["severity"] == "error"


def test_json_of_something_else(ariigcn: Callable, tmp_path: Path) -> None:
    outcome = ariigcn("data", "check", "--data", tmp_path, "--json")
    report = json.loads(outcome.out)
    assert outcome.code == 2
    assert report["usable"] is False
    assert "not a data set" in report["unreadable"]
    assert "not a data set" in outcome.err


def test_synthetic_set(ariigcn: Callable) -> None:
    assert ariigcn("data", "check", "--data", "synthetic").code == 0


def test_folder_from_before_there_were_seals_is_said(
    ariigcn: Callable, data: Path, tmp_path: Path
) -> None:
    old = Path(shutil.copytree(data, tmp_path / "old"))
    (old / "seal.json").unlink()
    outcome = ariigcn("data", "check", "--data", old)
    assert outcome.code == 0
    assert "has no seal.json: nothing tells whether dataset.json is as it was" in outcome.out
