"""Validate targets beside the classes, where they enter the program."""

from __future__ import annotations

import math
import re

import numpy as np

from ariigcn_dgl.data.dialogues import UNLABELLED, Dialogues
from ariigcn_dgl.data.table import COLUMNS
from ariigcn_dgl.data.targets import LABEL, Target
from ariigcn_dgl.errors import InputError

# Of what stands beside targets in tables and JSON of predictions.
_TAKEN = {*COLUMNS, "prediction", "abstained", "targets", "probabilities"} - {LABEL}
_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")


def check_targets(dialogues: Dialogues, source: str) -> None:
    """Raise `InputError` where a target does not agree with itself or the utterances.

    Names the source, the target, and where they are known the dialogue and utterance.
    """
    for name, target in dialogues.targets.items():
        _check_spec(dialogues, source, name, target)
        _check_shape(dialogues, source, name, target)
        _check_values(dialogues, source, name, target)
        if target.spec.per == "dialogue":
            _check_one_each(dialogues, source, name, target.known)


def _check_spec(dialogues: Dialogues, source: str, name: str, target: Target) -> None:
    spec = target.spec
    if name != spec.name or not _NAME.fullmatch(name):
        raise InputError(f"{source}: target {name!r}: expected a name in lower case")
    if name in _TAKEN or name in dialogues.features:
        what = "a modality" if name in dialogues.features else "a column of predictions"
        raise InputError(f"{source}: target {name!r}: is the name of {what}; give it another one")
    if name == LABEL and dialogues.label_names:
        raise InputError(f"{source}: {LABEL}: is classes and a target at once, expected one")
    if not spec.names or len(set(spec.names)) < len(spec.names) or not all(spec.names):
        raise InputError(f"{source}: {name}: names {list(spec.names)!r:.60}, expected different")
    if spec.kind != "regression" and spec.width < 2:
        raise InputError(f"{source}: {name}: one {spec.kind} name, expected two or more")
    low, high = spec.low, spec.high
    if low is None and high is None:
        return
    ordered = low is not None and high is not None and -math.inf < low < high < math.inf
    if spec.kind != "regression" or not ordered:
        raise InputError(
            f"{source}: {name}: the range {[low, high]!r}, expected two ordered numbers of a "
            "regression"
        )


def _check_shape(dialogues: Dialogues, source: str, name: str, target: Target) -> None:
    expected = (dialogues.num_utterances, target.spec.columns)
    if target.values.shape != expected or target.values.dtype != np.float32:
        raise InputError(
            f"{source}: {name}: {target.values.dtype} array of shape {target.values.shape}, "
            f"expected float32 of shape {expected}, a row for each utterance"
        )


def _check_values(dialogues: Dialogues, source: str, name: str, target: Target) -> None:
    values, spec = target.values, target.spec
    low, high = {
        "classes": (0, spec.width - 1),
        "multilabel": (0, 1),
        "regression": (spec.low, spec.high),
    }[spec.kind]
    wrong = np.isinf(values)
    if low is not None and high is not None:
        wrong |= (values < low) | (values > high)
    if spec.kind != "regression":
        wrong |= (values != np.round(values)) & ~np.isnan(values)
    if not wrong.any():
        return
    row, column = np.argwhere(wrong)[0]
    expected = "a finite number" if low is None else f"{low:g} to {high:g}"
    if spec.kind != "regression":
        expected = f"a whole number from {expected}"
    of = f" for {spec.names[column]}" if spec.columns > 1 else ""
    raise InputError(
        f"{source}: {name}: {place(dialogues, row)} has {values[row, column]:g}{of}, "
        f"expected {expected}, or NaN where it is unknown"
    )


def _check_one_each(dialogues: Dialogues, source: str, name: str, known: np.ndarray) -> None:
    counts = np.add.reduceat(known.astype(np.int64), dialogues.dialogue_ptr[:-1])
    wrong = np.flatnonzero(counts != 1)
    if wrong.size:
        raise InputError(
            f"{source}: {name}: dialogue {dialogues.dialogue_ids[wrong[0]]!r} has it "
            f"{counts[wrong[0]]} times, expected once: it is attached to one unit of a dialogue"
        )


def check_known(dialogues: Dialogues, source: str) -> None:
    """Raise `InputError` where a split that is learnt or selected from lacks all of a target.

    An unlabelled test split is allowed: it is what one predicts on.
    """
    known = {name: target.known for name, target in dialogues.targets.items()}
    if dialogues.label_names or not known:
        known = {LABEL: dialogues.labels != UNLABELLED, **known}
    for split, purpose in (("train", "learn"), ("val", "select")):
        rows = dialogues.in_split(split)
        for name, found in known.items():
            if not rows.any() or found[rows].any():
                continue
            first = dialogues.dialogue_ids[dialogues.splits.index(split)]
            raise InputError(
                f"{source}: {name}: split {split!r} (dialogue {first!r} and on) has no labelled "
                f"utterance to {purpose} from; label some, or give its dialogues the split 'test'"
            )


def place(dialogues: Dialogues, row: int) -> str:
    """Return where an utterance is, for messages."""
    return f"dialogue {dialogues.dialogue_of(row)!r}, utterance {dialogues.utterance_ids[row]!r}"
