"""Options of every command, and how errors reach the user."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from inspect import cleandoc
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

import jsonargparse
from docstring_parser import parse as parse_docstring

from ariigcn_dgl import __version__
from ariigcn_dgl.cli.benchmark import benchmark
from ariigcn_dgl.cli.choice import chosen
from ariigcn_dgl.cli.data import check, convert, import_, synth
from ariigcn_dgl.cli.dgl import dgl_
from ariigcn_dgl.cli.embed import embed
from ariigcn_dgl.cli.evaluate import evaluate
from ariigcn_dgl.cli.experiment import experiment
from ariigcn_dgl.cli.extract import extract
from ariigcn_dgl.cli.info import info
from ariigcn_dgl.cli.predict import predict
from ariigcn_dgl.cli.report import report
from ariigcn_dgl.cli.train import train
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.presets import preset_config
from ariigcn_dgl.training.run_config import RunConfig

BAD_INPUT, INTERRUPTED = 2, 130
COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "predict": predict,
    "extract": extract,
    "experiment": experiment,
    "embed": embed,
    "report": report,
    "benchmark": benchmark,
    "dgl": dgl_,
    "info": info,
}
DATA_COMMANDS = {"check": check, "convert": convert, "import": import_, "synth": synth}
FUNCTIONS = COMMANDS | {f"data {name}": function for name, function in DATA_COMMANDS.items()}
POSITIONAL = {
    evaluate: ["run"],
    embed: ["run"],
    report: ["runs"],
    predict: ["run"],
    extract: ["media"],
    experiment: ["study"],
    benchmark: ["operators"],
    check: ["data"],
    convert: ["data", "out"],
    import_: ["file"],
    synth: ["out"],
}
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


class _Parser(jsonargparse.ArgumentParser):
    """Answers bad options with one sentence instead of the whole usage."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        command = (getattr(ex, "subcommand_parser", None) or self).prog.replace(" [options]", "")
        message = " ".join(message.split())
        if message.startswith(REQUIRED):
            command, message = _name_required(message.removeprefix(REQUIRED).split(", "))
        positional = POSITIONAL.get(FUNCTIONS.get(command.removeprefix("ariigcn ")), ())
        message = re.sub(
            r'Parser key "([\w.]+)"( element \d+)?:',
            lambda key: f"{key[1]}:" if key[1] in positional else f"--{key[1]}:",
            message,
        )
        message = re.sub(r"a <class '(\w+)'>", r"\1", message).replace(
            "a typing.Literal", "one of "
        )
        _stop(f"{message} (see: {command} --help)")


def _name_required(names: Sequence[str]) -> tuple[str, str]:
    """Return the command and the sentence for ``["data.convert.out"]``."""
    command = names[0].rpartition(".")[0].replace(".", " ")
    positional = POSITIONAL.get(FUNCTIONS[command], ())
    short = [name.rpartition(".")[2] for name in names]
    options = [name if name in positional else f"--{name}" for name in short]
    return f"ariigcn {command}", REQUIRED + ", ".join(options)


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
    try:
        name, options = _settings(arguments)
        FUNCTIONS[name](**options)
    except InputError as error:
        _stop(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _stop(sentence: str) -> NoReturn:
    print(f"ariigcn: {sentence}", file=sys.stderr)
    sys.exit(BAD_INPUT)


def _settings(arguments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the command and all its options; those not given have the values of the preset."""
    arguments = [_with_underscores(argument) for argument in arguments]
    system, preset = chosen(arguments if arguments[:1] == ["train"] else [])
    parser = _parser(preset_config(system, preset), preset)
    command, name = parser.instantiate(parser.parse_args(arguments)), ""
    while command.get("subcommand"):
        name = f"{name} {command['subcommand']}".strip()
        command = command[command["subcommand"]]
    return name, {k: v for k, v in vars(command).items() if k not in ("config", "subcommand")}


def _with_underscores(argument: str) -> str:
    """Return ``--val-fraction=0.1`` as ``--val_fraction=0.1``."""
    return re.sub(r"^--[a-z][\w.-]*", lambda name: f"--{name[0][2:].replace('-', '_')}", argument)


def _parser(config: RunConfig, preset: str) -> _Parser:
    parser = _Parser(
        prog="ariigcn",
        description=DESCRIPTION,
        version=__version__,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    subcommands = parser.add_subcommands()
    for name, function in COMMANDS.items():
        command = _command(function, config)
        if function is train:
            defaults = {"model": asdict(config.model), "training": asdict(config.training)}
            command.set_defaults(defaults | {"system": config.system, "preset": preset})
        subcommands.add_subcommand(name, command, help=_help(function))
    data = _Parser(description="Look at, import, convert and make data sets.")
    subcommands.add_subcommand("data", data, help="look at, import, convert and make data sets")
    data_subcommands = data.add_subcommands()
    for name, function in DATA_COMMANDS.items():
        data_subcommands.add_subcommand(name, _command(function, config), help=_help(function))
    return parser


def _command(function: Callable, config: RunConfig) -> _Parser:
    description = cleandoc(function.__doc__).split("Parameters\n")[0].strip()
    parser = _Parser(description=description)
    documented = parse_docstring(function.__doc__).params
    explain = {param.arg_name: " ".join(param.description.split()) for param in documented}
    positional, own = {*POSITIONAL.get(function, ())}, set[str]()
    if function is train:
        parser.add_argument("--config", action="config", help="YAML file of options")
        parser.add_argument("--seeds", type=int, nargs="+", default=[0], help=explain["seeds"])
        parser.add_argument("--model", type=type(config.model), help=explain["model"])
        own |= {"seeds", "model"}
    own |= positional
    for name, hint in get_type_hints(function).items():
        element = _element(hint)
        if name in own - positional:
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
    return parser


def _element(hint: Any) -> Any:
    """Return X of ``list[X]`` and of ``list[X] | None``, None of anything else."""
    lists = [one for one in (hint, *get_args(hint)) if get_origin(one) is list]
    return get_args(lists[0])[0] if lists else None


def _help(function: Callable) -> str:
    first = function.__doc__.split("\n")[0].rstrip(".")
    return first[0].lower() + first[1:]
