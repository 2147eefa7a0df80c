"""Options of every command, and how errors reach the user."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import jsonargparse
from docstring_parser import parse as parse_docstring

from ariigcn_dgl import __version__
from ariigcn_dgl.cli.data import check, convert, synth
from ariigcn_dgl.cli.evaluate import evaluate
from ariigcn_dgl.cli.info import info
from ariigcn_dgl.cli.predict import predict
from ariigcn_dgl.cli.train import PRESETS, train
from ariigcn_dgl.errors import InputError

BAD_INPUT, INTERRUPTED = 2, 130
COMMANDS = {"train": train, "evaluate": evaluate, "predict": predict, "info": info}
DATA_COMMANDS = {"check": check, "convert": convert, "synth": synth}
POSITIONAL = {
    evaluate: ["run"],
    predict: ["run"],
    check: ["data"],
    convert: ["data", "out"],
    synth: ["out"],
}
DESCRIPTION = """Emotion recognition in conversation on graphs (AR-IIGCN).

A first run needs no data:     ariigcn train
On your own features:          ariigcn data check FOLDER, then ariigcn train --data FOLDER
Scores of a trained run again: ariigcn evaluate runs/NAME
Labels for new dialogues:      ariigcn predict runs/NAME --data FOLDER --out labels.jsonl"""


class _Parser(jsonargparse.ArgumentParser):
    """Answers bad options with one sentence instead of the whole usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        command = self.prog.replace(" [options]", "")
        _stop(f"{' '.join(message.split())} (see: {command} --help)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Raises
    ------
    SystemExit
        2 for bad input, with one sentence on stderr; 130 after an interruption.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser, commands = _parser(_preset_file(arguments))
    settings = parser.instantiate(parser.parse_args(arguments))
    command, name = settings, ""
    while command.get("subcommand"):
        name = f"{name} {command['subcommand']}".strip()
        command = command[command["subcommand"]]
    options = {k: v for k, v in vars(command).items() if k not in ("config", "subcommand")}
    try:
        commands[name](**options)
    except InputError as error:
        _stop(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _stop(sentence: str) -> NoReturn:
    print(f"ariigcn: {sentence}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def _parser(preset: Path) -> tuple[_Parser, dict[str, Callable]]:
    parser = _Parser(prog="ariigcn", description=DESCRIPTION, version=__version__)
    subcommands = parser.add_subcommands()
    for name, function in COMMANDS.items():
        files = [str(preset)] if function is train else []
        subcommands.add_subcommand(name, _command(function, files), help=_help(function))
    data = _Parser(description="Look at, convert and make data sets.")
    subcommands.add_subcommand("data", data, help="look at, convert and make data sets")
    data_subcommands = data.add_subcommands()
    for name, function in DATA_COMMANDS.items():
        data_subcommands.add_subcommand(name, _command(function, []), help=_help(function))
    return parser, COMMANDS | {f"data {name}": f for name, f in DATA_COMMANDS.items()}


def _command(function: Callable, default_files: list[str]) -> _Parser:
    description = function.__doc__.split("Parameters\n")[0].strip()
    parser = _Parser(description=description, default_config_files=default_files)
    documented = parse_docstring(function.__doc__).params
    explain = {param.arg_name: " ".join(param.description.split()) for param in documented}
    if function is train:
        parser.add_argument("--config", action="config", help="YAML file of options")
        parser.add_argument("--seeds", type=int, nargs="+", default=[0], help=explain["seeds"])
    positional = POSITIONAL.get(function, ())
    for name in positional:
        parser.add_argument(name, type=str, help=explain[name])
    parser.add_function_arguments(
        function, as_group=False, as_positional=False, skip={"seeds", *positional}
    )
    return parser


def _help(function: Callable) -> str:
    first = function.__doc__.split("\n")[0].rstrip(".")
    return first[0].lower() + first[1:]


def _preset_file(arguments: Sequence[str]) -> Path:
    """Return the YAML file of ``--preset``: its values are the defaults of the other options."""
    name = "tuned"
    for option, value in zip(arguments, [*arguments, ""][1:], strict=True):
        if option == "--preset":
            name = value
        elif option.startswith("--preset="):
            name = option.removeprefix("--preset=")
    path = PRESETS / f"{name}.yaml"
    return path if path.is_file() else PRESETS / "tuned.yaml"
