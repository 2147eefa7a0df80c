"""A report as people read it: a table in the terminal, or Markdown for a README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Table

from ariigcn_dgl.benchmark.record import OURS, CaseRecord, PeerRecord, Report

NOTHING = "–"


def milliseconds(seconds: float) -> str:
    """Return milliseconds with three digits.

    Examples
    --------
    >>> [milliseconds(seconds) for seconds in (0.0000123, 0.00123, 0.0256, 12.3456)]
    ['0.012', '1.23', '25.6', '12,346']
    """
    value = 1e3 * seconds
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def times(ratio: float | None) -> str:
    """Return a ratio.

    Examples
    --------
    >>> [times(ratio) for ratio in (1.234, 12.34, 123.4, None)]
    ['1.23×', '12.3×', '123×', '–']
    """
    if ratio is None:
        return NOTHING
    return f"{ratio:,.{2 if ratio < 10 else 1 if ratio < 100 else 0}f}×"


def megabytes(size: int | None) -> str:
    """Return megabytes.

    Examples
    --------
    >>> [megabytes(size) for size in (1_500_000, 2_345_600_000, None)]
    ['1.5', '2,346', '–']
    """
    if size is None:
        return NOTHING
    return f"{size / 1e6:,.{1 if size < 1e8 else 0}f}"


def error_text(peer: PeerRecord) -> str:
    """Return the relative error of a peer, a dash where there is nothing to compare."""
    if peer.error is None:
        return NOTHING
    return f"{peer.error:.0e}" if peer.error else "0"


def on_gpu(case: CaseRecord) -> bool:
    """Return whether calls are the host's time as well, and replays are what the GPU takes."""
    return case.device != "cpu"


def place(case: CaseRecord) -> str:
    """Return where a case ran: the threads, or the GPU."""
    if on_gpu(case):
        return case.device
    return f"{case.threads} thread{'s' * (case.threads > 1)}"


def case_title(case: CaseRecord) -> str:
    """Return operator, shape, sizes, dtype and threads of a case."""
    sizes = ", ".join(f"{name} {size:,}" for name, size in case.sizes.items())
    return f"{case.operator} {case.shape}: {sizes}; {case.dtype}, {place(case)}"


def machine_text(report: Report) -> str:
    """Return the machine, the versions and the ceilings in some lines."""
    machine = report.machine
    versions = ("torch", "dgl", "torch_geometric", "pytorch-metric-learning")
    lines = [
        f"{machine.get('device', machine['processor'])}, {machine['cores']} CPU cores, "
        f"{machine['instructions']}, load {machine['load when started']} when started",
        ", ".join(f"{name} {machine[name]}" for name in versions),
    ]
    for one in report.ceilings:
        fma = f"multiply-add peak {one.fma:.0f} GFLOP/s, " if one.fma else ""
        lines.append(
            f"{one.dtype}, {one.threads} thread{'s' * (one.threads > 1)}: {fma}matrix product "
            f"{one.gemm:.0f} GFLOP/s, copy {one.copy:.0f} GB/s"
        )
    clock = "CPU time of the process" if report.options.get("clock") == "cpu" else "wall clock"
    lines.append(f"times are minima of interleaved calls, {clock}; of replays where there are any")
    return "\n".join(lines)


CAPTION = (
    "ms: minimum of calls, with the host's time on a GPU; graph ms: median of replays as a CUDA "
    "graph, over copies of the inputs in turn; MB: peak memory above what was live before a call; "
    "calls: timed ones; error: largest error of a row of output and gradients against float64, "
    "relative to the largest row"
)


def case_table(case: CaseRecord) -> Table:
    """Return the timed peers of every pass, and below them who was not timed and why."""
    table = Table(title=escape(case_title(case)), title_justify="left", title_style="bold")
    table.add_column("")  # which alone may break, as figures must not
    timed = [peer for peer in case.peers if peer.passes]
    columns = ["ms", "median", "× ours", "× bound", "MB", "calls", "error"]
    if on_gpu(case):
        columns = ["graph ms", "host ms", *columns[1:]]
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for name, bound in case.bounds.items():
        by_arithmetic = f"{bound.flops / 1e9:.3g} GFLOP, {bound.bytes / 1e6:.3g} MB"
        table.add_row(f"[bold]{name}")
        table.add_row(f"bound ({by_arithmetic})", milliseconds(bound.seconds), style="dim")
        for peer in timed:
            if name in peer.passes:
                table.add_row(*_cells(case, peer, name), style="bold green" * (peer.key == OURS))
        table.add_section()
    for peer in case.peers:
        if not peer.passes:
            table.add_row(escape(peer.title), NOTHING, style="dim")
    return table


def reasons(case: CaseRecord) -> list[str]:
    """Return one line for every peer that was not timed, and for every pass without replays."""
    untimed = [peer for peer in case.peers if not peer.passes]
    unreplayed = [
        f"{peer.title}: {name}: {timing.unreplayed}"
        for peer in case.peers
        for name, timing in peer.passes.items()
        if timing.unreplayed
    ]
    return [f"{peer.title}: {peer.status}: {peer.reason}" for peer in untimed] + unreplayed


def _cells(case: CaseRecord, peer: PeerRecord, name: str) -> list[str]:
    timing = peer.passes[name]
    title = escape(peer.title) + ", other formula" * (peer.status == "other formula")
    replay = NOTHING if timing.replay is None else milliseconds(timing.replay)
    return [
        title,
        *([replay] if on_gpu(case) else []),
        milliseconds(timing.minimum),
        milliseconds(timing.median),
        times(case.over_ours(peer, name)),
        times(case.over_bound(peer, name)),
        megabytes(timing.extra_bytes),
        str(timing.calls),
        error_text(peer),
    ]


def markdown(report: Report) -> str:
    """Return one table per operator, dtype and number of threads.

    A row is a shape and a pass: the bound and ours in milliseconds, then how many times longer than
    ours every peer takes; a star marks other formulas, a dash what was not timed.
    """
    parts = [f"{machine_text(report)}  \nMeasured {report.date[:10]}.".replace("\n", "  \n")]
    groups: dict[str, list[CaseRecord]] = {}
    for case in report.cases:
        groups.setdefault(f"{case.operator}, {case.dtype}, {place(case)}", []).append(case)
    for title, cases in groups.items():
        parts += [f"**{title}**", "\n".join(_table(cases))]
        if any(peer.status == "other formula" for case in cases for peer in case.peers):
            parts.append("\\* another formula, to compare costs only.")
    return "\n\n".join(parts) + "\n"


def _table(cases: Sequence[CaseRecord]) -> Iterable[str]:
    peers = {p.key: p for case in cases for p in case.peers if p.key != OURS and p.passes}
    names = [p.title + "\\*" * (p.status == "other formula") for p in peers.values()]
    yield _row(["shape", "pass", "bound ms", "ours ms", "ours / bound", "MB", "error", *names])
    yield _row(["---", "---", *["---:"] * (5 + len(names))])
    for case in cases:
        for name in case.bounds:
            yield _row([case.shape, name, *_ours(case, name), *_others(case, name, peers)])


def _ours(case: CaseRecord, name: str) -> list[str]:
    bound, ours = milliseconds(case.bounds[name].seconds), case.peer(OURS)
    if ours is None or name not in ours.passes:
        return [bound, *[NOTHING] * 4]
    timing = ours.passes[name]
    return [
        bound,
        f"**{milliseconds(timing.seconds)}**",
        times(case.over_bound(ours, name)),
        megabytes(timing.extra_bytes),
        error_text(ours),
    ]


def _others(case: CaseRecord, name: str, keys: Iterable[str]) -> list[str]:
    found: list[PeerRecord | None] = [case.peer(key) for key in keys]
    return [times(case.over_ours(peer, name)) if peer else NOTHING for peer in found]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
