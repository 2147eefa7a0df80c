"""What ``ariigcn train --resume`` does not go with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from ariigcn_dgl.cli.named import PLUGINS
from ariigcn_dgl.cli.spelling import SHORT, with_underscores
from ariigcn_dgl.errors import InputError

RESUME = "--resume"


def refuse_changed(arguments: Sequence[str], options: Mapping[str, Any]) -> None:
    """Raise `InputError` where an option differs from what a run to go on with was begun with.

    None is applied: another number of epochs is another schedule of the learning rate from the
    first step on, and the same numbers as of an uninterrupted training are what resuming is for.

    Parameters
    ----------
    arguments : sequence of str
        A command line of ``train``.
    options : mapping of str to value
        What was parsed from it.
    """
    words = map(with_underscores, arguments)
    given = [one.partition("=")[0] for one in words if one.startswith("--")]
    run = options.get("resume")
    if run is None:
        return
    known = _known(Path(run), options)
    for name in (name for name in given if name not in (RESUME, PLUGINS)):
        *groups, last = SHORT.get(name, name).removeprefix("--").split(".")
        try:
            asked, had = (_value(values, [*groups, last]) for values in (options, known))
        except (AttributeError, KeyError):  # --config and --out, which are no settings of a run
            raise InputError(
                f"{name}: a run that is resumed keeps the options that it began with: leave this "
                "one out, or start another run with --out"
            ) from None
        if asked != had:
            raise InputError(
                f"{name}: is {_shown(asked)}, but {run} was begun with {_shown(had)}, which a run "
                "that is resumed keeps: leave the option out, or start another run with --out"
            )


def _known(run: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options that a run was begun with, under their names."""
    # These take seconds to import, which no other command line may wait for.
    from ariigcn_dgl.training.run_spec import read_run_spec, read_settings

    spec = read_run_spec(run)
    config = read_settings(run)
    own: dict[str, Any] = {name: value for name, value in spec.items() if name in options}
    return own | {"system": config.system, "model": config.model, "training": config.training}


def _value(values: Mapping[str, Any], path: Sequence[str]) -> Any:
    value = reduce(getattr, path[1:], values[path[0]])
    if path == ["data"]:
        from ariigcn_dgl.data.source import absolute

        return absolute(value)
    return value


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    # null, true and false as they are written on a command line
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
