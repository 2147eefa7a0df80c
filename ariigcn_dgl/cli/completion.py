"""A script that completes command lines in a shell, generated from the options of all commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import shtab
from jsonargparse import ArgumentParser

from ariigcn_dgl.cli.commands import COMMANDS
from ariigcn_dgl.data import MODALITIES
from ariigcn_dgl.experiments.study_file import STUDIES
from ariigcn_dgl.models import SYSTEMS

WORDS = {
    "device": ("cpu", "cuda"),
    "modalities": MODALITIES,
    "system": tuple(SYSTEMS.names),
    "systems": tuple(SYSTEMS.names),
}
NAMES = ("baseline", "peers")  # text that is neither a path nor one of few words
STUDY_OR_FILE = {
    "bash": "_ariigcn_study_or_file",
    "zsh": "_ariigcn_study_or_file",
    "fish": f"{' '.join(STUDIES)} (__fish_complete_path (commandline -ct))",
    "preamble": {
        "fish": "",
        "bash": "_ariigcn_study_or_file() {\n"
        f'  compgen -W "{" ".join(STUDIES)}" -- "$1"\n'
        '  compgen -f -- "$1"\n'
        "}",
        "zsh": "_ariigcn_study_or_file() {\n"
        f"  _alternative 'studies:study:({' '.join(STUDIES)})' 'files:file:_files'\n"
        "}",
    },
}


def completion(parser: ArgumentParser, shell: str) -> str:
    """Return the script for a shell.

    Text is completed as a path, but for the few arguments that are known to be something else.

    Parameters
    ----------
    parser : ArgumentParser
        Of the whole command line, with the options of every command; it is changed.
    shell : {"bash", "zsh", "fish"}
        The shell.

    Examples
    --------
    >>> from ariigcn_dgl.cli.parser import whole_parser
    >>> completion(whole_parser(COMMANDS), "bash").splitlines()[-1]
    'complete -o bashdefault -F _shtab_ariigcn ariigcn'
    """
    for name, command in _commands(parser):
        hints = get_type_hints(COMMANDS[name].load())
        for action in command._actions:
            if action.dest == "study":
                vars(action)["complete"] = STUDY_OR_FILE  # an attribute of shtab's
            elif action.dest in WORDS:
                action.choices = WORDS[action.dest]
            elif action.choices or action.dest in NAMES:
                continue
            elif _takes_text(hints.get(action.dest)):
                vars(action)["complete"] = shtab.FILE
    return parser.get_completion_script(f"shtab-{shell}")


def _commands(
    parser: argparse.ArgumentParser, name: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield the name and the parser of every command, however deep it lies."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for word, own in group.choices.items():
            yield from _commands(own, f"{name} {word}".strip())


def _takes_text(hint: Any) -> bool:
    return hint is str or any(map(_takes_text, get_args(hint)))
