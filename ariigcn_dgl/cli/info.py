"""``ariigcn info``."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ariigcn_dgl.environment import environment


def info() -> None:
    """Print versions, what was built, devices and threads."""
    table = Table(show_header=False, box=None)
    for name, value in environment().items():
        table.add_row(f"[bold]{name}", value)
    Console().print(table)
