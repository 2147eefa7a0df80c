"""The recording that a page plays: where it lies, and what the page shows before it is read."""

from __future__ import annotations

import mimetypes
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ariigcn_dgl.errors import InputError


@dataclass(frozen=True)
class Player:
    """A recording as the page's template reads it.

    Parameters
    ----------
    url : str
        Relative to the page.
    name : str
        Of the file, to be read.
    element : {"video", "audio"}
        A video that turns out to have no pictures becomes a bar of controls.
    """

    url: str
    name: str
    element: str


def url_beside(recording: Path, folder: Path) -> str:
    """Return the URL of a recording, relative to a page that lies in a folder.

    Parameters
    ----------
    recording, folder : Path
        Both absolute, or both relative to the working folder. Neither needs to exist yet.

    Examples
    --------
    >>> url_beside(Path("films/new #1.mp4"), Path("films"))
    'new%20%231.mp4'
    >>> url_beside(Path("films/new.mp4"), Path("out/timeline"))
    '../../films/new.mp4'
    """
    path = os.path.relpath(recording.absolute(), folder.absolute())
    return quote(os.fsencode(Path(path).as_posix()))


def as_player(url: str) -> Player:
    """Return what plays a recording.

    Parameters
    ----------
    url : str
        Relative to the page, percent-encoded.

    Raises
    ------
    InputError
        If it is empty, or names a scheme or another machine.

    Examples
    --------
    >>> as_player("my%20talk.wav")
    Player(url='my%20talk.wav', name='my talk.wav', element='audio')
    """
    parts = urlsplit(url)
    if parts.scheme or parts.netloc or not parts.path:
        raise InputError(
            f"recording '{url}': expected a URL relative to the page, such as 'talk%20one.mp4'"
        )
    name = unquote(parts.path).rsplit("/", 1)[-1]
    kind = mimetypes.guess_type(name)[0] or ""
    return Player(url, name, "audio" if kind.startswith("audio/") else "video")
