"""Typographic quotes: read as straight ones by runs that learnt from those alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest


def extracted(
    ariigcn: Callable, roberta: Path, folder: Path, words: tuple[str, str], *more: str
) -> dict:
    """Return what the record of an extraction says of the text encoder."""
    rows = ["dialogue,speaker,text,label,split"]
    for number, split in enumerate(["train"] * 4 + ["val"] * 2 + ["test"] * 2):
        rows += [f"d{number},{'AB'[n]},{words[n]},{'ab'[n]},{split}" for n in (0, 1)]
    folder.mkdir(exist_ok=True)
    (folder / "u.csv").write_text("\n".join(rows))
    out = folder / "data"
    ended = ariigcn("extract", folder / "u.csv", "--text", roberta, "--out", out, *more)
    assert ended.code == 0, ended.err
    return json.loads((out / "extraction.json").read_text())["encoders"]["text"]


@pytest.mark.parametrize(
    ("words", "straight"),
    [(("I'm in", "No"), True), (("I'm in", "I’m out"), None), (("So", "No"), None)],
    ids=["straight", "both", "none"],
)
def test_words_of_the_data_decide(
    words: tuple[str, str], straight: bool | None, ariigcn: Callable, roberta: Path, tmp_path: Path
) -> None:
    assert extracted(ariigcn, roberta, tmp_path, words).get("straight_quotes") is straight


@pytest.mark.slow
@pytest.mark.parametrize("tuned", [False, True])
def test_answers_do_not_depend_on_how_quotes_are_typed(
    tuned: bool, ariigcn: Callable, roberta: Path, tmp_path: Path
) -> None:
    training = ("--text_training.epochs=1", "--text_training.folds=0", "--text_training.context=1")
    extracted(ariigcn, roberta, tmp_path, ("I'm in", "No"), *(training if tuned else ()))
    run, file = tmp_path / "run", tmp_path / "talk.ariigcn"
    small = ("--system", "mlp", "--training.epochs", 1)
    assert ariigcn("train", "--data", tmp_path / "data", "--out", run, *small).code == 0
    assert ariigcn("bundle", run, "--out", file).code == 0
    found = []
    for trained in (run, file):
        for name, words in (("straight", "\"I'm\" 'ok'"), ("curly", "“I’m” ‘ok’")):
            (tmp_path / f"{name}.txt").write_text(f"Ann: {words}\nBob: {words}\n")
            out = tmp_path / f"{trained.name}-{name}"
            talk = ("--transcript", tmp_path / f"{name}.txt", "--out", out)
            assert ariigcn("predict", trained, *talk).code == 0
            said = json.loads((out / "timeline.json").read_text())["utterances"]
            found.append([one["probabilities"] for one in said])
    assert found == found[:1] * 4


def test_data_with_other_quotes_are_still_of_the_same_encoder(
    ariigcn: Callable, roberta: Path, tmp_path: Path
) -> None:
    extracted(ariigcn, roberta, tmp_path / "ours", ("I'm in", "No"))
    extracted(ariigcn, roberta, tmp_path / "theirs", ("I’m in", "No"))
    run = tmp_path / "run"
    small = ("--system", "mlp", "--training.epochs", 1)
    assert ariigcn("train", "--data", tmp_path / "ours" / "data", "--out", run, *small).code == 0
    other = ("--data", tmp_path / "theirs" / "data", "--out", tmp_path / "p.jsonl")
    assert ariigcn("predict", run, *other).code == 0
