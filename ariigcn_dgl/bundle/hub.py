"""Bundles of the Hugging Face hub: ``hub:OWNER/NAME`` becomes a file on this machine."""

from __future__ import annotations

import re
from pathlib import Path

from ariigcn_dgl.bundle.file import SUFFIX
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.hub import (
    AT_REVISION,
    IN_FOLDERS,
    WORD,
    is_offline,
    library,
    listed,
    snapshot,
)
from ariigcn_dgl.extract.hub_errors import Wanted
from ariigcn_dgl.notes import Note

PREFIX = "hub:"
_FILE = rf"(?P<file>{WORD}{re.escape(SUFFIX)})"
_NAME = re.compile(rf"{PREFIX}(?P<repo>{WORD}/{WORD})(?:/{_FILE})?{AT_REVISION}")


def from_hub(name: str, note: Note, offline: bool = False) -> Path:
    """Return where the bundle of a repository lies, downloaded where it was not.

    It comes into the cache that all programs share; nothing else of the repository is downloaded.

    Parameters
    ----------
    name : str
        ``hub:OWNER/NAME``, or ``hub:OWNER/NAME/FILE.ariigcn`` of a repository with several; either
        with ``@REVISION`` (a branch, a tag or a commit).
    note : callable
        Gets a sentence about which file of which commit it is.
    offline : bool
        Use what is in the cache; nothing is asked for.

    Raises
    ------
    InputError
        If there is no such thing, or not one alone, or it cannot be had.

    Examples
    --------
    >>> from_hub("hub:friends", print)
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: hub:friends: expected hub:OWNER/NAME, perhaps with @REVISION
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise InputError(f"{name}: expected {PREFIX}OWNER/NAME, perhaps with @REVISION")
    repo, file, revision = found["repo"], found["file"], found["revision"]
    wanted = Wanted(name, repo, revision, is_offline(offline), _cached(), or_path=False)
    there = listed(wanted, file or f"*{SUFFIX}")
    if not there:
        where = "what the cache has of it" if wanted.offline else "it"
        raise InputError(
            f"{name}: no bundle: {where} holds no {file or f'{SUFFIX} file'} (an encoder of the "
            "hub goes to --text, --audio or --visual)"
        )
    if len(there) > 1:
        at = f"@{revision}" if revision else ""
        raise InputError(
            f"{name}: holds {len(there)} bundles ({', '.join(there[:5])}), expected one: name it, "
            f"as {PREFIX}{repo}/{there[0]}{at}"
        )
    folder = snapshot(wanted, there, IN_FOLDERS)
    note(f"{name}: {there[0]} of the hub, {PREFIX}{repo}@{folder.name}")
    return folder / there[0]


def _cached() -> list[str]:
    """Return the repositories whose bundles are in the cache."""
    cache = Path(library().constants.HF_HUB_CACHE)
    found = cache.glob(f"models--*--*/snapshots/*/*{SUFFIX}")
    names = {path.relative_to(cache).parts[0].removeprefix("models--") for path in found}
    return sorted(name.replace("--", "/", 1) for name in names)
