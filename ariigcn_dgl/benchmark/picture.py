"""A roofline picture of a report."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ariigcn_dgl.benchmark.record import OURS, PASSES, CaseRecord, Ceilings, Report
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.optional import import_quietly
from ariigcn_dgl.plots import new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS_COLOUR, ROOF_COLOUR, OTHER_COLOUR = "#c1272d", "#333333", "#9a9a9a"
COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#e69f00", "#8c510a", "#cc79a7", "#5e4fa2", "#66a61e")
MARKERS = "ovs^DPXv<>"
OPERATORS = ("attention", "contrast")
SPREAD = 0.5
STEM: dict[str, Any] = {"color": "#dddddd", "lw": 1.0, "zorder": 1}
PICTURE_TYPES = (".png", ".svg", ".pdf")

Styles = dict[str, dict[str, Any]]


def check_picture(path: str) -> None:
    """Raise InputError unless a picture can have this name."""
    if Path(path).suffix not in PICTURE_TYPES:
        raise InputError(f"--picture {path}: expected a name that ends in .png, .svg or .pdf")


def draw(report: Report, path: str) -> None:
    """Draw the useful GFLOP/s of every peer under the machine's roof.

    One panel per operator and pass, of the first dtype and number of threads. A case is a column
    with a roof of its own, the smaller of the multiply-add peak and what the copy rate feeds at its
    arithmetic intensity (useful FLOP per byte that must move). All peers of a column are credited
    with the same useful work.

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
    operators = [name for name in OPERATORS if any(case.operator == name for case in cases)]
    passes = [name for name in PASSES if any(name in case.bounds for case in cases)]
    widest = max(sum(case.operator == name for case in cases) for name in operators)
    figure = new_figure(
        len(passes) * max(4.5, 0.9 * widest + 0.8) + 2.6, 4.6 * len(operators) + 0.6
    )
    axes = figure.subplots(len(operators), len(passes), squeeze=False, sharey="row")
    for operator, row in zip(operators, axes, strict=True):
        own = [case for case in cases if case.operator == operator]
        styles = _styles(own)
        for name, axis in zip(passes, row, strict=True):
            _panel(axis, own, name, ceilings, styles)
            title = f"{_heading(operator)}, {name.replace('+', ' + ')}"
            axis.set_title(title, loc="left", fontweight="bold", fontsize=11)
        row[0].set_ylabel("useful GFLOP/s")
        handles, labels = _legend(row, ceilings, styles)
        row[-1].legend(
            handles, labels, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False
        )
    figure.suptitle(_subtitle(report, ceilings), x=0.01, ha="left", fontsize=10, color=ROOF_COLOUR)
    save(figure, Path(path))


def _heading(operator: str) -> str:
    return {"attention": "Relational edge attention", "contrast": "Pairwise contrast"}[operator]


def _subtitle(report: Report, ceilings: Ceilings) -> str:
    where = report.machine.get("device", report.machine["processor"])
    threads = f"{ceilings.threads} thread{'s' * (ceilings.threads > 1)}, "
    return f"{where}, {threads if 'device' not in report.machine else ''}{ceilings.dtype}"


def _styles(cases: Sequence[CaseRecord]) -> Styles:
    """Return colour and marker of every timed peer; ours stands out, other formulas step back."""
    peers = {peer.key: peer for case in cases for peer in case.peers if peer.passes}
    styles: Styles = {}
    colours = cycle(COLOURS)
    for place, (key, peer) in enumerate(peers.items()):
        other = peer.status == "other formula"
        colour = OURS_COLOUR if key == OURS else OTHER_COLOUR if other else next(colours)
        styles[key] = {
            "label": peer.title + (" (other formula)" if other else ""),
            "color": colour,
            "marker": "*" if key == OURS else MARKERS[place % len(MARKERS)],
            "markersize": 15 if key == OURS else 6.5,
            "markerfacecolor": "white" if other else colour,
            "zorder": 5 if key == OURS else 3,
        }
    return styles


def _panel(
    axis: Axes, cases: Sequence[CaseRecord], name: str, ceilings: Ceilings, styles: Styles
) -> None:
    """Draw one column per case, in the order of arithmetic intensity, under its own roof."""
    cases = sorted(
        (case for case in cases if name in case.bounds), key=lambda c: _intensity(c, name)
    )
    for place, case in enumerate(cases):
        flops = case.bounds[name].flops
        rates = {
            p.key: flops / p.passes[name].seconds / 1e9 for p in case.peers if name in p.passes
        }
        roof = flops / case.bounds[name].seconds / 1e9
        axis.plot([place, place], [min(rates.values(), default=roof), roof], **STEM)
        axis.plot([place - 0.42, place + 0.42], [roof, roof], color=ROOF_COLOUR, lw=2.2)
        for side, key in enumerate(key for key in styles if key in rates and key != OURS):
            shift = SPREAD * ((side + 0.5) / max(len(rates) - 1, 1) - 0.5)  # apart where they agree
            axis.plot([place + shift], [rates[key]], linestyle="none", **styles[key])
        if OURS in rates:
            axis.plot([place], [rates[OURS]], linestyle="none", **styles[OURS])
    axis.axhline(ceilings.gemm, color=ROOF_COLOUR, lw=0.9, ls=(0, (4, 3)), zorder=2)
    axis.set_yscale("log")
    axis.set_xlim(-0.6, len(cases) - 0.4)
    axis.set_xticks(range(len(cases)), [_label(case, name) for case in cases], fontsize=8)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.grid(True, axis="y", which="major", color="#e6e6e6")
    axis.set_axisbelow(True)
    axis.tick_params(axis="x", length=0)
    for edge in ("top", "right", "bottom"):
        axis.spines[edge].set_visible(False)


def _label(case: CaseRecord, name: str) -> str:
    return "\n".join([*case.shape.split(" ", 1), f"{_intensity(case, name):,.0f} FLOP/B"])


def _intensity(case: CaseRecord, name: str) -> float:
    return case.bounds[name].flops / case.bounds[name].bytes


def _legend(
    row: Sequence[Axes], ceilings: Ceilings, styles: Styles
) -> tuple[list[object], list[str]]:
    """Return the roof, the matrix product and each peer once."""
    lines = import_quietly("matplotlib.lines")
    peak = "multiply-add peak" if ceilings.fma else "matrix product"
    found = {
        f"roof: {peak} {ceilings.compute:,.0f} GFLOP/s\nor copy {ceilings.copy:,.0f} GB/s": (
            lines.Line2D([], [], color=ROOF_COLOUR, lw=2.2)
        ),
        f"torch matrix product {ceilings.gemm:,.0f} GFLOP/s": (
            lines.Line2D([], [], color=ROOF_COLOUR, lw=0.9, ls=(0, (4, 3)))
        ),
    }
    drawn: dict[str, object] = {}
    for axis in row:
        drawn |= {text: line for line, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    found |= {style["label"]: drawn[style["label"]] for style in styles.values()}
    return list(found.values()), list(found)
