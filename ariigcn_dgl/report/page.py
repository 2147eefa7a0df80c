"""Pages of one file: templates, style and script put together, everything escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ariigcn_dgl import __version__


def render(template: str, **content: Any) -> str:
    """Return a page that needs no other file and no network.

    Parameters
    ----------
    template : str
        Name of a file in ``ariigcn_dgl/report/templates``.
    **content
        What its variables stand for. Text is escaped; ``browser`` is data for the script, or None.
    """
    script = _asset("browser.js")
    return (
        _environment()
        .get_template(template)
        .render(
            version=__version__,
            style=_asset("style.css"),
            script=script,
            script_hash=_hash(script),
            **content,
        )
    )


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
    return environment


@cache
def _asset(name: str) -> Markup:
    return Markup((files("ariigcn_dgl.report") / "assets" / name).read_text(encoding="utf-8"))


def _hash(script: str) -> str:
    """Return what the page's policy names the script by: no other script may run."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
