"""The commands that are stopped, and how each goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ariigcn_dgl.cli import main as ariigcn
from faults.child import Main
from faults.inputs import LAYOUTS, SMALL


@dataclass(frozen=True)
class Command:
    """A command line, in a folder of its own.

    Parameters
    ----------
    name : str
    arguments : callable
        Gets the folder of inputs and the one for what is written; returns the command line.
    out : str
        What it writes there; "": nothing, the answer is what it prints.
    resume : callable, optional
        Gets the folder; returns the command line that goes on. Default: the same once more.
    begun : str
        File in `out` from which on a stopped command says how to go on; "": all or nothing.
    main : callable
        Takes the command line.
    """

    name: str
    arguments: Callable[[Path, Path], list[str | Path]]
    out: str = "out"
    resume: Callable[[Path], list[str | Path]] | None = None
    begun: str = ""
    main: Main = ariigcn

    def line(self, inputs: Path, work: Path, again: bool = False) -> list[str]:
        """Return the command line; `again`: after it was stopped."""
        begun = self.begun and (work / self.out / self.begun).exists()
        if again and self.resume and begun:
            return list(map(str, self.resume(work)))
        return list(map(str, self.arguments(inputs, work)))


def _train(inputs: Path, work: Path) -> list[str | Path]:
    options = ["--data", inputs / "data", "--seeds", "0", "1", *SMALL, "--training.epochs=3"]
    return ["train", "--out", work / "out", *options]


def _experiment(inputs: Path, work: Path) -> list[str | Path]:
    options = ["--data", inputs / "data", "--seeds", "0", "1", "--jobs", "2"]
    return ["experiment", inputs / "study.yaml", "--out", work / "out", *options]


def _extract(inputs: Path, work: Path) -> list[str | Path]:
    sounds = inputs / "sounds"
    audio = ["--audio", "train", "--audio_training.width=4", "--audio_training.epochs=2"]
    encoders = ["--text", inputs / "roberta", *audio]
    return [
        *("extract", sounds, "--utterances", sounds / "utterances.csv", "--out", work / "out"),
        *encoders,
    ]


def _see(inputs: Path, work: Path) -> list[str | Path]:
    films = inputs / "films"
    table = ["--utterances", films / "utterances.csv", "--out", work / "out"]
    return ["extract", films, *table, "--visual", inputs / "densenet.pth", "--pictures=2"]


def _convert(inputs: Path, work: Path) -> list[str | Path]:
    return ["data", "convert", "--data", inputs / "data", "--out", work / "out"]


def _import(inputs: Path, work: Path) -> list[str | Path]:
    return ["data", "import", inputs / "others.pkl", "--out", work / "out"]


def _import_layout(name: str) -> Callable[[Path, Path], list[str | Path]]:
    return lambda inputs, work: ["data", "import", inputs / name, "--out", work / "out"]


def _check(inputs: Path, work: Path) -> list[str | Path]:
    return ["data", "check", "--data", inputs / "data", "--json"]


def _report(inputs: Path, work: Path) -> list[str | Path]:
    return ["report", inputs / "run", "--data", inputs / "data", "--out", work / "out"]


def _predict(inputs: Path, work: Path) -> list[str | Path]:
    return ["predict", inputs / "run", "--data", inputs / "data", "--out", work / "out"]


def _label(inputs: Path, work: Path) -> list[str | Path]:
    return ["predict", inputs / "labels", "--media", inputs / "new.mkv", "--out", work / "out"]


COMMANDS = {
    one.name: one
    for one in (
        Command(
            "train",
            _train,
            resume=lambda work: ["train", "--resume", work / "out"],
            begun="train.json",
        ),
        Command("experiment", _experiment, begun="experiment.json"),
        Command("extract", _extract),
        Command("extract --visual", _see),
        Command("data convert", _convert),
        Command("data import", _import),
        *(Command(f"data import {name}", _import_layout(name)) for name in LAYOUTS),
        Command("data check", _check, out=""),
        Command("report", _report),
        Command("predict", _predict),
        Command("predict --media", _label),
    )
}
