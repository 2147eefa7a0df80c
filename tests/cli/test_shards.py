"""Sets of shards, as a user makes, joins, trains on and damages them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.data import SynthConfig, synthesise, write_folder

TRAIN = ("train", "--system", "mlp", "--training.epochs", "2")


@pytest.fixture
def talks(tmp_path: Path) -> list[Path]:
    made = synthesise(SynthConfig(name="made", train=8, val=3, test=3))
    paths = [tmp_path / "monday", tmp_path / "tuesday"]
    for path, part in zip(paths, (made[:6], made[6:]), strict=True):
        write_folder(part, path)
    return paths


def test_joined_folders_are_trained_on(
    ariigcn: Callable, talks: list[Path], tmp_path: Path
) -> None:
    outcome = ariigcn("data", "join", *talks, "--out", tmp_path / "talks")
    assert outcome.code == 0
    assert outcome.out.endswith(f" of 14 dialogues in 2 shards: {tmp_path / 'talks'}\n")
    assert ariigcn("data", "check", "--data", tmp_path / "talks").code == 0
    assert ariigcn(*TRAIN, "--data", tmp_path / "talks", "--out", tmp_path / "run").code == 0
    assert ariigcn("evaluate", tmp_path / "run").code == 0


def test_shards_of_joined_sets_are_counted(
    ariigcn: Callable, talks: list[Path], tmp_path: Path
) -> None:
    ariigcn("data", "join", *talks, "--out", tmp_path / "talks")
    outcome = ariigcn("data", "join", tmp_path / "talks", "--out", tmp_path / "again")
    assert outcome.out.endswith(f" of 14 dialogues in 2 shards: {tmp_path / 'again'}\n")


def test_a_converted_set_has_shards_of_the_size_that_was_asked_for(
    ariigcn: Callable, talks: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "shards"
    assert ariigcn("data", "convert", "--data", talks[0], "--out", out, "--shard_mib", 1).code == 0
    assert [path.name for path in sorted(out.iterdir())] == [
        "catalogue.safetensors",
        "seal.json",
        "shard00000",
        "shards.json",
    ]


def test_shards_of_no_size_are_refused(
    refused: Callable, talks: list[Path], tmp_path: Path
) -> None:
    options = ("--data", talks[0], "--out", tmp_path / "a", "--shard_mib", "0")
    assert "--shard_mib: is 0, expected at least 1" in refused("data", "convert", *options)


def test_a_lost_shard_ends_a_training_with_one_sentence(
    ariigcn: Callable, refused: Callable, talks: list[Path], tmp_path: Path
) -> None:
    ariigcn("data", "join", *talks, "--out", tmp_path / "talks")
    (talks[1] / "features.safetensors").unlink()
    sentence = refused(*TRAIN, "--data", tmp_path / "talks", "--out", tmp_path / "run")
    assert f"{talks[1] / 'features.safetensors'}: no such file" in sentence
    assert not (tmp_path / "run").exists()


def test_a_damaged_shard_ends_a_training_with_one_sentence(
    ariigcn: Callable, refused: Callable, talks: list[Path], tmp_path: Path
) -> None:
    ariigcn("data", "join", *talks, "--out", tmp_path / "talks")
    path = talks[0] / "features.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    sentence = refused(*TRAIN, "--data", tmp_path / "talks", "--out", tmp_path / "run")
    assert f"{path}: changed or truncated" in sentence
