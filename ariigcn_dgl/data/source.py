"""The data set that an option names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.folds import Fold, with_fold
from ariigcn_dgl.data.load import chosen_targets, load_checked, read_dialogues
from ariigcn_dgl.data.synth import synthesise
from ariigcn_dgl.data.synth_config import SynthConfig
from ariigcn_dgl.errors import InputError

SYNTHETIC = "synthetic"


def load_source(
    name: str,
    modalities: Sequence[str] | None = None,
    fold: Fold | None = None,
    targets: Sequence[str] | None = None,
) -> Dialogues:
    """Return the data set of a path, or the embedded synthetic one.

    Parameters
    ----------
    name : str
        A path, or "synthetic".
    modalities : sequence of str, optional
        Keep these only; default: all.
    fold : Fold, optional
        Of a cross-validation; default: the data set's own splits.
    targets : sequence of str, optional
        What is to be predicted (`ariigcn_dgl.data.target_views`); default: what the set declares.

    Raises
    ------
    InputError
        If the path holds no valid data set, the set lacks a modality, or cannot be divided.
    """
    if name != SYNTHETIC:
        dialogues = load_checked(name, targets)
    else:
        dialogues = synthesise(SynthConfig())
        if targets is not None:
            dialogues = chosen_targets(dialogues, targets, name)
    if modalities is not None:
        dialogues = dialogues.with_modalities(modalities)
    return dialogues if fold is None else with_fold(dialogues, fold)


def load_for(
    name: str, modalities: Sequence[str] | None = None, targets: Sequence[str] | None = None
) -> Dialogues:
    """Return a data set with the targets of a run where it has them, else with what it declares.

    For what a run is applied to, of which less may be known than of what it was trained on.
    """
    if targets is not None:
        try:
            return load_source(name, modalities, targets=targets)
        except InputError:  # said again below, if it is not of the targets
            pass
    return load_source(name, modalities)


def read_source(name: str, targets: Sequence[str] | None = None) -> Dialogues:
    """Return the data set of a path as it is, or the embedded synthetic one; to look at only."""
    if name == SYNTHETIC:
        return load_source(name, targets=targets)
    return read_dialogues(name, targets)


def absolute(name: str) -> str:
    """Return the name under which `load_source` finds the data set from any folder."""
    return name if name == SYNTHETIC else str(Path(name).resolve())
