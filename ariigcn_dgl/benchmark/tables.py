"""A case as a table in the terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from ariigcn_dgl.benchmark.record import OURS, CaseRecord, PeerRecord
from ariigcn_dgl.benchmark.units import (
    NOTHING,
    case_title,
    error_text,
    megabytes,
    milliseconds,
    times,
)

CAPTION = (
    "ms: minimum; graph: ms of a replay as a CUDA graph; MB: peak memory above what was live "
    "before a call; calls: timed ones; error: largest relative error (in norm) of output and "
    "gradients against float64"
)


def case_table(case: CaseRecord) -> Table:
    """Return the timed peers of every pass, and below them who was not timed and why."""
    table = Table(title=escape(case_title(case)), title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    timed = [peer for peer in case.peers if peer.passes]
    for name in ("ms", "median", "× ours", "× bound", "MB", "calls", "error"):
        table.add_column(name, justify="right", no_wrap=True)
    if any(timing.replay for peer in timed for timing in peer.passes.values()):
        table.add_column("graph", justify="right", no_wrap=True)
    for name, bound in case.bounds.items():
        by_arithmetic = f"{bound.flops / 1e9:.3g} GFLOP, {bound.bytes / 1e6:.3g} MB"
        table.add_row(f"[bold]{name}")
        table.add_row(f"bound ({by_arithmetic})", milliseconds(bound.seconds), style="dim")
        for peer in timed:
            table.add_row(*_cells(case, peer, name), style="bold green" * (peer.key == OURS))
        table.add_section()
    for peer in case.peers:
        if not peer.passes:
            table.add_row(escape(peer.title), NOTHING, style="dim")
    return table


def reasons(case: CaseRecord) -> list[str]:
    """Return one line for every peer that was not timed."""
    untimed = [peer for peer in case.peers if not peer.passes]
    return [f"{peer.title}: {peer.status}: {peer.reason}" for peer in untimed]


def _cells(case: CaseRecord, peer: PeerRecord, name: str) -> list[str]:
    timing = peer.passes[name]
    title = escape(peer.title) + ", other formula" * (peer.status == "other formula")
    return [
        title,
        milliseconds(timing.minimum),
        milliseconds(timing.median),
        times(case.over_ours(peer, name)),
        times(case.over_bound(peer, name)),
        megabytes(timing.extra_bytes),
        str(timing.calls),
        error_text(peer),
        *([milliseconds(timing.replay)] if timing.replay else []),
    ]
