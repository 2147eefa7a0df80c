"""What all figures of experiments share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ariigcn_dgl.optional import import_quietly

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PACKAGE = "matplotlib"
EXTRA = 'pip install "ariigcn_dgl[figures]"'
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#8c510a", "#56b4e9", "#c1272d")


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches, that needs no display."""
    figure = import_quietly("matplotlib.figure").Figure(
        figsize=(width, height), layout="constrained"
    )
    import_quietly("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    return figure
