"""The command line: any options and values, in this process."""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from unittest import mock

from ariigcn_dgl.cli import commands
from ariigcn_dgl.cli import main as run_main
from ariigcn_dgl.cli.guarded import BUG
from ariigcn_dgl.data.community.write import write_layout
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.out_of_memory import ADVICE
from fuzz.mutate import TOKENS
from fuzz.readers.data_sets import Archive, Plain
from fuzz.readers.stream import trained_run
from fuzz.target import Case, Target, WrongAnswer

# The others train or measure for long, or load encoders: their options are parsed, no more.
RUN = ("data check", "data convert", "data import", "data synth")
RUN_TRAINED = ("evaluate", "predict", "report", "info")
WORDS = (
    "text",
    "audio",
    "emotion",
    "mean",
    "mlp",
    "ariigcn",
    "tuned",
    "paper",
    "cpu",
    "cuda:7",
    "1",
)
FLAGS = (
    "--help",
    "--version",
    "--json",
    "--config",
    "--training.epochs",
    "--model",
    "-h",
    "-x",
    "--",
)
IN, OUT = "IN", "OUT"  # stand for the folders of good files and of what is written
FITTING = {
    "data": ("IN/data", "IN/npz/set.npz", "IN/plain-folder"),
    "file": ("IN/mmgcn.pkl",),
    "out": ("OUT/new", "OUT/a.html"),
    "run": ("IN/run", "IN/run/seed0"),
    "runs": ("IN/run", "IN/run/seed0"),
}


@dataclass(frozen=True)
class _Parsed:
    """A command that does nothing once its options were parsed."""

    def load(self) -> Callable[..., None]:
        return lambda **_: None


class CommandLine(Target):
    """Exit code 0, or 2 with one sentence; nothing else is an answer."""

    name = "command-line"
    names_the_file = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        good = folder / "in"
        good.mkdir()
        trained_run(good)
        write_layout("mmgcn", good / "mmgcn.pkl", fraction=0.003)
        for target in (Archive, Plain):
            seed = target(folder).seeds[0]
            (good / target.name).mkdir()
            for name, content in seed.files.items():
                (good / target.name / name).write_bytes(content)
        self.good = good
        self.paths = [f"{IN}/{p.relative_to(good)}" for p in [*good.iterdir(), *good.glob("*/*")]]
        self.options = {
            name: list(signature(command.load()).parameters)
            for name, command in commands.COMMANDS.items()
        }

    def make(self, rng: random.Random) -> Case:
        """Return a command with its arguments and options, mostly of their kinds."""
        name = rng.choice((*RUN, *RUN, *RUN_TRAINED, *commands.COMMANDS))
        words = name.split()
        words += [self._value(rng, each) for each in commands.COMMANDS[name].positional]
        for _ in range(rng.choice((0, 0, 1, 2, 3))):
            words += self._option(rng, name)
        if name == "data synth":  # of the size of a published set only if that was refused
            words += [
                "--layout",
                "mmgcn",
                "--fraction",
                rng.choice(("0.003", "0", "nan", "x", "2")),
            ]
        if rng.random() < 0.1:
            words.pop(rng.randrange(len(words)))
        return Case(" ".join(map(ascii, words)), value=words)

    def _option(self, rng: random.Random, name: str) -> list[str]:
        if rng.random() < 0.15 or not self.options[name]:
            return [rng.choice(FLAGS)]
        option = rng.choice(self.options[name])
        words = ["--" + option.replace("_", rng.choice("_-"))]
        words += [self._value(rng, option) for _ in range(rng.choice((0, 1, 1, 1, 2)))]
        return ["=".join(words)] if rng.random() < 0.2 else words

    def _value(self, rng: random.Random, name: str) -> str:
        if name in FITTING and rng.random() < 0.7:
            return rng.choice(FITTING[name])
        kind = rng.random()
        if kind < 0.5:
            return rng.choice(self.paths)
        if kind < 0.65:
            return f"{OUT}/{rng.choice(('new', 'a.jsonl', 'a.html', 'no/where'))}"
        token = rng.choice(TOKENS).replace("\0", "")  # no argument can hold it
        return token if kind > 0.85 else rng.choice(WORDS)

    def run(self, case: Case, folder: Path) -> None:
        """Run it; what it has written goes away with `OUT`."""
        top = folder / "out"
        out = top / "here"
        out.mkdir(parents=True)
        os.chdir(out)  # where names without a folder are written, and those of ../
        places = {IN: str(self.good), OUT: str(out)}
        words = [_placed(word, places) for word in case.value]
        code, said, errors = _ended(words)
        os.chdir(folder)
        shutil.rmtree(top)
        if code == BUG:
            raise AssertionError(errors.strip())
        if ADVICE in errors:
            raise MemoryError(errors.strip())
        if code not in (0, 2):
            raise WrongAnswer(f"exit code {code}: {errors.strip()}")
        if (
            code == 2
            and not said
            and (errors.count("\n") != 1 or not errors.startswith("ariigcn: "))
        ):
            raise WrongAnswer(f"exit code 2 without one sentence: {errors.strip()!r}")
        if code == 2:
            raise InputError(errors or "in what was printed")


def _placed(word: str, places: dict[str, str]) -> str:
    for name, path in places.items():
        word = word.replace(f"{name}/", f"{path}/")
    return word


def _ended(words: list[str]) -> tuple[int, str, str]:
    """Return the exit code, and what was printed and complained of."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), _harmless():
        try:
            run_main(words)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return code, out.getvalue(), errors.getvalue()


@contextlib.contextmanager
def _harmless() -> Iterator[None]:
    """Let commands that take long do nothing; nobody types anything."""
    known = commands.COMMANDS
    run = {name: known[name] if name in (*RUN, *RUN_TRAINED) else _Parsed() for name in known}
    stdin = io.TextIOWrapper(io.BytesIO(b"{}\n"))
    with (
        mock.patch.object(sys.modules["ariigcn_dgl.cli.main"], "COMMANDS", run),
        mock.patch.object(sys, "stdin", stdin),
    ):
        yield
