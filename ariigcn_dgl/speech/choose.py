"""The recogniser that a name means: one that a wheel carries, a folder, or one of the hub."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.extract.hub import locate
from ariigcn_dgl.notes import Note
from ariigcn_dgl.speech import sphinx
from ariigcn_dgl.speech.recogniser import Recogniser
from ariigcn_dgl.speech.sphinx import PocketSphinx
from ariigcn_dgl.speech.whisper import Whisper


def make_recogniser(
    name: str | None,
    note: Note,
    language: str | None = None,
    device: str = "cpu",
    offline: bool = False,
) -> Recogniser:
    """Return the recogniser that a name means.

    Parameters
    ----------
    name : str or None
        "pocketsphinx", the default, which needs no download; else a folder of a Whisper for
        transformers, or its name at the hub.
    note : callable
        Gets a sentence about which commit of the hub is used.
    language : str or None
        None: English, or what a Whisper finds.
    device : str
    offline : bool
        Download nothing.

    Raises
    ------
    InputError
        If there is no such recogniser, or it does not know the language.
    """
    if name is None or (name == sphinx.NAME and not Path(name).exists()):
        return PocketSphinx(language)
    source = locate(name, "--recogniser", note, offline)
    return Whisper(source.path, name, language, device)
