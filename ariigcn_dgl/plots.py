"""Pictures by matplotlib, in one look: as files, and as part of a page.

matplotlib is imported where something is drawn: most commands draw nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike

from ariigcn_dgl.files import replacing
from ariigcn_dgl.optional import import_quietly
from ariigcn_dgl.palette import LIGHT, SERIES, slots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = tuple(LIGHT[slot] for slot in SERIES)  # of series: seeds, runs, modalities
INK, FAINT, LINE, ACCENT, PAPER = "#1d1f23", "#8b8f97", "#dddfe3", "#0b66a8", "#fbfbf9"
# Colours are those of a page in light (palette.py, report/assets/base.css). In a page their
# variables stand for them, so that pictures follow its scheme.
VARIABLES = {INK: "ink", FAINT: "faint", LINE: "line", ACCENT: "accent", PAPER: "paper"} | {
    colour: f"class-{slot}" for slot, colour in enumerate(LIGHT)
}

PIXEL = 1 / 72  # inches: matplotlib's SVG has 72 units an inch, a page shows each as a pixel
DPI = 150  # of files: sharp on paper at half a page's width
# Nothing but data and the grid: the eye needs no frame.
_LOOK = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    **{f"axes.spines.{side}": False for side in ("top", "right", "bottom", "left")},
    "font.size": 11,  # of text in pictures of a page, too: report/assets/report.css
    "grid.color": LINE,
    "legend.frameon": False,
    "lines.linewidth": 1.75,
    "pdf.fonttype": 42,  # text stays text there, too
    "svg.fonttype": "none",  # text stays text, in the page's font
    "svg.hashsalt": "ariigcn_dgl",  # the same bytes each time
    "xtick.bottom": False,
    "ytick.left": False,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # it changes with the clock

# Several pictures share a page: their identifiers would clash, their styles be the whole page's.
_SHARED = re.compile(r'<defs>.*?</defs>| (?:id|clip-path)="[^"]*"', re.DOTALL)
_UNTURNED = re.compile(r' transform="rotate\(-0 [^"]*"')
_ATTRIBUTE = re.compile(r'(?<= )(style|d|x|y)="([^"]*)"')
_FONT = re.compile(r"font(?:-\w+)?: [^;]*(?:; |$)")
_COLOUR = re.compile("|".join(VARIABLES))
_NUMBER = re.compile(r"\d+\.\d+")  # of six decimals: a screen shows one at most
_AROUND_COMMAND = re.compile(r"\s*([A-Za-z])\s*")
_NO_LENGTH = re.compile(r"M([^A-Z]+)L\1(?=M|$)")


@contextmanager
def styled() -> Iterator[None]:
    """Draw in our look, whatever the user's matplotlibrc says; also a decorator."""
    matplotlib = import_quietly("matplotlib")
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_LOOK}):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure for a file, in inches; axes get the room that their texts leave."""
    return _figure(width, height, "constrained")


def page_figure(width: float, height: float) -> Figure:
    """Return an empty figure for a page, in pixels; its axes are where `add_axes` puts them.

    So do those of pictures side by side lie on one line, whatever their texts.
    """
    return _figure(width * PIXEL, height * PIXEL, "none")


def _figure(width: float, height: float, layout: Literal["constrained", "none"]) -> Figure:
    figure = import_quietly("matplotlib.figure").Figure(figsize=(width, height), layout=layout)
    import_quietly("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)  # needs no display
    return figure


def add_axes(figure: Figure, left: float, top: float, right: float, bottom: float) -> Axes:
    """Return new axes that reach from one corner to the other, in pixels from the upper left."""
    width, height = figure.get_size_inches() / PIXEL
    return figure.add_axes(
        (left / width, 1 - bottom / height, (right - left) / width, (bottom - top) / height)
    )


def short(name: str, most: int) -> str:
    """Return a name of at most so many letters: one that is longer leaves a picture no room.

    Examples
    --------
    >>> short("joy", 4), short("frustrated", 4)
    ('joy', 'fru…')
    """
    return name if len(name) <= most else f"{name[: most - 1]}…"


def whole_numbers(axis: Axes, nbins: int) -> None:
    """Let the horizontal axis have whole numbers only, as epochs are, also where it is short."""
    locator = import_quietly("matplotlib.ticker").MaxNLocator(nbins, integer=True, min_n_ticks=1)
    axis.xaxis.set_major_locator(locator)


def dots(
    axis: Axes,
    points: ArrayLike,
    colour: str,
    size: float,
    *,
    opacity: float = 1.0,
    zorder: float = 2,
) -> None:
    """Draw a dot at each point.

    All of them are one path, of segments with no length and round ends: in a page a dot takes 13
    bytes, where a marker of matplotlib's takes 130 and a picture of pixels, at 150 dpi, 43.

    Parameters
    ----------
    axis : Axes
    points : (P, 2) array-like
    colour : str
    size : float
        Diameter, in points.
    opacity, zorder : float
    """
    places = np.asarray(points, float)
    if not len(places):
        return
    patches, paths = map(import_quietly, ("matplotlib.patches", "matplotlib.path"))
    ends = np.repeat(places, 2, axis=0)
    ends[1::2, 0] += 1e-9 * (np.ptp(ends[:, 0]) or 1)  # the renderer of PNG skips no length
    path = paths.Path(ends, [paths.Path.MOVETO, paths.Path.LINETO] * len(places))
    path.should_simplify = False  # it would leave out what is so short
    patch = patches.PathPatch(
        path,
        fill=False,
        edgecolor=colour,
        alpha=opacity,
        linewidth=size,
        capstyle="round",
        snap=False,  # to pixels: it would shift dots, and merge the ends
        clip_on=False,
        zorder=zorder,
    )
    axis.add_artist(patch)
    axis.update_datalim(places)
    axis.autoscale_view()


def class_colours(label_names: Sequence[str]) -> list[str]:
    """Return the colour of each class: of emotions always the same."""
    return [LIGHT[slot] for slot in slots(label_names)]


def ordered_colours(count: int) -> list[str]:
    """Return colours of parts of a scale, from dark to bright, that any colour vision tells apart.

    Examples
    --------
    >>> ordered_colours(2)
    ['#440154', '#bddf26']
    """
    viridis = import_quietly("matplotlib").colormaps["viridis"]
    parts = [viridis(place)[:3] for place in np.linspace(0, 0.9, count)]
    return ["#" + "".join(f"{round(255 * x):02x}" for x in part) for part in parts]


def cloud(
    axis: Axes, points: np.ndarray, groups: np.ndarray, colours: Sequence[str], size: float
) -> None:
    """Draw points, (P, 2), in the colour of their group; axes without numbers."""
    for group, colour in enumerate(colours):
        dots(axis, points[groups == group], colour, size, opacity=0.75)
    axis.set_xticks([])
    axis.set_yticks([])


@styled()
def save(figure: Figure, path: Path) -> None:
    """Write a figure as a file of the kind that its name ends in: png, svg, pdf."""
    with replacing(path) as scratch:
        figure.savefig(scratch, dpi=DPI, format=path.suffix.removeprefix("."))


@styled()
def svg(figure: Figure, label: str) -> Markup:
    """Return a figure as an element of a page, which takes colours and fonts from there.

    It must have no markers, no ticks and nothing to clip: they need identifiers.

    Parameters
    ----------
    figure : Figure
        Of `page_figure`.
    label : str
        What it says, in words.
    """
    for patch in (figure.patch, *(axis.patch for axis in figure.axes)):
        patch.set_visible(False)  # the page's paper
    file = StringIO()
    figure.savefig(file, format="svg", metadata=_NO_METADATA)
    _, size, drawn = re.split(r'<svg[^>]*? viewBox="([^"]*)"[^>]*>', file.getvalue())
    drawn = _UNTURNED.sub("", _SHARED.sub("", drawn))
    drawn = re.sub(r">\s+<", "><", _ATTRIBUTE.sub(_adapt, drawn)).strip()
    head = '<svg class="picture" viewBox="{}" role="img" aria-label="{}">'
    return Markup(head).format(size, label) + Markup(drawn)


def _adapt(attribute: re.Match[str]) -> str:
    """Return an attribute as a page has it."""
    name, value = attribute.groups()
    if name == "style":
        value = _FONT.sub("", value)
        value = _COLOUR.sub(lambda one: f"var(--{VARIABLES[one[0]]})", value)
    else:
        value = _NUMBER.sub(lambda one: f"{round(float(one[0]), 1):g}", value)
        value = _AROUND_COMMAND.sub(r"\1", value).strip()
        value = _NO_LENGTH.sub(r"M\1h0", value)
    return f'{name}="{value}"'
