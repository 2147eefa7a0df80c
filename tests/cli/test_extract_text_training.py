"""``ariigcn extract --text_training``: from labelled words to a run that carries its encoder."""

from __future__ import annotations

import csv
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
