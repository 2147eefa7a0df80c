"""A roofline picture of a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ariigcn_dgl.benchmark.packages import EXTRA, import_quietly, is_installed
from ariigcn_dgl.benchmark.record import OURS, PASSES, CaseRecord, Ceilings, Report
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS_COLOUR, ROOF_COLOUR, OTHER_COLOUR = "#c1272d", "#333333", "#9a9a9a"
COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#8c510a", "#cc79a7", "#5e4fa2", "#66a61e")
MARKERS = "ovs^DPXv<>"
OPERATORS = ("attention", "contrast")
PICTURE_TYPES = (".png", ".svg", ".pdf")


def check_picture(path: str) -> None:
    """Raise InputError unless a picture can be drawn and have this name."""
    if Path(path).suffix not in PICTURE_TYPES:
        raise InputError(f"--picture {path}: expected a name that ends in .png, .svg or .pdf")
    if not is_installed("matplotlib"):
        raise InputError(f"--picture: matplotlib is not installed: {EXTRA}")


def draw(report: Report, path: str) -> None:
    """Draw useful GFLOP/s over the arithmetic intensity of every case, under the machine's roof.

    One panel per operator and pass, of the first dtype and number of threads. A case is a column:
    all peers do its useful work, at different speeds.

    Raises
    ------
    InputError
        If nothing can be drawn, or the file cannot be written.
    """
    check_picture(path)
    ceilings = report.ceilings[0]
    cases = [
        case
        for case in report.cases
        if (case.threads, case.dtype) == (ceilings.threads, ceilings.dtype)
        and case.operator in OPERATORS
    ]
    if not cases:
        raise InputError("--picture: needs a case of attention or contrast to draw")
    pyplot = import_quietly("matplotlib.pyplot")
    operators = [name for name in OPERATORS if any(case.operator == name for case in cases)]
    passes = [name for name in PASSES if any(name in case.bounds for case in cases)]
    figure, axes = pyplot.subplots(
        len(operators),
        len(passes),
        figsize=(7.2 * len(passes), 5.6 * len(operators) + 0.6),
        squeeze=False,
        layout="constrained",
    )
    for operator, row in zip(operators, axes, strict=True):
        own = [case for case in cases if case.operator == operator]
        styles = _styles(own)
        for name, axis in zip(passes, row, strict=True):
            _panel(axis, own, name, ceilings, styles)
            axis.set_title(f"{_heading(operator)}, {name.replace('+', ' + ')}", loc="left")
        handles, labels = _legend(row)
        row[-1].legend(
            handles, labels, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False
        )
    figure.suptitle(_subtitle(report, ceilings), x=0.01, ha="left", fontsize=10, color=ROOF_COLOUR)
    with replacing(path) as scratch:
        figure.savefig(scratch, dpi=150, format=Path(path).suffix.removeprefix("."))
    pyplot.close(figure)


def _heading(operator: str) -> str:
    return {"attention": "Relational edge attention", "contrast": "Pairwise contrast"}[operator]


def _subtitle(report: Report, ceilings: Ceilings) -> str:
    where = report.machine.get("device", report.machine["processor"])
    threads = f"{ceilings.threads} thread{'s' * (ceilings.threads > 1)}, "
    return f"{where}, {threads if 'device' not in report.machine else ''}{ceilings.dtype}"


def _styles(cases: Sequence[CaseRecord]) -> dict[str, dict[str, object]]:
    """Return colour and marker of every timed peer; ours stands out, other formulas step back."""
    peers = {peer.key: peer for case in cases for peer in case.peers if peer.passes}
    styles: dict[str, dict[str, object]] = {}
    for place, (key, peer) in enumerate(peers.items()):
        other = peer.status == "other formula"
        colour = OURS_COLOUR if key == OURS else COLOURS[place % len(COLOURS)]
        styles[key] = {
            "label": peer.title + (" (other formula)" if other else ""),
            "color": OTHER_COLOUR if other else colour,
            "marker": "*" if key == OURS else MARKERS[place % len(MARKERS)],
            "markersize": 15 if key == OURS else 6.5,
            "markerfacecolor": "white" if other else colour,
            "zorder": 5 if key == OURS else 3,
        }
    return styles


def _panel(
    axis: Axes,
    cases: Sequence[CaseRecord],
    name: str,
    ceilings: Ceilings,
    styles: dict[str, dict[str, object]],
) -> None:
    points = [(_intensity(case, name), case) for case in cases if name in case.bounds]
    points.sort(key=lambda point: point[0])
    low, high = points[0][0] / 1.6, points[-1][0] * 1.6
    axis.set(xscale="log", yscale="log", xlim=(low, high))
    _roof(axis, ceilings, low, high)
    for intensity, case in points:
        rates = {
            peer.key: case.bounds[name].flops / peer.passes[name].minimum / 1e9
            for peer in case.peers
            if name in peer.passes
        }
        axis.plot(
            [intensity] * 2,
            [min(rates.values()), _limit(ceilings, intensity)],
            lw=0.8,
            color="#dddddd",
            zorder=1,
        )
        for key, rate in rates.items():
            axis.plot([intensity], [rate], linestyle="none", **styles[key])
    _name_columns(axis, points)
    axis.set_xlabel("useful FLOP per byte that must move")
    axis.set_ylabel("useful GFLOP/s")
    axis.grid(True, which="major", color="#eeeeee", zorder=0)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _intensity(case: CaseRecord, name: str) -> float:
    return case.bounds[name].flops / case.bounds[name].bytes


def _limit(ceilings: Ceilings, intensity: float) -> float:
    return min(ceilings.compute, ceilings.copy * intensity)


def _roof(axis: Axes, ceilings: Ceilings, low: float, high: float) -> None:
    ridge = min(max(ceilings.compute / ceilings.copy, low), high)
    corners = [low, ridge, high]
    axis.plot(corners, [_limit(ceilings, x) for x in corners], color=ROOF_COLOUR, lw=1.6, zorder=2)
    axis.axhline(ceilings.gemm, color=ROOF_COLOUR, lw=0.8, ls=(0, (4, 3)), zorder=2)
    kind = "multiply-add peak" if ceilings.fma else "matrix product"
    names = {kind: ceilings.compute, "matrix product": ceilings.gemm}
    for text, rate in names.items():
        axis.annotate(
            f"{text} {rate:,.0f} GFLOP/s",
            (high, rate),
            xytext=(-2, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=ROOF_COLOUR,
        )


def _name_columns(axis: Axes, points: Sequence[tuple[float, CaseRecord]]) -> None:
    """Write every case's name at the foot of its column."""
    bottom, top = axis.get_ylim()
    axis.set_ylim(bottom / 8, top)
    for intensity, case in points:
        axis.annotate(
            case.shape,
            (intensity, bottom / 7),
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=8,
            color="#555555",
        )


def _legend(row: Sequence[Axes]) -> tuple[list[object], list[str]]:
    """Return each label once."""
    found = {}
    for axis in row:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)
