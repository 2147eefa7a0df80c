"""What commands call a run: its folder, a bundle's file, or the name of a bundle, here or there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ariigcn_dgl.bundle.file import SUFFIX, read_file
from ariigcn_dgl.bundle.hub import PREFIX, from_hub
from ariigcn_dgl.bundle.pack import unpack, variants_of
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.notes import Note, unsaid

SHIPPED = Path(__file__).parent / "shipped"


def shipped() -> list[str]:
    """Return the names of the bundles that come with this package.

    Examples
    --------
    >>> shipped()
    ['friends-text']
    """
    return sorted(path.stem for path in SHIPPED.glob(f"*{SUFFIX}"))


@contextmanager
def opened(
    name: str, *, causal: bool = False, note: Note = unsaid, offline: bool = False
) -> Iterator[Path]:
    """Yield the folder of a run; that of a bundle is removed in the end.

    Parameters
    ----------
    name : str
        A run folder, or the folder of one of its seeds; a bundle's file; one of `shipped`; or
        ``hub:OWNER/NAME`` (`ariigcn_dgl.bundle.hub.from_hub`).
    causal : bool
        Of a bundle with two variants, the one that does not look ahead.
    note : callable
        Gets a sentence about what came from the hub.
    offline : bool
        Download nothing.

    Raises
    ------
    InputError
        If there is no such thing, it cannot be had, or a bundle is damaged.
    """
    if Path(name).is_dir():
        yield Path(name)
        return
    path = bundle_file(name, note, offline)
    content = read_file(path)
    variants = variants_of(content, name)
    wanted = "causal" if causal else "whole"
    with tempfile.TemporaryDirectory(prefix="ariigcn-") as home:
        folder = Path(home, "run")
        unpack(content, wanted if wanted in variants else next(iter(variants)), folder, name)
        try:
            yield folder
        except InputError as error:  # about a file in a folder: by the name that it was given
            raise InputError(str(error).replace(str(folder), name)) from error


def bundle_file(name: str, note: Note = unsaid, offline: bool = False) -> Path:
    """Return where a bundle lies; see `opened`.

    Raises
    ------
    InputError
        If there is none of this name, or it cannot be had.
    """
    if Path(name).exists():
        return Path(name)
    if name in shipped():
        return SHIPPED / f"{name}{SUFFIX}"
    if name.startswith(PREFIX):
        return from_hub(name, note, offline)
    known = shipped()
    raise InputError(
        f"{name}: no such run folder or bundle; expected what --out of ariigcn train or bundle "
        f"named, a bundle that comes with this package ({', '.join(known)}), or one of the hub "
        f"({PREFIX}OWNER/NAME){did_you_mean(name, known)}"
    )
