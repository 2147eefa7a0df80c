"""``ariigcn extract --text_training``: from labelled words to a run that carries its encoder."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.data import load_dialogues

EMOTIONS = ("joy", "sad")
SCRIPT = """1
00:00:00,000 --> 00:00:01,000
ANN: abcabc

2
00:00:01,000 --> 00:00:02,000
BOB: xy
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return the table of utterances of ten dialogues, whose recordings nobody opens."""
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.mp4").write_bytes(b"never opened")
    with (tmp_path / "utterances.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "dialogue", "speaker", "text", "label", "split"])
        for number, split in enumerate(["train"] * 6 + ["val"] * 2 + ["test"] * 2):
            for turn in range(4):
                kind = (number + turn) % 2
                text = ("abc", "xyz")[kind] * (1 + turn)
                label = EMOTIONS[kind]
                rows.writerow(["a.mp4", f"d{number}", "AB"[turn % 2], text, label, split])
    return tmp_path / "utterances.csv"


@pytest.mark.slow
def test_tuned_encoder_goes_with_the_data_the_run_and_the_prediction(
    ariigcn: Callable, table: Path, roberta: Path, tmp_path: Path
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    names = {"epochs": 2, "learning_rate": 0.01, "folds": 2, "context": 1, "speaker_names": True}
    training = [f"--text_training.{name}={value}" for name, value in names.items()]
    films = (tmp_path / "films", "--utterances", table, "--out", data)
    outcome = ariigcn("extract", *films, "--text", roberta, *training)
    assert outcome.code == 0, outcome.err
    assert "text encoder: fine-tuned on 24 utterances, weighted F1" in outcome.err
    said = json.loads((data / "extraction.json").read_text())["encoders"]["text"]
    assert said["path"] == str(data / "text_encoder")
    assert (said["context"], said["speaker_names"], said["learnt"]["folds"]) == (1, True, 2)
    assert load_dialogues(data).widths == {"text": 12}
    small = ("--system", "mlp", "--training.epochs", 2)
    assert ariigcn("train", "--data", data, "--out", run, *small).code == 0
    shutil.rmtree(data)  # the run has all that it needs
    (tmp_path / "new.mp4").write_bytes(b"never opened")
    (tmp_path / "new.srt").write_text(SCRIPT)
    labelled = ariigcn("predict", run, "--media", tmp_path / "new.mp4", "--out", tmp_path / "t")
    assert labelled.code == 0, labelled.err
    assert len(json.loads((tmp_path / "t" / "timeline.json").read_text())["utterances"]) == 2
    shutil.rmtree(run / "text_encoder")
    refused = ariigcn("predict", run, "--media", tmp_path / "new.mp4", "--out", tmp_path / "u")
    assert f"{data / 'text_encoder'}: the text encoder of {run} is not there" in refused.err


@pytest.mark.slow
@pytest.mark.parametrize("context", [1, 3])
def test_tuned_encoder_reads_a_stream_with_what_was_said_before(
    context: int,
    ariigcn: Callable,
    table: Path,
    roberta: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    names = {"epochs": 2, "learning_rate": 0.01, "folds": 0, "speaker_names": True}
    names["context"] = context
    training = [f"--text_training.{name}={value}" for name, value in names.items()]
    films = (tmp_path / "films", "--utterances", table, "--out", data)
    assert ariigcn("extract", *films, "--text", roberta, *training).code == 0
    small = ("--system", "mlp", "--training.epochs", 2)
    assert ariigcn("train", "--data", data, "--out", run, *small).code == 0
    said = [("Ann", "abcabc"), ("Bob", "x  y"), ("Ann", "xyz abc"), ("Bob", "b"), ("Ann", "zzz")]
    (tmp_path / "talk.txt").write_text("".join(f"{who}: {text}\n" for who, text in said))
    out = tmp_path / "whole"
    assert ariigcn("predict", run, "--transcript", tmp_path / "talk.txt", "--out", out).code == 0
    whole = json.loads((out / "timeline.json").read_text())["utterances"]
    talks = [  # two dialogues by turns, of which neither hears the other
        json.dumps({"dialogue": name, "speaker": who, "text": text})
        for who, text in said
        for name in ("one", "two")
    ]
    lines = [talks[0], json.dumps({"dialogue": "one", "speaker": "Ann", "text": " "}), *talks[1:]]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(lines).encode())))
    outcome = ariigcn("predict", run, "--stream")
    refused, *answers = sorted(
        map(json.loads, outcome.out.splitlines()), key=lambda x: "line" not in x
    )
    assert refused == {"line": 2, "error": "'text' has no words"}
    assert [one["dialogue"] for one in answers] == ["one", "two"] * 5
    for one, expected in zip(answers, [x for x in whole for _ in range(2)], strict=True):
        assert one["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-6)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--audio", "train"], "--text_training: goes with --text, which names the encoder to fi"),
        (
            ["--text", "ROBERTA", "--text_training.epochs=0"],
            "--text_training.epochs: is 0, expected",
        ),
        (
            ["--text", "ROBERTA", "--text_training.freeze=-1"],
            "--text_training.freeze: is -1, expec",
        ),
    ],
)
def test_bad_options_are_one_sentence(
    ariigcn: Callable,
    table: Path,
    roberta: Path,
    tmp_path: Path,
    options: list[str],
    sentence: str,
) -> None:
    named = [str(roberta) if option == "ROBERTA" else option for option in options]
    films = (tmp_path / "films", "--utterances", table, "--out", tmp_path / "data")
    outcome = ariigcn("extract", *films, "--text_training.context=1", *named)
    assert outcome.code == 2
    assert sentence in outcome.err.splitlines()[-1]
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_bundle_carries_the_tuned_encoder(
    precision: str, ariigcn: Callable, table: Path, roberta: Path, tmp_path: Path
) -> None:
    data, run, file = tmp_path / "data", tmp_path / "run", tmp_path / "talk.ariigcn"
    training = ("--text_training.epochs=1", "--text_training.folds=0", "--text_training.context=1")
    films = (tmp_path / "films", "--utterances", table, "--out", data)
    assert ariigcn("extract", *films, "--text", roberta, *training).code == 0
    small = ("--system", "mlp", "--training.epochs", 2)
    assert ariigcn("train", "--data", data, "--out", run, *small).code == 0
    (tmp_path / "new.srt").write_text(SCRIPT)
    talk = ("--transcript", tmp_path / "new.srt", "--out")
    assert ariigcn("predict", run, *talk, tmp_path / "ours").code == 0
    made = ariigcn("bundle", run, "--out", file, "--precision", precision)
    assert made.code == 0, made.err
    card = ariigcn("bundle", file).out
    assert "roberta0, fine-tuned on 24 utterances" in card
    assert ("its answers are those of the run, bit for bit." in card) == (precision == "float32")
    assert str(tmp_path).encode() not in file.read_bytes()  # nor where the encoder's base lay
    assert ariigcn("evaluate", file, "--data", data).code == 0  # features of the same encoder
    shutil.rmtree(data)
    shutil.rmtree(run)
    labelled = ariigcn("predict", file, *talk, tmp_path / "theirs")
    assert labelled.code == 0, labelled.err
    ours, theirs = (
        json.loads((tmp_path / x / "timeline.json").read_text())["utterances"]
        for x in ("ours", "theirs")
    )
    if precision == "float32":
        assert theirs == ours
    for one, other in zip(ours, theirs, strict=True):
        assert other["probabilities"] == pytest.approx(one["probabilities"], abs=1e-3)


@pytest.mark.slow
def test_bundle_of_a_run_whose_tuned_encoder_is_gone_is_refused(
    ariigcn: Callable, table: Path, roberta: Path, tmp_path: Path
) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    films = (tmp_path / "films", "--utterances", table, "--out", data)
    training = ("--text_training.epochs=1", "--text_training.folds=0")
    assert ariigcn("extract", *films, "--text", roberta, *training).code == 0
    small = ("--system", "mlp", "--training.epochs", 1)
    assert ariigcn("train", "--data", data, "--out", run, *small).code == 0
    for folder in (data, run):
        shutil.rmtree(folder / "text_encoder")
    refused = ariigcn("bundle", run, "--out", tmp_path / "a.ariigcn")
    assert refused.code == 2
    assert f"{run}: its fine-tuned text encoder is in none of {run / 'text_enc'}" in refused.err
    assert not (tmp_path / "a.ariigcn").exists()
