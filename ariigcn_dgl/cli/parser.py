"""Options of every command, made from its signature and docstring."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import asdict
from inspect import cleandoc
from pathlib import Path
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

import jsonargparse
from docstring_parser import parse as parse_docstring

from ariigcn_dgl import __version__
from ariigcn_dgl.cli.commands import COMMANDS, DATA_HELP
from ariigcn_dgl.cli.option_names import unnamed
from ariigcn_dgl.cli.spelling import SHORT, add_short_forms
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_text
from ariigcn_dgl.option_parser import UNKNOWN, OptionParser

SHELLS = ("bash", "zsh", "fish")
LONG, SHOWN = 1000, 40  # characters of an argument that is no word, and what is shown of it
DESCRIPTION = """Emotion recognition in conversation: AR-IIGCN and the systems it is compared with.

A first run needs no data:     ariigcn train
On files of other projects:    ariigcn data import FILE.pkl --out FOLDER
On your own features:          ariigcn data check --data FOLDER, then ariigcn train --data FOLDER
Scores of a trained run again: ariigcn evaluate runs/NAME
Labels for new dialogues:      ariigcn predict runs/NAME --data FOLDER --out labels.jsonl
Features from recordings:      ariigcn extract FOLDER --text roberta-large --out DATA
Emotions in a recording:       ariigcn predict runs/NAME --media a.mp4 --out FOLDER
Systems compared:              ariigcn experiment main --data FOLDER --jobs 2
A page to look at:             ariigcn report runs/NAME --data FOLDER --out report.html"""

PLUGINS_HELP = """Modules of yours, or module:Class, that a run, a study or a --config may name and
have imported: their code then runs here; behind all else on the line. What --system and --model
options name themselves needs no --plugins, nor do packages that offer their classes as entry points
(docs/extending.md)."""


class _Help(argparse.RawDescriptionHelpFormatter, jsonargparse.DefaultHelpFormatter):
    """Keeps the line breaks of descriptions."""


class _PrintCompletion(argparse.Action):
    """Prints a script for a shell, and ends."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        # Imports every system and shtab, which no other command line may wait for.
        from ariigcn_dgl.cli.completion import completion

        print(completion(whole_parser(COMMANDS), values))
        sys.exit()


class Parser(OptionParser):
    """Says with what is wrong where help is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # An abbreviation would change its meaning when an option of that beginning is added.
        super().__init__(*arguments, formatter_class=_Help, allow_abbrev=False, **options)

    def parse_args(
        self,
        args: Iterable[str] | None = None,
        namespace: Any = None,
        env: bool | None = None,
        defaults: bool = True,
        **options: Any,
    ) -> Any:
        """Return the options; text that is none is bad input, too."""
        given = None if args is None else list(args)
        try:
            return super().parse_args(given, namespace, env, defaults, **options)
        except InputError:
            raise
        except UnicodeDecodeError:  # of a file that a group of options, as --model, was given
            for path in (Path(argument.rpartition("=")[2]) for argument in given or ()):
                if path.is_file():
                    read_text(path)  # raises what names the file
            raise
        except ValueError as error:  # of int(), which reads no number of thousands of digits
            longest = max(args or (), key=len, default="")
            if len(longest) < LONG:
                raise
            self.error(f"{longest[:SHOWN]}...: has {len(longest)} characters: {error}")

    def _near(self, message: str) -> str:
        word = message.removeprefix(UNKNOWN).partition(" ")[0]
        if message.startswith(UNKNOWN) and not word.startswith("-"):
            return unnamed(word, self.long_options()).removeprefix(word)
        return super()._near(message)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise `InputError`, which says what is wrong and where help is."""
        name = self.prog.replace(" [options]", "")
        raise InputError(f"{self._sentence(message, ex)} (see: {name} --help)") from ex


def whole_parser(names: Container[str] = ()) -> Parser:
    """Return the parser of the command line with all commands in it.

    Parameters
    ----------
    names : container of str
        Commands that get their options, and are imported for it; the others have a name and a line
        of help only.
    """
    parser = Parser(prog="ariigcn", description=DESCRIPTION, version=__version__)
    parser.add_argument(
        "--print_completion",
        action=_PrintCompletion,
        choices=SHELLS,
        dest=argparse.SUPPRESS,
        default=argparse.SUPPRESS,
        help="Print a script that completes commands, options and paths in this shell, and exit.",
    )
    subcommands = parser.add_subcommands()
    of_data = {name: one for name, one in COMMANDS.items() if name.startswith("data ")}
    for name, command in COMMANDS.items():
        if name not in of_data:
            own = command_parser(name) if name in names else Parser()
            subcommands.add_subcommand(name, own, help=command.help)
    data = Parser(description=f"{DATA_HELP.capitalize()}.")
    subcommands.add_subcommand("data", data, help=DATA_HELP)
    data_subcommands = data.add_subcommands()
    for name, command in of_data.items():
        own = command_parser(name) if name in names else Parser()
        data_subcommands.add_subcommand(name.removeprefix("data "), own, help=command.help)
    return parser


def command_parser(name: str, arguments: Sequence[str] = ()) -> Parser:
    """Return the parser of one command's options, which it is imported for.

    Parameters
    ----------
    name : str
        The command.
    arguments : sequence of str
        What follows it: the system named there decides the options of ``train``.
    """
    function, positional = COMMANDS[name].load(), COMMANDS[name].positional
    text = function.__doc__ or ""
    description = cleandoc(text).split("Parameters\n")[0].strip()
    parser = Parser(prog=f"ariigcn {name}", description=description)
    documented = parse_docstring(text).params
    explain = {param.arg_name: " ".join((param.description or "").split()) for param in documented}
    if name == "train":
        short = "\n".join(f"  {one:15}{whole}" for one, whole in SHORT.items())
        parser.description = f"{description}\n\nShort forms of the commonest settings:\n{short}"
        _add_training_options(parser, function, explain, arguments)
    else:
        _add_options(parser, function, explain, positional)
    if COMMANDS[name].plugins:
        parser.add_argument("--plugins", nargs="+", default=[], help=PLUGINS_HELP)
    return parser


def _add_options(
    parser: Parser,
    function: Callable,
    explain: dict[str, str],
    positional: Sequence[str] = (),
    skip: Sequence[str] = (),
) -> None:
    own: set[str | int] = {*positional, *skip}
    for name, hint in get_type_hints(function).items():
        element = _element(hint)
        if name in skip:
            continue
        if name in positional:
            how = {"type": element, "nargs": "*", "default": []} if element else {"type": hint}
            parser.add_argument(name, **how, help=explain[name])
        elif element:
            parser.add_argument(f"--{name}", type=element, nargs="+", help=explain[name])
            own.add(name)
        elif hint is bool:
            parser.add_argument(f"--{name}", action="store_true", help=explain[name])
            own.add(name)
    parser.add_function_arguments(function, as_group=False, as_positional=False, skip=own)


def _add_training_options(
    parser: Parser, function: Callable, explain: dict[str, str], arguments: Sequence[str]
) -> None:
    """Add the options of ``train``, of which those of the model belong to the chosen system."""
    # These import every system, which no other command may wait for.
    from ariigcn_dgl.cli.choice import chosen
    from ariigcn_dgl.models import SYSTEMS
    from ariigcn_dgl.training.run_config import preset_config

    system, preset = chosen(arguments)
    config = preset_config(system, preset)
    parser.add_argument("--config", action="config", help="YAML file of options")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help=explain["seeds"])
    parser.add_argument("--model", type=type(config.model), help=explain["model"])
    known = ", ".join(SYSTEMS.names)
    parser.add_argument("--system", help=f"{explain['system']} One of {known}, or module:Class.")
    _add_options(parser, function, explain, skip=("seeds", "model", "system"))
    add_short_forms(parser)
    defaults = {"model": asdict(config.model), "training": asdict(config.training)}
    parser.set_defaults(defaults | {"system": config.system, "preset": preset})


def _element(hint: Any) -> Any:
    """Return X of ``list[X]`` and of ``list[X] | None``, None of anything else."""
    lists = [one for one in (hint, *get_args(hint)) if get_origin(one) is list]
    return get_args(lists[0])[0] if lists else None
