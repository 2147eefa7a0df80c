"""Options of every command, made from its signature and docstring."""

from __future__ import annotations

import argparse
import re
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
from ariigcn_dgl.escape import visible
from ariigcn_dgl.files import read_text
from ariigcn_dgl.option_parser import OptionParser

BAD_INPUT = 2
SHELLS = ("bash", "zsh")
LONG, SHOWN = 1000, 40  # characters of an argument that is no word, and what is shown of it
REQUIRED = "the following arguments are required: "
DESCRIPTION = """Emotion recognition in conversation: AR-IIGCN and the systems it is compared with.

A first run needs no data:     ariigcn train
On files of other projects:    ariigcn data import FILE.pkl --out FOLDER
On your own features:          ariigcn data check FOLDER, then ariigcn train --data FOLDER
Scores of a trained run again: ariigcn evaluate runs/NAME
Labels for new dialogues:      ariigcn predict runs/NAME --data FOLDER --out labels.jsonl
Features from recordings:      ariigcn extract FOLDER --text roberta-large --out DATA
Emotions in a recording:       ariigcn predict runs/NAME --media a.mp4 --out FOLDER
Systems compared:              ariigcn experiment main --data FOLDER --jobs 2
A page to look at:             ariigcn report runs/NAME --data FOLDER --out report.html"""


class _Help(argparse.RawDescriptionHelpFormatter, jsonargparse.DefaultHelpFormatter):
    """Keeps the line breaks of descriptions."""


class _PrintCompletion(argparse.Action):
    """Prints a script for a shell, and ends."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        from ariigcn_dgl.cli.completion import completion  # imports this module

        print(completion(values))
        sys.exit()


class Parser(OptionParser):
    """Answers bad options with one sentence instead of the whole usage."""

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

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what is wrong, and where help is, and end with code 2."""
        name = (getattr(ex, "subcommand_parser", None) or self).prog.replace(" [options]", "")
        message = " ".join(message.split())
        if message.startswith(REQUIRED):
            name, message = _name_required(message.removeprefix(REQUIRED).split(", "))
        command = COMMANDS.get(name.removeprefix("ariigcn "))
        positional = command.positional if command else ()
        message = re.sub(
            r'Parser key "([\w.]+)"( element \d+)?:',
            lambda key: f"{key[1]}:" if key[1] in positional else f"--{key[1]}:",
            message,
        )
        message = re.sub(r"a <class '(\w+)'>", r"\1", message).replace(
            "a typing.Literal", "one of "
        )
        stop(f"{message} (see: {name} --help)")


def _name_required(names: Sequence[str]) -> tuple[str, str]:
    """Return the command and the sentence for ``["data.convert.out"]``."""
    name = names[0].rpartition(".")[0].replace(".", " ")
    short = [one.rpartition(".")[2] for one in names]
    options = [one if one in COMMANDS[name].positional else f"--{one}" for one in short]
    return f"ariigcn {name}", REQUIRED + ", ".join(options)


def stop(sentence: str) -> NoReturn:
    """Print a sentence about bad input and end with code 2."""
    print(f"ariigcn: {visible(sentence)}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def parser_with(names: Container[str], arguments: Sequence[str] = ()) -> Parser:
    """Return the parser of the command line.

    Parameters
    ----------
    names : container of str
        Commands that get their options, and are imported for it; the others have a name and a line
        of help only.
    arguments : sequence of str
        The command line: the system that it names decides the options of ``train``.
    """
    parser = Parser(
        prog="ariigcn",
        description=DESCRIPTION,
        version=__version__,
        formatter_class=_Help,
        allow_abbrev=False,
    )
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
            own = _options(name, arguments) if name in names else Parser()
            subcommands.add_subcommand(name, own, help=command.help)
    data = Parser(description=f"{DATA_HELP.capitalize()}.")
    subcommands.add_subcommand("data", data, help=DATA_HELP)
    data_subcommands = data.add_subcommands()
    for name, command in of_data.items():
        own = _options(name, arguments) if name in names else Parser()
        data_subcommands.add_subcommand(name.removeprefix("data "), own, help=command.help)
    return parser


def _options(name: str, arguments: Sequence[str]) -> Parser:
    function, positional = COMMANDS[name].load(), COMMANDS[name].positional
    text = function.__doc__ or ""
    parser = Parser(description=cleandoc(text).split("Parameters\n")[0].strip())
    documented = parse_docstring(text).params
    explain = {param.arg_name: " ".join((param.description or "").split()) for param in documented}
    if name == "train":
        _add_training_options(parser, function, explain, arguments)
    else:
        _add_options(parser, function, explain, positional)
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
    from ariigcn_dgl.training.run_config import preset_config

    system, preset = chosen(arguments)
    config = preset_config(system, preset)
    parser.add_argument("--config", action="config", help="YAML file of options")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help=explain["seeds"])
    parser.add_argument("--model", type=type(config.model), help=explain["model"])
    _add_options(parser, function, explain, skip=("seeds", "model"))
    defaults = {"model": asdict(config.model), "training": asdict(config.training)}
    parser.set_defaults(defaults | {"system": config.system, "preset": preset})


def _element(hint: Any) -> Any:
    """Return X of ``list[X]`` and of ``list[X] | None``, None of anything else."""
    lists = [one for one in (hint, *get_args(hint)) if get_origin(one) is list]
    return get_args(lists[0])[0] if lists else None
