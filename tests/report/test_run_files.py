"""What is read of a run folder, whole or not."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.report.run_files import read_run, short_names
from ariigcn_dgl.training.run_folder import RunFolder


@pytest.fixture
def copy(two_seeds: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two_seeds, tmp_path / "copy"))


def read(folder: Path):
    return read_run("copy", [folder / "seed0", folder / "seed1"])


def test_everything_of_a_run(copy: Path) -> None:
    run = read(copy)
    assert [seed.number for seed in run.seeds] == [0, 1]
    assert len(run.seeds[0].history) == 2
    assert run.settings.startswith("system: ariigcn")
    assert run.about == "ariigcn (paper) on small"


def test_predictions_count_labelled_utterances_and_agree_with_the_scores(copy: Path) -> None:
    for seed in read(copy).seeds:
        support = sum(row["support"] for row in seed.record["test"]["per_class"])
        assert len(seed.predictions.hits) == support
        assert 100 * seed.predictions.hits.mean() == pytest.approx(seed.record["test"]["accuracy"])


def test_best_seed_is_that_with_the_best_validation(copy: Path) -> None:
    path = copy / "seed1" / "run.json"
    record = json.loads(path.read_text())
    record["val"]["weighted_f1"] = 100.0
    path.write_text(json.dumps(record))
    RunFolder(path.parent).seal()
    assert read(copy).best_seed.number == 1


@pytest.mark.parametrize(
    "name", ["train.json", "config.yaml", "seed0/metrics.jsonl", "seed1/predictions.jsonl"]
)
def test_piece_that_is_gone_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    said = f"{copy / name}: no such file, but seal.json beside it names it; put the right file"
    with pytest.raises(InputError, match=re.escape(said)):
        read(copy)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("metrics.jsonl", "{", "metrics.jsonl: line 1: not valid JSON"),
        ("metrics.jsonl", '{"epoch": 2}\n', "metrics.jsonl: line 1: damaged: expected epoch 1"),
        ("metrics.jsonl", '{"epoch": null}\n', "line 1: damaged: epoch: expected a finite number"),
        ("metrics.jsonl", '{"epoch": 1, "scl": NaN}\n', "line 1: damaged: scl: expected a finite"),
        ("predictions.jsonl", "{}\n", "predictions.jsonl: line 1: damaged: lacks 'dialogue'"),
        ("run.json", '{"test": {}, "val": {}}', "run.json: damaged: lacks 'format'"),
    ],
)
def test_damaged_pieces_are_named(copy: Path, name: str, text: str, reason: str) -> None:
    (copy / "seed0" / name).write_text(text)
    RunFolder(copy / "seed0").seal()
    with pytest.raises(InputError, match=re.escape(reason)):
        read(copy)


@pytest.mark.parametrize(
    "name",
    [
        "train.json",
        "config.yaml",
        "seed1/run.json",
        "seed0/metrics.jsonl",
        "seed0/predictions.jsonl",
    ],
)
def test_piece_that_changed_is_named(copy: Path, name: str) -> None:
    text = (copy / name).read_text()
    (copy / name).write_text(text[:-3] + text[-2:])
    with pytest.raises(InputError, match=f"{name}: changed or truncated since it was written"):
        read(copy)


def _change_first_answer(folder: Path, **changes: object) -> None:
    path = folder / "predictions.jsonl"
    first, others = path.read_text(encoding="utf-8").split("\n", 1)
    path.write_text(json.dumps(json.loads(first) | changes) + "\n" + others, encoding="utf-8")
    RunFolder(folder).seal()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prediction": "bored"}, "line 1: damaged: expected the classes "),
        ({"label": "bored"}, "line 1: damaged: expected the classes "),
        ({"probabilities": {"sad": 1.0}}, "line 1: damaged: expected the classes "),
        ({"probabilities": {"sad": float("nan")}}, "probabilities.sad: expected a finite number"),
        ({"probabilities": {"sad": 1.5}}, "probabilities.sad: expected a number from 0 to 1"),
        ({"probabilities": []}, "line 1: damaged: probabilities: expected an object, found list"),
    ],
)
def test_answer_that_cannot_be_is_named(
    copy: Path, changes: dict[str, object], reason: str
) -> None:
    _change_first_answer(copy / "seed0", **changes)
    with pytest.raises(InputError, match=re.escape(reason)):
        read(copy)


def test_scores_that_are_not_there_are_named(copy: Path) -> None:
    path = copy / "seed0" / "run.json"
    record = json.loads(path.read_text())
    del record["test"]["confusion"]
    path.write_text(json.dumps(record))
    RunFolder(path.parent).seal()
    with pytest.raises(InputError, match=r"run\.json: damaged: lacks 'test\.confusion'"):
        read(copy)


def test_names_are_as_short_as_tells_them_apart() -> None:
    paths = ["a/x", "b/x", "c/y"]
    assert short_names(list(map(Path, paths))) == ["a/x", "b/x", "y"]


def test_a_run_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="a/x: is named twice"):
        short_names([Path("a/x"), Path("a/./x")])
