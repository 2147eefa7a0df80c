"""Where the files of an encoder came from: said in records, and decides no feature."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ariigcn_dgl.plain_yaml import parse_yaml

CARD = "README.md"  # of a repository of the hub: YAML between lines of dashes, then prose
_SNAPSHOT = re.compile(r"/snapshots/([0-9a-f]{40})(/|$)")
_HEADER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """Where an encoder came from.

    Parameters
    ----------
    name : str
        As it was given.
    path : Path
        Folder or file on this machine.
    hub : str or None
        Repository of the hub.
    revision : str or None
        Its commit, 40 hexadecimal digits.
    package, version : str or None
        The installed package that carries it.
    licence : str or None
        Of the weights, where it is known.
    """

    name: str
    path: Path
    hub: str | None = None
    revision: str | None = None
    package: str | None = None
    version: str | None = None
    licence: str | None = None

    @classmethod
    def of_path(cls, path: Path, name: str = "") -> Source:
        """Return the source of a local folder or file; a snapshot of the hub tells its commit.

        Examples
        --------
        >>> Source.of_path(Path("roberta-large")).name
        'roberta-large'
        """
        path = Path(path)
        revision = _SNAPSHOT.search(str(path.resolve()))
        return cls(
            name=name or str(path),
            path=path,
            revision=revision[1] if revision else None,
            licence=licence_of(path),
        )

    def describe(self) -> dict[str, Any]:
        """Return what is known, for a record."""
        known = asdict(self) | {"path": str(self.path.resolve())}
        return {key: value for key, value in known.items() if value is not None}


# What `describe` may say, beside what a plug-in says of itself: two encoders that differ in
# nothing else are the same. How quotes are spelt each data set's own words decide.
PLACES = (*Source.__dataclass_fields__, "plugin", "dtype", "straight_quotes")


def licence_of(folder: Path) -> str | None:
    """Return the licence that a model's card names, or None."""
    try:
        header = _HEADER.match((folder / CARD).read_text(encoding="utf-8"))
        found = parse_yaml(header[1], str(folder / CARD)) if header else None
    except (OSError, ValueError):  # a card is prose: nothing depends on it
        return None
    licence = found.get("license") if isinstance(found, dict) else None
    return licence if isinstance(licence, str) else None
