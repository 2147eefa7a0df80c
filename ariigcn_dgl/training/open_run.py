"""A run folder to train in: made whole, or found; and nobody else in it meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import replacing, sweep_beside
from ariigcn_dgl.lock import locked
from ariigcn_dgl.training.plan import read_plan, write_plan
from ariigcn_dgl.training.run_config import RunConfig

BUSY = "another process is training in it; wait for it"


@contextlib.contextmanager
def new_run(path: Path, plan: dict[str, Any], config: RunConfig) -> Iterator[None]:
    """Make a run folder with all that decides the run, or nothing; lock it while it is trained in.

    Parameters
    ----------
    path : Path
        Its parents are made; it must not exist.
    plan, config
        As of `write_plan`.

    Raises
    ------
    InputError
        If it exists or cannot be created.
    """
    refuse_existing_run(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be created: {error.strerror}") from error
    with contextlib.ExitStack() as stack:
        with replacing(path) as scratch:
            scratch.mkdir()
            stack.enter_context(locked(scratch, BUSY))
            write_plan(scratch, plan, config)
        yield


@contextlib.contextmanager
def old_run(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the plan of a run folder that is to be gone on with; lock it meanwhile.

    Raises
    ------
    InputError
        If it is no run folder, is damaged, or another process trains in it.
    """
    plan = read_plan(path)
    sweep_beside(path)
    with locked(path, BUSY):
        yield plan


def refuse_existing_run(path: Path) -> None:
    """Raise `InputError` if something is at the path already."""
    if path.exists() or path.is_symlink():
        raise InputError(
            f"{path}: the output folder exists already; choose another with --out, or continue it "
            f"with: ariigcn train --resume {path}"
        )
