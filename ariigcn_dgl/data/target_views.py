"""Targets as a command line names them: `NAME`, or a number on a scale taken as classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ariigcn_dgl.data.dialogues import UNLABELLED, Dialogues
from ariigcn_dgl.data.targets import LABEL
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.near import did_you_mean


class View(NamedTuple):
    """Classes of numbers on a scale around 0: their names, and the class of each number."""

    names: tuple[str, ...]
    classes: Callable[[np.ndarray], np.ndarray]  # NaN: no class


def rounded(values: np.ndarray, most: int) -> np.ndarray:
    """Return scores as the nearest whole number from -most to most, halves to the even one.

    The rule of MMSA's and MulT's code, for 7 (most = 3) and 5 classes (most = 2).

    Examples
    --------
    >>> rounded(np.array([-2.6, 0.5, 1.5]), 2).tolist()
    [-2.0, 0.0, 2.0]
    """
    return np.round(np.clip(values, -most, most))


def _steps(most: int) -> View:
    names = tuple(f"{step:+d}" if step else "0" for step in range(-most, most + 1))
    return View(names, lambda values: rounded(values, most) + most)


# In the words of the papers on CMU-MOSI; Acc-2 has both of the first.
VIEWS = {
    "non-negative": View(("negative", "non-negative"), lambda y: _of(y, y >= 0)),
    "positive": View(("negative", "positive"), lambda y: np.where(y == 0, np.nan, _of(y, y > 0))),
    "3": View(("negative", "neutral", "positive"), lambda y: np.sign(y) + 1),
    "5": _steps(2),
    "7": _steps(3),
}


def _of(values: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), np.nan, high.astype(np.float64))


def target_names(wanted: Sequence[str] | None) -> list[str] | None:
    """Return the names of targets that `with_views` will look for; None where none are named."""
    return None if wanted is None else [one.partition(":")[0] for one in wanted]


def with_views(dialogues: Dialogues, wanted: Sequence[str]) -> Dialogues:
    """Return the dialogues with the targets that are named, one of them perhaps as classes.

    Parameters
    ----------
    dialogues : Dialogues
    wanted : sequence of str
        `NAME`, or ``NAME:VIEW`` for a score on a scale around 0 as classes, which become the
        labels: ``non-negative`` (negative, non-negative), ``positive`` (negative, positive, without
        those that are 0), ``3`` (negative, neutral, positive), ``5`` and ``7`` (the nearest whole
        number).

    Raises
    ------
    InputError
        If a target or view does not exist, or the target is not one score around 0.

    Examples
    --------
    >>> from ariigcn_dgl.data.synth import synthesise
    >>> from ariigcn_dgl.data.synth_config import SENTIMENT
    >>> with_views(synthesise(SENTIMENT), ["label:non-negative"]).label_names
    ('negative', 'non-negative')
    """
    viewed = [one for one in wanted if ":" in one]
    if not viewed:
        return dialogues.with_targets(wanted)
    if len(viewed) > 1:
        raise InputError(
            f"--targets {' '.join(wanted)}: only one of them can be taken as classes: these are "
            "the labels then"
        )
    name, _, view = viewed[0].partition(":")
    if view not in VIEWS:
        raise InputError(
            f"--targets {viewed[0]}: there are no classes '{view}', expected one of "
            f"{', '.join(VIEWS)}{did_you_mean(view, VIEWS)}"
        )
    kept = dialogues.with_targets([one.partition(":")[0] for one in wanted])
    if kept.label_names:
        raise InputError(
            f"--targets {' '.join(wanted)}: the set has classes of its own: leave out {LABEL}"
        )
    return _as_classes(kept, name, view)


def _as_classes(dialogues: Dialogues, name: str, view: str) -> Dialogues:
    target = dialogues.targets.get(name)
    if target is None or not target.spec.centred or target.spec.width > 1:
        raise InputError(
            f"--targets {name}:{view}: {name} is not one number on a scale around 0, as -3 to 3, "
            f"that could be taken as classes"
        )
    names, classes = VIEWS[view]
    found = np.nan_to_num(classes(target.values[:, 0].astype(np.float64)), nan=UNLABELLED)
    return replace(
        dialogues,
        labels=found.astype(np.int64),
        label_names=names,
        targets={n: one for n, one in dialogues.targets.items() if n != name},
    )
