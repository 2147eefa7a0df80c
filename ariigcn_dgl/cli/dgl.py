"""``ariigcn dgl``."""

from __future__ import annotations

import platform
from importlib.metadata import version

from rich.markup import escape
from rich.table import Table

from ariigcn_dgl._dgl import INSTALL
from ariigcn_dgl.cli.say import show
from ariigcn_dgl.dgl_state import DGLState, dgl_state
from ariigcn_dgl.dgl_wheel import install_dgl
from ariigcn_dgl.errors import InputError

WORKS = "graphs, batches, dgl.nn, dgl.ops, dgl.function, dgl.dataloading, dgl.save_graphs"
WITHOUT = "everything but DGL graphs: layers take Graph, training does not use DGL"
SPEED = {"Cython": "", "ctypes": ", which takes about twice as long per call as Cython"}


# jsonargparse looks a function's name up in the package, where `dgl` would import DGL.
def dgl_(install: bool = False) -> None:
    """Say whether DGL runs on this Python and torch, or install it.

    DGL is part of the installation up to Python 3.12. Newer ones have no wheel of their own:
    --install fetches that for 3.12 by pip, compares its SHA-256, tags it for any Python 3, lets pip
    install it with what it needs, and tries it. torch stays as it is.

    Parameters
    ----------
    install : bool
        Install DGL 2.1.0 unless it runs already.
    """
    state = dgl_state()
    if install and state.runs:
        print("installed already, nothing was done")
    elif install:
        install_dgl(print)
        state = dgl_state()
    table = Table(show_header=False, box=None)
    for name, value in _rows(state).items():
        table.add_row(f"[bold]{name}", escape(value))
    show(table)
    if install and not state.runs:
        raise InputError(f"DGL is installed but does not run: {state.error}")


def _rows(state: DGLState) -> dict[str, str]:
    here = f"Python {platform.python_version()} and torch {version('torch')}"
    if not state.version:
        return {"dgl": f"not installed: {INSTALL}", "works without": WITHOUT}
    if not state.runs:
        return {
            "dgl": f"{state.version} is installed but does not run on {here}: {state.error}",
            "works without": WITHOUT,
        }
    parts = ", ".join(state.missing)
    why = ": no library of theirs for this torch" if parts else "nothing"
    return {
        "dgl": f"{state.version} in {state.folder}",
        "runs on": here,
        "is called by": state.interface + SPEED[state.interface],
        "works": WORKS,
        "is missing": parts + why,
    }
