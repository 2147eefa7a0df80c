"""Which system and preset ``ariigcn train`` is asked for: they decide its other options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ariigcn_dgl.training.presets import default_preset

DEFAULT_SYSTEM = "ariigcn"


def chosen(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the names of the system and of the preset, from options or files of options.

    The last one counts, as in the full parsing that follows and that reports what is wrong.

    Examples
    --------
    >>> chosen(["train", "--system", "ariigcn", "--preset=paper"])
    ('ariigcn', 'paper')
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--system", nargs="?")
    parser.add_argument("--preset", nargs="?")
    parser.add_argument("--config", nargs="?", action=_Peek)
    found = parser.parse_known_args(arguments)[0]
    system = found.system or DEFAULT_SYSTEM
    return system, found.preset or default_preset(system)


class _Peek(argparse.Action):
    """Takes the two names from a file of options."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        for name, value in _options(values).items():
            if name in ("system", "preset"):
                setattr(namespace, name, str(value))


def _options(source: str | None) -> dict[str, Any]:
    try:  # like jsonargparse: a file, or YAML itself
        text = Path(source).read_text(encoding="utf-8") if Path(source).is_file() else source
        content = yaml.safe_load(text)
    except (OSError, TypeError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
