"""``ariigcn export``: which seed, which file, and what is refused before anything is traced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch.export
def test_seed_is_written_and_named(trained: Path, tmp_path: Path, ariigcn: Callable) -> None:
    ended = ariigcn("export", trained, "--seed", "1", "--out", tmp_path / "run.pt2")
    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"seed 1 of {trained}, its answers to ")
    assert (tmp_path / "run.pt2").stat().st_size > 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--out", "{folder}/run.pth"), "the suffix says the format: expected .onnx or .pt2"),
        (("--out", "{folder}/run.pt2", "--seed", "7"), "has no such seed, it has 0, 1"),
        (("--out", "{folder}/run.pt2", "--utterances", "0"), "--utterances: is 0, expected at"),
        (("--out", "{folder}/there.pt2"), "there.pt2: exists already"),
    ],
    ids=["suffix", "seed", "utterances", "exists"],
)
def test_what_cannot_be_is_refused(
    options: tuple[str, ...], words: str, trained: Path, tmp_path: Path, refused: Callable
) -> None:
    (tmp_path / "there.pt2").write_bytes(b"mine")
    assert words in refused("export", trained, *(o.format(folder=tmp_path) for o in options))
    assert (tmp_path / "there.pt2").read_bytes() == b"mine"
    assert not (tmp_path / "run.pt2").exists()
