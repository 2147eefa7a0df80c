"""Pages of one file: templates, style and script put together, everything escaped."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ariigcn_dgl import __version__, palette
from ariigcn_dgl.plots import VARIABLES, svg
from ariigcn_dgl.report.chart_places import time_of

STYLES = ("base.css", "report.css", "browser.css", "print.css")
FIGURES = ("figures.js",)
BROWSER = ("dom.js", "timeline.js", "detail.js", "table.js", "choose.js")
# What one page has that the others have not.
OWN_STYLES = {
    "report.html": ("charts.css",),
    "targets.html": ("charts.css",),
    "timeline.html": ("talk.css", "speakers.css", "charts.css"),
    "timeline_targets.html": ("talk.css", "charts.css"),
}
OWN_SCRIPTS = {
    "report.html": ("browser.js",),
    "timeline.html": ("streams.js", "speakers.js", "player.js", "points.js"),
}
WITHOUT_BROWSER: dict[str, tuple[str, ...]] = {"timeline_targets.html": ("points.js",)}


def render(template: str, **content: Any) -> str:
    """Return a page that needs no other file and no network.

    Parameters
    ----------
    template : str
        Name of a file in ``ariigcn_dgl/report/templates``.
    **content
        What its variables stand for. Text is escaped; ``browser`` is data for the script, or None.
    """
    browser = WITHOUT_BROWSER.get(template, ())
    if content.get("browser"):
        browser = BROWSER + OWN_SCRIPTS[template]
    script = _assets(FIGURES + browser)
    styles = STYLES[:-1] + OWN_STYLES.get(template, ()) + STYLES[-1:]
    return (
        _environment()
        .get_template(template)
        .render(
            version=__version__,
            style=Markup(palette.style()) + _assets(styles),
            script=script,
            script_hash=_hash(script),
            paper={variable: colour for colour, variable in VARIABLES.items()},
            **content,
        )
    )


def decimal(value: float, signed: bool = False) -> str:
    """Return a number with two decimals and a true minus sign; the page's filter.

    Examples
    --------
    >>> decimal(-0.004), decimal(-1.5), decimal(1.5, signed=True)
    ('0.00', '−1.50', '+1.50')
    """
    rounded = round(value, 2) + 0.0  # no -0.0
    return f"{rounded:+.2f}".replace("-", "−") if signed else f"{rounded:.2f}".replace("-", "−")


def isolated(name: str) -> str:
    """Return a name for a sentence or an attribute: it turns no number beside it; a page's filter.

    Elements keep it apart by ``<bdi>``. Names written from left to right stay as they are.

    Examples
    --------
    >>> isolated("joy"), len(isolated("حزن"))
    ('joy', 5)
    """
    turns = any(unicodedata.bidirectional(one) in ("R", "AL") for one in name)
    return f"\u2068{name}\u2069" if turns else name


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ariigcn_dgl.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Compact; Jinja itself writes < > & ' as \uXXXX, so that no text can end the script element.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    environment.filters |= {"decimal": decimal, "svg": svg, "slots": palette.slots}
    environment.filters["isolated"] = isolated
    environment.filters["time_of"] = time_of
    environment.globals["SERIES"] = palette.SERIES
    return environment


@cache
def _assets(names: Sequence[str]) -> Markup:
    folder = files("ariigcn_dgl.report") / "assets"
    return Markup("\n".join((folder / name).read_text(encoding="utf-8") for name in names))


def _hash(script: str) -> str:
    """Return what the page's policy names the script by: no other script may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
