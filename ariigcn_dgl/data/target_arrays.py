"""Targets from arrays: what kind they are follows from their type, shape and values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ariigcn_dgl.data.targets import LABEL, Kind, Target, TargetSpec, known_scale
from ariigcn_dgl.errors import InputError

# Of the names that the field has for its numbers without naming the numbers.
_KNOWN_NAMES = {"vad": ("valence", "arousal", "dominance")}


def to_target(
    name: str,
    array: np.ndarray,
    where: str,
    names: Sequence[str] = (),
    scale: Sequence[float] = (),
) -> Target:
    """Return the target that an array of N rows is; its values are unchecked, see `check_targets`.

    Real numbers, (N,) or (N, K), are a regression, with NaN where a number is unknown; whole
    numbers or bool of several columns, all 0, 1 or -1 (unknown), several labels at once, as are
    real numbers that are all 0, 1 or NaN; a column of whole numbers with names, classes, -1 where
    unknown.

    Parameters
    ----------
    name : str
        Of the target.
    array : (N,) or (N, columns) array
    where : str
        Source and field, for messages.
    names : sequence of str
        Of the classes, labels or numbers; not needed by the latter.
    scale : (low, high), optional
        Range of the numbers; default: the scale of sentiment that they are on, if it is one
        (`known_scale`).

    Raises
    ------
    InputError
        If it is text, has no or several more axes, or names that are not one for each column.

    Examples
    --------
    >>> to_target("vad", np.zeros((2, 3)), "set.npz: vad_label").spec.names
    ('valence', 'arousal', 'dominance')
    >>> to_target("cues", np.array([[0, 1], [-1, 0]]), "set.npz: cues", ["laugh", "cry"]).spec.kind
    'multilabel'
    """
    if array.dtype.kind not in "fiub" or array.ndim not in (1, 2):
        what = "text" if array.dtype.kind in "US" else f"a {array.dtype} array"
        raise InputError(
            f"{where}: {what} of shape {array.shape}, expected numbers, one row for each utterance"
        )
    rows = array.reshape(len(array), -1) if array.ndim == 1 else array
    kind = _kind(rows, names, where)
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which is refused later
        values = np.array(rows, np.float32)
    if kind != "regression" and rows.dtype.kind != "f":
        values[values == -1] = np.nan
    named = tuple(names) or _default_names(name, rows.shape[1])
    expected = 1 if kind == "classes" else len(named)
    if rows.shape[1] != expected:
        raise InputError(
            f"{where}: {rows.shape[1]} columns for {len(named)} names ({', '.join(named)}), "
            "expected a column for each"
        )
    found = scale or (known_scale(values) if kind == "regression" else ())
    low, high = found or (None, None)
    return Target(TargetSpec(name, kind, named, low, high), values)


def _kind(rows: np.ndarray, names: Sequence[str], where: str) -> Kind:
    several = rows.shape[1] > 1
    if rows.dtype.kind == "f":
        known = rows[~np.isnan(rows)]
        zero_or_one = several and known.size and np.isin(known, (0, 1)).all()
        return "multilabel" if zero_or_one else "regression"
    if several:
        wrong = rows[~np.isin(rows, (-1, 0, 1))]
        if wrong.size:
            raise InputError(
                f"{where}: has {wrong[0]}, expected 0, 1 or -1 (unknown) for each of several "
                "labels; numbers on a scale are to be stored as float32"
            )
        return "multilabel"
    if not names:
        raise InputError(
            f"{where}: whole numbers without names: add the classes' names, or store numbers on a "
            "scale as float32"
        )
    return "classes"


def _default_names(name: str, columns: int) -> tuple[str, ...]:
    known = _KNOWN_NAMES.get(name, ())
    if len(known) == columns:
        return known
    if columns == 1:
        return ("score" if name == LABEL else name,)
    return tuple(f"{name}_{column}" for column in range(1, columns + 1))
