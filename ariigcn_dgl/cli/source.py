"""The data set that an option names."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.data import Dialogues, SynthConfig, load_dialogues, synthesise

SYNTHETIC = "synthetic"


def load_source(name: str) -> Dialogues:
    """Return the data set of a path, or the embedded synthetic one.

    Raises
    ------
    InputError
        If the path holds no valid data set.
    """
    return synthesise(SynthConfig()) if name == SYNTHETIC else load_dialogues(name)


def absolute(name: str) -> str:
    """Return the name under which `load_source` finds the data set from any folder."""
    return name if name == SYNTHETIC else str(Path(name).resolve())
