"""The commands: what is known of them without importing them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """Where a command is, and what the list of commands says of it.

    Parameters
    ----------
    module : str
        Name of its module in `ariigcn_dgl.cli`.
    function : str
        What is called; its docstring and signature make the options.
    help : str
        First sentence of the docstring, as a line of a list.
    positional : tuple of str
        Arguments that are given without their names.
    plugins : bool
        Whether it has to do with classes of other packages (``--plugins``).
    """

    module: str
    function: str
    help: str
    positional: tuple[str, ...] = ()
    plugins: bool = False

    def load(self) -> Callable[..., None]:
        """Import the command's module, which takes seconds, and return its function."""
        return getattr(import_module(f"ariigcn_dgl.cli.{self.module}"), self.function)


DATA_HELP = "look at, import, convert and make data sets"
COMMANDS = {
    "train": Command(
        "train",
        "train",
        "train a system with one or more seeds, and score the test split once",
        plugins=True,
    ),
    "evaluate": Command(
        "evaluate",
        "evaluate",
        "score a trained run again, from its weights: exactly the scores that training printed",
        ("run",),
        plugins=True,
    ),
    "predict": Command(
        "predict",
        "predict",
        "label dialogues: of a data set, a chat, a recording, or a conversation still going on",
        ("run",),
        plugins=True,
    ),
    "extract": Command(
        "extract",
        "extract",
        "make features of recordings: a data set for train and predict, and a record of how",
        ("media",),
    ),
    "transcribe": Command(
        "transcribe",
        "transcribe",
        "turn the speech of a recording into subtitles with speakers' names, to be read and edited",
        ("file",),
    ),
    "experiment": Command(
        "experiment",
        "experiment",
        "compare systems or settings: search, many seeds, statistics, tables, figures",
        ("study",),
        plugins=True,
    ),
    "embed": Command(
        "embed",
        "embed",
        "measure and draw the gap between modalities before and after TGAN and contrast",
        ("run",),
        plugins=True,
    ),
    "export": Command(
        "export",
        "export",
        "write a trained run as a program for ONNX or torch.export, which needs this package no "
        "more",
        ("run",),
        plugins=True,
    ),
    "bundle": Command(
        "bundle",
        "bundle",
        "make one file of a trained run, which others predict with; or show the card of such a "
        "file",
        ("run",),
        plugins=True,
    ),
    "report": Command(
        "report",
        "report",
        "write one HTML file to be opened offline: about runs, a study, or a training that goes on",
        ("runs",),
        plugins=True,
    ),
    "benchmark": Command(
        "benchmark",
        "benchmark",
        "measure the operators, and a training step, beside other libraries and the machine's "
        "limits",
        ("operators",),
    ),
    "dgl": Command(
        "dgl",
        "dgl_",
        "say whether DGL runs on this Python and torch, or install it",
    ),
    "info": Command(
        "info",
        "info",
        "print versions, what was built, devices, and how to get what is missing",
    ),
    "data check": Command(
        "data",
        "check",
        "check a data set: show what is in it, what is wrong with it and what to do",
    ),
    "data convert": Command(
        "data",
        "convert",
        "write a data set in the one format on disk (safetensors, JSON lines, JSON)",
    ),
    "data join": Command(
        "data",
        "join",
        "make one data set of several, which stay where they are",
        ("sources",),
    ),
    "data import": Command(
        "data",
        "import_",
        "read a feature file that the field passes around, whichever it is; run nothing in it",
        ("file",),
    ),
    "data synth": Command(
        "data",
        "synth",
        "write a synthetic data set with the statistics of real conversations",
    ),
}


def command_in(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the command that a command line begins with, and its own arguments; "" for none.

    Examples
    --------
    >>> command_in(["data", "check", "folder"]), command_in(["bake"])
    (('data check', ['folder']), ('', ['bake']))
    """
    for count in (1, 2):
        name = " ".join(arguments[:count])
        if name in COMMANDS:
            return name, arguments[count:]
    return "", arguments
