"""Which system and preset ``ariigcn train`` is asked for: they decide its other options."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ariigcn_dgl.plain_yaml import check_shape, parse_yaml, read_yaml
from ariigcn_dgl.training.run_config import default_preset, preset_config

DEFAULT_SYSTEM = "ariigcn"
# Options that cannot be left empty, beside those of the preset.
REQUIRED = {"preset": "", "seeds": [], "data": "", "device": "", "threads": 1}


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
    parser.set_defaults(files=[])
    found = parser.parse_known_args(arguments)[0]
    system = found.system or DEFAULT_SYSTEM
    preset = found.preset or default_preset(system)
    for where, content in found.files:
        check_shape(content, REQUIRED | asdict(preset_config(system, preset)), where)
    return system, preset


class _Peek(argparse.Action):
    """Takes the two names from a file of options."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        content = _options(values)
        namespace.files = [*namespace.files, (f"--config {values}", content)]
        for name, value in content.items():
            if name in ("system", "preset") and value is not None:
                setattr(namespace, name, str(value))


def _options(source: str | None) -> dict[str, Any]:
    try:  # like jsonargparse: a file, or YAML itself
        path = Path(source) if source is not None and Path(source).is_file() else None
    except OSError:  # too long for a name
        path = None
    content = read_yaml(path)[1] if path else parse_yaml(source or "", "--config")
    return content if isinstance(content, dict) else {}
