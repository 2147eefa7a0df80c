"""What the commands work on: small, so that each takes a second or two."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
import wave
from array import array
from pathlib import Path

from ariigcn_dgl.data import SynthConfig, SynthModality, synthesise, write_folder
from ariigcn_dgl.data.community import write_layout
from faults.child import Child, Main

SMALL = (
    *("--model.hidden_dim=8", "--model.head_dim=8", "--model.projection_dim=0"),
    *("--training.batch_size=4", "--training.adversarial_epochs=1"),
)
STUDY = """title: Two settings
baseline: narrow
defaults: {system: mlp, set: {training.epochs: 2}}
settings:
  - {name: narrow, set: {model.hidden_dim: 4}, search: {training.learning_rate: [0.001, 0.01]}}
  - {name: wide, set: {model.hidden_dim: 8}, search: {training.learning_rate: [0.001, 0.01]}}
"""
TEXT_ENCODER = Path(__file__).parents[1] / "tests" / "tiny_roberta.py"
RATE, SECONDS = 16_000, 0.5


def make_data(folder: Path) -> None:
    """Write a data set, a feature file of another project, and a study."""
    modality = SynthModality(width=6, strength=3.0, trait=0.5, drift=0.3)
    config = SynthConfig(
        name="small",
        train=6,
        val=3,
        test=3,
        length_mean=6,
        length_sd=2.0,
        length_min=3,
        length_max=9,
        text=modality,
        audio=modality,
        visual=modality,
    )
    write_folder(synthesise(config, 0), folder / "data")
    write_layout("dialoguegcn", folder / "others.pkl", fraction=0.02)
    (folder / "study.yaml").write_text(STUDY)


def make_run(folder: Path, main: Main) -> None:
    """Train the run that is reported and predicts."""
    options = ["--data", str(folder / "data"), "--seeds", "0", "1", *SMALL, "--training.epochs=2"]
    end = Child(main, ["train", "--out", str(folder / "run"), *options]).wait()
    if end.code:
        raise RuntimeError(end.err)


def make_recordings(folder: Path) -> None:
    """Write six recordings of three utterances, their table, and a text encoder."""
    (folder / "films").mkdir()
    with (folder / "films" / "utterances.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "dialogue", "speaker", "start", "end", "text", "label", "split"])
        for number, split in enumerate(["train"] * 4 + ["val", "test"]):
            labels = [("happy", "sad")[n % 2] for n in range(number, number + 3)]
            name = f"{number}.wav"
            _tones(folder / "films" / name, [440.0 if one == "happy" else 110.0 for one in labels])
            for n, label in enumerate(labels):
                times = (SECONDS * n, SECONDS * (n + 1))
                table.writerow([name, number, "AB"[n % 2], *times, f"So {label}.", label, split])
    command = [sys.executable, TEXT_ENCODER, folder / "roberta"]
    subprocess.run(command, check=True, capture_output=True)


def _tones(path: Path, pitches: list[float]) -> None:
    each = round(RATE * SECONDS)
    waves = [math.sin(2 * math.pi * p * n / RATE) for p in pitches for n in range(each)]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(array("h", [round(8000 * one) for one in waves]).tobytes())
