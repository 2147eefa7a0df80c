"""Recordings, encoders of them, and a run that labels such recordings."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path

import torch

from ariigcn_dgl.extract.densenet import DenseNet
from faults.child import Child, Main
from faults.inputs import SMALL

TEXT_ENCODER = Path(__file__).parents[1] / "tests" / "tiny_roberta.py"
RATE, SECONDS = 16_000, 0.5
PICTURES, SIDE = 10, 64  # a second; pixels
PITCHES = {"happy": 440.0, "sad": 110.0}
COLOURS = {"happy": (230, 220, 60), "sad": (20, 30, 120)}
SPLITS = ("train",) * 4 + ("val", "test")


def make_recordings(folder: Path) -> None:
    """Write six recordings of sound, six of pictures, of three utterances; encoders."""
    for name in ("sounds", "films"):
        (folder / name).mkdir()
    for number in range(len(SPLITS)):
        _tones(folder / "sounds" / f"{number}.wav", _labels(number))
        _pictures(folder / "films" / f"{number}.mkv", _labels(number))
    _table(folder / "sounds", "wav")
    _table(folder / "films", "mkv")
    command = [sys.executable, TEXT_ENCODER, folder / "roberta"]
    subprocess.run(command, check=True, capture_output=True)
    torch.manual_seed(0)
    torch.save(DenseNet(4, (2, 1), 8, num_classes=3).state_dict(), folder / "densenet.pth")


def make_labelling_run(folder: Path, main: Main) -> None:
    """Train on what is said and seen in the films; write a new film with subtitles."""
    films, seen = folder / "films", folder / "seen"
    encoders = ["--text", folder / "roberta", "--visual", folder / "densenet.pth", "--pictures=2"]
    table = ["--utterances", films / "utterances.csv"]
    _done(main, ["extract", films, *table, *encoders, "--out", seen])
    options = ["--data", seen, *SMALL, "--training.epochs=2"]
    _done(main, ["train", "--out", folder / "labels", *options])
    _pictures(folder / "new.mkv", _labels(0))
    times = (f"00:00:{n // 2:02},{n % 2 * 500:03}" for n in range(4))
    starts = list(times)
    (folder / "new.srt").write_text(
        "".join(
            f"{n + 1}\n{starts[n]} --> {starts[n + 1]}\n{'AB'[n % 2]}: So {label}.\n\n"
            for n, label in enumerate(_labels(0))
        )
    )


def _done(main: Main, line: Sequence[str | Path]) -> None:
    end = Child(main, list(map(str, line))).wait()
    if end.code:
        raise RuntimeError(end.err)


def _labels(number: int) -> list[str]:
    return [("happy", "sad")[n % 2] for n in range(number, number + 3)]


def _table(folder: Path, kind: str) -> None:
    with (folder / "utterances.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "dialogue", "speaker", "start", "end", "text", "label", "split"])
        for number, split in enumerate(SPLITS):
            for n, label in enumerate(_labels(number)):
                times = (SECONDS * n, SECONDS * (n + 1))
                row = [f"{number}.{kind}", number, "AB"[n % 2], *times, f"So {label}.", label]
                table.writerow([*row, split])


def _tones(path: Path, labels: Sequence[str]) -> None:
    each = round(RATE * SECONDS)
    waves = [math.sin(2 * math.pi * PITCHES[x] * n / RATE) for x in labels for n in range(each)]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(array("h", [round(8000 * one) for one in waves]).tobytes())


def _pictures(path: Path, labels: Sequence[str]) -> None:
    import av  # which extract alone needs

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=PICTURES, width=SIDE, height=SIDE)
        stream.pix_fmt = "yuvj420p"
        for label in labels:
            frame = av.VideoFrame(SIDE, SIDE, "rgb24")
            frame.planes[0].update(bytes(COLOURS[label]) * (frame.planes[0].buffer_size // 3))
            for _ in range(round(PICTURES * SECONDS)):
                container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode())
