"""A report as Markdown tables, for a README."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ariigcn_dgl.benchmark.record import OURS, CaseRecord, PeerRecord, Report
from ariigcn_dgl.benchmark.units import (
    NOTHING,
    error_text,
    machine_text,
    megabytes,
    milliseconds,
    place,
    times,
)


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
        f"**{milliseconds(timing.minimum)}**",
        times(case.over_bound(ours, name)),
        megabytes(timing.extra_bytes),
        error_text(ours),
    ]


def _others(case: CaseRecord, name: str, keys: Iterable[str]) -> list[str]:
    found: list[PeerRecord | None] = [case.peer(key) for key in keys]
    return [times(case.over_ours(peer, name)) if peer else NOTHING for peer in found]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
