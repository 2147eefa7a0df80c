"""What ``ariigcn train --resume`` does not go with."""

from __future__ import annotations

from collections.abc import Sequence

from ariigcn_dgl.cli.named import PLUGINS
from ariigcn_dgl.errors import InputError

RESUME = "--resume"


def refuse_beside_resume(arguments: Sequence[str]) -> None:
    """Raise `InputError` where options are given that a run to go on with has already.

    Parameters
    ----------
    arguments : sequence of str
        A command line that can be parsed.

    Examples
    --------
    >>> refuse_beside_resume(["train", "--resume", "runs/a", "--threads=2"])
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --threads: a run that is resumed keeps the options that it ...
    """
    given = [one.partition("=")[0] for one in arguments if one.startswith("--")]
    others = [name for name in given if name not in (RESUME, PLUGINS)]
    if RESUME in given and others:
        raise InputError(
            f"{others[0]}: a run that is resumed keeps the options that it began with: leave this "
            "one out, or start another run with --out"
        )
