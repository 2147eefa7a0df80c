"""Numbers as people read them."""

from __future__ import annotations

from ariigcn_dgl.benchmark.record import CaseRecord, PeerRecord, Report

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


def place(case: CaseRecord) -> str:
    """Return where a case ran: the threads, or the GPU."""
    if case.device != "cpu":
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
    lines.append(f"times are minima of interleaved calls, {clock}")
    return "\n".join(lines)
