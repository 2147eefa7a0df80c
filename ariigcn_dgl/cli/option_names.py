"""The options of a command, read from its source: a typo does not wait for what it imports."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import ariigcn_dgl
from ariigcn_dgl.cli.commands import COMMANDS
from ariigcn_dgl.cli.named import PLUGINS
from ariigcn_dgl.cli.spelling import SHORT
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean

OURS = "ariigcn_dgl."
PACKAGE = Path(ariigcn_dgl.__file__).parent
OF_TRAIN = ("--config", "--print_config", *SHORT)  # beside the arguments of its function
OF_SYSTEM = "--model."  # what follows only the system knows, which is not imported here


def refuse_unknown_options(command: str, arguments: Sequence[str]) -> None:
    """Raise `InputError` where a command is given an option that it has not.

    Examples
    --------
    >>> refuse_unknown_options("data check", ["--data", "folder", "--jsno"])
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: unrecognized arguments: --jsno; did you mean '--json'? (see: ...
    """
    known = option_names(command)
    where = f"(see: ariigcn {command} --help)"
    if arguments and not COMMANDS[command].positional and not arguments[0].startswith("-"):
        raise InputError(f"unrecognized arguments: {unnamed(arguments[0], known)} {where}")
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for argument in arguments[:end]:
        name = argument.partition("=")[0]
        if name.startswith("--") and not name.startswith(OF_SYSTEM) and name not in known:
            raise InputError(f"unrecognized arguments: {name}{did_you_mean(name, known)} {where}")


def unnamed(word: str, known: Collection[str]) -> str:
    """Return a word that has no option before it, and the options that it may be for."""
    if "--data" not in known:
        return word
    named = f"{word}; a data set is named by --data {word}"
    if "--transcript" not in known:
        return named
    return f"{named}, a chat or subtitles by --transcript {word}, a recording by --media {word}"


def option_names(command: str) -> list[str]:
    """Return the options of a command, but for those in the group of the model."""
    one = COMMANDS[command]
    module = _parsed(f"{OURS}cli.{one.module}")
    function = next(x for x in module.body if getattr(x, "name", "") == one.function)
    assert isinstance(function, ast.FunctionDef)
    names = ["--help", *(OF_TRAIN if command == "train" else ())]
    names += [PLUGINS] if one.plugins else []
    for argument in function.args.args:
        if argument.arg not in one.positional:
            names.append(f"--{argument.arg}")
            names += [f"--{argument.arg}.{field}" for field in _fields(module, argument)]
    return names


def _fields(module: ast.Module, argument: ast.arg) -> Iterator[str]:
    """Yield the settings of an argument whose type is a dataclass of this package."""
    kind = getattr(argument.annotation, "id", "")
    for line in module.body:
        if not isinstance(line, ast.ImportFrom) or not str(line.module).startswith(OURS):
            continue
        if kind in [name.name for name in line.names]:
            for one in _parsed(str(line.module)).body:
                if isinstance(one, ast.ClassDef) and one.name == kind:
                    named = (x.target for x in one.body if isinstance(x, ast.AnnAssign))
                    yield from (x.id for x in named if isinstance(x, ast.Name))


def _parsed(module: str) -> ast.Module:
    path = PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))
