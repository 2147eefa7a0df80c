"""``ariigcn data import`` and ``ariigcn data synth --layout``, as a user types them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from ariigcn_dgl.data import load_dialogues
from ariigcn_dgl.data.community.write import LAYOUTS, LayoutName


@pytest.fixture
def mmgcn(ariigcn: Callable, tmp_path: Path) -> Path:
    path = tmp_path / "made.pkl"
    outcome = ariigcn("data", "synth", "--out", path, "--layout", "mmgcn", "--fraction", 0.02)
    assert (outcome.code, outcome.err) == (0, "")
    return path


def test_import_shows_what_it_found_and_writes_nothing(
    ariigcn: Callable, mmgcn: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("data", "import", mmgcn)
    assert (outcome.code, outcome.err) == (0, "")
    for words in ("MMGCN", "IEMOCAP, 6 emotions", "1582", "published", "differs", "note: "):
        assert words in outcome.out
    assert "nothing written: name a new folder with --out" in outcome.out
    assert list(tmp_path.iterdir()) == [mmgcn]


@pytest.mark.slow
def test_import_writes_a_set_that_the_other_commands_read(
    ariigcn: Callable, mmgcn: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    out = tmp_path / "set"
    outcome = ariigcn("data", "import", mmgcn, "--out", out, "--val-fraction", 0.4, "--seed", 1)
    assert f"written: {out}" in outcome.out
    assert load_dialogues(out).splits.count("val") == 1
    assert ariigcn("data", "check", out).code == 0
    assert ariigcn("train", "--data", out, "--out", tmp_path / "run", *small).code == 0


def test_options_are_read_with_dashes_and_underscores(ariigcn: Callable, mmgcn: Path) -> None:
    first = ariigcn("data", "import", mmgcn, "--val-fraction=0.4")
    second = ariigcn("data", "import", mmgcn, "--val_fraction", "0.4")
    assert first.code == 0
    assert first.out == second.out


def test_join(ariigcn: Callable, mmgcn: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.pkl"
    ariigcn("data", "synth", "--out", text, "--layout", "cosmic-iemocap", "--fraction", 0.02)
    outcome = ariigcn("data", "import", text, "--join", mmgcn, "--text-views", "1")
    assert outcome.code == 0
    assert "audio and visual from" in outcome.out


def test_hostile_pickle(refused: Callable, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(os.getcwd))
    sentence = refused("data", "import", tmp_path / "a.pkl", "--out", tmp_path / "set")
    assert "a.pkl: names posix.getcwd: no plain data" in sentence
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("end", [3, 1000, -1])
def test_truncated_pickle(refused: Callable, mmgcn: Path, tmp_path: Path, end: int) -> None:
    mmgcn.write_bytes(mmgcn.read_bytes()[:end])
    sentence = refused("data", "import", mmgcn, "--out", tmp_path / "set")
    assert "made.pkl: " in sentence
    assert list(tmp_path.iterdir()) == [mmgcn]


def test_output_that_exists(refused: Callable, mmgcn: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert "set: exists already" in refused("data", "import", mmgcn, "--out", tmp_path / "set")


def test_other_commands_say_how_to_import(refused: Callable, mmgcn: Path) -> None:
    assert "ariigcn data import FILE --out FOLDER" in refused("data", "check", "--data", mmgcn)


def test_every_layout_has_its_name_in_the_type() -> None:
    assert get_args(LayoutName) == tuple(LAYOUTS)


def test_layout_that_exists_not(refused: Callable, tmp_path: Path) -> None:
    sentence = refused("data", "synth", "--out", tmp_path / "a", "--layout", "mmgcm")
    assert "'mmgcn'" in sentence
    assert all(name in sentence for name in LAYOUTS)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fraction", "0"], "--fraction: is 0.0, expected above 0"),
        (["--fraction", "2"], "--fraction: is 2.0, expected above 0"),
        (["--seed", "-1"], "seed is -1, expected at least 0"),
        (["--times", "2"], "--times: is 2, expected at least 1, and with --layout 1"),
    ],
)
def test_bad_option_of_synth(
    refused: Callable, tmp_path: Path, options: list[str], words: str
) -> None:
    assert words in refused("data", "synth", "--out", tmp_path / "a", "--layout", "mmgcn", *options)
    assert list(tmp_path.iterdir()) == []


def test_synth_makes_a_set_many_times_as_large(ariigcn: Callable, tmp_path: Path) -> None:
    outcome = ariigcn("data", "synth", "--out", tmp_path / "a", "--times", "2")
    assert outcome.out.endswith(f" of 204 dialogues: {tmp_path / 'a'}\n")
    assert load_dialogues(tmp_path / "a").splits.count("train") == 144
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_synth_does_not_overwrite(refused: Callable, mmgcn: Path) -> None:
    content = mmgcn.read_bytes()
    assert "exists already" in refused("data", "synth", "--out", mmgcn, "--layout", "mmgcn")
    assert mmgcn.read_bytes() == content
