"""What users type, in the words of the parser: hyphens, short forms, and forms of before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from jsonargparse import ArgumentParser

from ariigcn_dgl.cli.say import note

# The commonest settings of `train`. A system that lacks one has no such short form.
SHORT = {
    "--seed": "--seeds",
    "--epochs": "--training.epochs",
    "--lr": "--training.learning_rate",
    "--batch_size": "--training.batch_size",
    "--weight_decay": "--training.weight_decay",
    "--patience": "--training.patience",
    "--hidden_dim": "--model.hidden_dim",
    "--dropout": "--model.dropout",
    "--past": "--model.window.past",
    "--future": "--model.window.future",
}
# What version 0.2 took without its name; goes with version 0.4.
UNNAMED = {
    "data check": ("--data",),
    "data convert": ("--data", "--out"),
    "data synth": ("--out",),
}
# What version 0.2 called otherwise; goes with version 0.4.
BEFORE = {"predict": {"--subtitles": "--transcript"}}


def with_underscores(argument: str) -> str:
    """Return ``--val-fraction=0.1`` as ``--val_fraction=0.1``."""
    return re.sub(r"^--[a-z][\w.-]*", lambda name: f"--{name[0][2:].replace('-', '_')}", argument)


def with_names(command: str, arguments: Sequence[str]) -> list[str]:
    """Return arguments with the names that they need now; say so of those that had none.

    Examples
    --------
    >>> with_names("data check", ["--data", "folder"])
    ['--data', 'folder']
    """
    named: list[str] = []
    for option, value in zip(UNNAMED.get(command, ()), arguments, strict=False):
        if value.startswith("-"):
            break
        named += [option, value]
    rest = arguments[len(named) // 2 :]
    if named:
        note(f"the next version takes these by name only: ariigcn {command} {' '.join(named)}")
    return [*named, *(_now(one, BEFORE.get(command, {})) for one in rest)]


def _now(argument: str, renamed: Mapping[str, str]) -> str:
    name, equals, value = argument.partition("=")
    return renamed.get(name, name) + equals + value


def add_short_forms(parser: ArgumentParser) -> None:
    """Let the settings in `SHORT` be given by their short forms, too, where the parser has them."""
    known = parser._option_string_actions
    for short, whole in SHORT.items():
        if whole in known:
            known[whole].option_strings = [*known[whole].option_strings, short]
            known[short] = known[whole]
