"""Which modules a command line itself names: those may be imported, others that files name not."""

from __future__ import annotations

from collections.abc import Sequence

from ariigcn_dgl.plugins import NAME

PLUGINS = "--plugins"
# Options, or beginnings of theirs, whose values may be module:Class.
NAMING = ("--system", "--model", "--text", "--audio", "--visual")
# What looks like module:Class and is the name of an encoder (`extract.carried`).
CARRIED = ("opensmile:",)


def modules_named(arguments: Sequence[str]) -> list[str]:
    """Return what `ariigcn_dgl.plugins.agree` takes, from options and not from files they name.

    Examples
    --------
    >>> modules_named(["--system=a:B", "--data", "c:D", "--plugins", "d", "e", "--device", "f"])
    ['a:B', 'd', 'e']
    >>> modules_named(["--audio", "opensmile:IS10"])
    []
    """
    option, found = "", list[str]()
    for argument in arguments:
        if argument.startswith("--"):
            option, _, argument = argument.partition("=")
        if option == PLUGINS and argument:
            found.append(argument)
        elif option.startswith(NAMING) and not argument.startswith(CARRIED):
            found += [name.group() for name in NAME.finditer(argument)]
    return found
