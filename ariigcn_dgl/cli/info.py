"""``ariigcn info``."""

from __future__ import annotations

import re
from importlib.metadata import requires

import torch
from rich.markup import escape
from rich.table import Table

from ariigcn_dgl._dgl import INSTALL
from ariigcn_dgl._native import build_info
from ariigcn_dgl.cli.say import show
from ariigcn_dgl.environment import MISSING, environment
from ariigcn_dgl.optional import installed_version

BUILD = "pip install --no-build-isolation . (in the project's folder)"
OPTIONAL = re.compile(r"""([\w.-]+)[^;\[]*;.*\bextra == ["'](?!dev)([\w-]+)["']""")


def info() -> None:
    """Print versions, what was built, devices, and how to get what is missing."""
    found = environment()
    if found["dgl"] == MISSING:
        found["dgl"] = f"missing: {INSTALL}"
    table = Table(show_header=False, box=None)
    for name, value in (found | {"cuda kernels": _kernels()} | _optional()).items():
        table.add_row(f"[bold]{escape(name)}", escape(value))
    show(table)


def _kernels() -> str:
    """Return for which GPUs there are kernels, or what it takes to have some."""
    built, cuda = build_info(), torch.version.cuda
    if built["cuda"]:
        return f"for {built['cuda_archs']}" + ("" if cuda else "; this torch has no CUDA")
    if cuda:
        return f"missing: torch has CUDA {cuda}; install nvcc {cuda}, then build again: {BUILD}"
    return "none; this torch has no CUDA"


def _optional() -> dict[str, str]:
    """Return the versions of libraries that our extras install, or which extra does, the first."""
    found = filter(None, map(OPTIONAL.fullmatch, requires("ariigcn_dgl") or ()))
    extras: dict[str, str] = {}
    for name, extra in (one.groups() for one in found):
        extras.setdefault(name, extra)
    return {
        name: installed_version(name) or f'missing: pip install "ariigcn_dgl[{extra}]"'
        for name, extra in extras.items()
    }
