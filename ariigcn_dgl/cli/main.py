"""From a command line to the command, and how errors reach the user."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ariigcn_dgl.cli.commands import COMMANDS, command_in
from ariigcn_dgl.cli.guarded import guarded
from ariigcn_dgl.cli.named import modules_named
from ariigcn_dgl.cli.option_names import refuse_unknown_options
from ariigcn_dgl.cli.parser import command_parser, whole_parser
from ariigcn_dgl.cli.resume import refuse_changed
from ariigcn_dgl.cli.say import stop
from ariigcn_dgl.cli.signals import exit_code, stoppable
from ariigcn_dgl.cli.spelling import with_names, with_underscores
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.plugins import agree

DATA = "data"  # the group of commands on data sets


@guarded
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Raises
    ------
    SystemExit
        2 for bad input, with one sentence on stderr; 128 and the signal's number, 130 of Ctrl-C,
        after an interruption; what else there is stands with `guarded`.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        name, options = _settings(arguments)
        if name == "train":
            refuse_changed(arguments, options)
        with stoppable():
            COMMANDS[name].load()(**options)
    except InputError as error:
        stop(str(error))
    except KeyboardInterrupt as interrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(exit_code(interrupt))


def _settings(arguments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the command and all its options; those not given have the values of the preset."""
    name, own = command_in([with_underscores(argument) for argument in arguments])
    if not name:
        _require_command(own)
        parser = whole_parser()
        parser.parse_args(own)  # ends: with help, or with what is wrong
        parser.error("expected a command first")
    own = with_names(name, own)
    agree(*modules_named(own))  # before the parser, whose options are those of the system
    refuse_unknown_options(name, own)
    parser = command_parser(name, own)
    options = parser.instantiate(parser.parse_args(own))
    return name, {k: v for k, v in vars(options).items() if k not in ("config", "plugins")}


def _require_command(arguments: Sequence[str]) -> None:
    """Raise `InputError` where nothing is asked for, or nothing of ``data``."""
    asked = list(arguments)
    if asked in ([], [DATA]):
        words = [name.split() for name in COMMANDS]
        names = dict.fromkeys(one[len(asked)] for one in words if one[: len(asked)] == asked)
        shown = " ".join(["ariigcn", *asked, "--help"])
        raise InputError(f"name a command: {', '.join(names)} ({shown} shows what they do)")
