"""Validate a set of dialogues once, where it enters the program; everything after it trusts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ariigcn_dgl.data.check_targets import check_known, check_targets, place
from ariigcn_dgl.data.columns import filled_rows, finite_rows
from ariigcn_dgl.data.dialogues import (
    MODALITIES,
    SPLITS,
    UNLABELLED,
    Dialogues,
    in_order,
    is_modality,
)
from ariigcn_dgl.data.mapped import Stacked
from ariigcn_dgl.data.names import repeated, some_at_once
from ariigcn_dgl.data.ragged import undivided
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import is_unicode


def check(dialogues: Dialogues, source: str) -> Dialogues:
    """Return `dialogues` unchanged if every field agrees with the others.

    Parameters
    ----------
    dialogues : Dialogues
        The set to validate, as a reader or a generator made it.
    source : str
        Where it came from (a path), the first words of every message.

    Raises
    ------
    InputError
        Names the source, the field, and where they are known the dialogue and utterance.
    """
    check_structure(dialogues, source)
    for modality, array in dialogues.features.items():
        if not isinstance(array, Stacked):  # checked when it was put together, then hashed
            _check_finite(dialogues, source, modality, array)
    check_known(dialogues, source)
    return dialogues


def check_structure(dialogues: Dialogues, source: str) -> Dialogues:
    """Return `dialogues` unchanged if its fields agree; labels may lack and features be NaN.

    See `check` for the parameters and errors.
    """
    _check_names(dialogues, source)
    _check_ptr(dialogues, source)
    _check_splits(dialogues, source)
    _check_indices(dialogues, source, "label", dialogues.labels, UNLABELLED, dialogues.label_names)
    _check_indices(dialogues, source, "speaker", dialogues.speakers, 0, dialogues.speaker_names)
    _check_modalities(dialogues, source)
    for modality in dialogues.sequences:
        _check_sequence(dialogues, source, modality)
    for modality in dialogues.features:
        _check_features(dialogues, source, modality)
        _check_mask(dialogues, source, modality)
    _check_views(dialogues, source)
    _check_words(dialogues, source)
    for modality in dialogues.sequences:
        _check_missing_rows(dialogues, source, modality)
    check_targets(dialogues, source)
    return dialogues


def _check_names(dialogues: Dialogues, source: str) -> None:
    if not dialogues.dialogue_ids:
        raise InputError(f"{source}: holds no dialogue")
    _check_unique(source, "name", "name of a data set", [dialogues.name])
    _check_unique(source, "dialogue", "dialogue id", dialogues.dialogue_ids)
    _check_unique(source, "utterance", "utterance id", dialogues.utterance_ids)
    _check_unique(source, "label_names", "class name", dialogues.label_names)
    _check_unique(source, "speaker_names", "speaker name", dialogues.speaker_names)


def _check_words(dialogues: Dialogues, source: str) -> None:
    if len(dialogues.words) not in (0, dialogues.num_utterances):
        raise InputError(
            f"{source}: words: {len(dialogues.words)} entries for {dialogues.num_utterances} "
            "utterances, expected one for each, or none"
        )
    if all(is_unicode("".join(some)) for some in some_at_once(dialogues.words)):
        return
    row = next(n for n, said in enumerate(dialogues.words) if not is_unicode(said))
    raise InputError(
        f"{source}: words: what was said in utterance {dialogues.utterance_ids[row]!r} is not "
        "valid Unicode text"
    )


def _check_unique(source: str, field: str, what: str, names: Sequence[str]) -> None:
    for some in some_at_once(names):
        if all(some) and is_unicode("".join(some)):
            continue
        for name in some:
            if not name:
                raise InputError(f"{source}: {field}: an empty {what}, expected a name")
            if not is_unicode(name):
                raise InputError(f"{source}: {field}: {what} {name!r} is not valid Unicode text")
    if repeated(names):  # counted only where one is twice, which is rare
        name, times = Counter(names).most_common(1)[0]
        raise InputError(f"{source}: {field}: {what} {name!r} occurs {times} times, expected once")


def _check_ptr(dialogues: Dialogues, source: str) -> None:
    ptr, count = dialogues.dialogue_ptr, dialogues.num_utterances
    if ptr.shape != (dialogues.num_dialogues + 1,):
        raise InputError(
            f"{source}: dialogue_ptr: shape {ptr.shape} for {dialogues.num_dialogues} dialogues, "
            f"expected ({dialogues.num_dialogues + 1},)"
        )
    if ptr[0] != 0 or ptr[-1] != count:
        raise InputError(
            f"{source}: dialogue_ptr: runs from {ptr[0]} to {ptr[-1]}, "
            f"expected 0 to {count}, the number of utterances"
        )
    empty = np.flatnonzero(ptr[1:] <= ptr[:-1])  # or the rows run backwards
    if empty.size:
        name = dialogues.dialogue_ids[empty[0]]
        raise InputError(
            f"{source}: dialogue_ptr: dialogue {name!r} is empty, expected at least one utterance"
        )


def _check_splits(dialogues: Dialogues, source: str) -> None:
    if len(dialogues.splits) != dialogues.num_dialogues:
        raise InputError(
            f"{source}: split: {len(dialogues.splits)} entries for "
            f"{dialogues.num_dialogues} dialogues, expected one for each"
        )
    for name, split in zip(dialogues.dialogue_ids, dialogues.splits, strict=True):
        if split not in SPLITS:
            raise InputError(
                f"{source}: split: dialogue {name!r} has {split!r}, expected {_one_of(SPLITS)}"
            )


def _check_indices(
    dialogues: Dialogues,
    source: str,
    field: str,
    values: np.ndarray,
    lowest: int,
    names: Sequence[str],
) -> None:
    if values.dtype != np.int64 or values.ndim != 1:
        raise InputError(
            f"{source}: {field}: {values.dtype} array of shape {values.shape}, "
            f"expected int64 of shape ({dialogues.num_utterances},)"
        )
    _check_rows(dialogues, source, field, len(values))
    wrong = np.flatnonzero((values < lowest) | (values >= len(names)))
    if wrong.size:
        raise InputError(
            f"{source}: {field}: {place(dialogues, wrong[0])} has {values[wrong[0]]}, "
            f"expected {lowest} to {len(names) - 1} ({len(names)} {field} names)"
        )


def _check_modalities(dialogues: Dialogues, source: str) -> None:
    for modality in [*dialogues.features, *dialogues.masks]:
        if not is_modality(modality):
            raise InputError(
                f"{source}: modality {modality!r}: expected {_one_of(MODALITIES)}, or another name "
                "in lower case that means nothing else here"
            )
    if not dialogues.features:
        raise InputError(
            f"{source}: no modality, expected features of at least one of {_one_of(MODALITIES)}"
        )
    for modality in in_order([*dialogues.features, *dialogues.masks]):
        if (modality in dialogues.features) != (modality in dialogues.masks):
            raise InputError(f"{source}: {modality}: expected both features and a mask, found one")


def _check_mask(dialogues: Dialogues, source: str, modality: str) -> None:
    mask, field = dialogues.masks[modality], f"{modality}_mask"
    if mask.dtype != np.bool_ or mask.ndim != 1:
        raise InputError(
            f"{source}: {field}: {mask.dtype} array of shape {mask.shape}, "
            f"expected bool of shape ({dialogues.num_utterances},)"
        )
    _check_rows(dialogues, source, field, len(mask))
    if isinstance(dialogues.features[modality], Stacked):  # as above
        return
    # The first rule of `ariigcn_dgl.data.missing`.
    filled = np.flatnonzero(filled_rows(dialogues.features[modality]) & ~mask)
    if filled.size:
        raise InputError(
            f"{source}: {field}: {place(dialogues, filled[0])} is marked missing but its row of "
            f"{modality} is not zero; set the row to zeros or its mask to true"
        )


def _check_features(dialogues: Dialogues, source: str, modality: str) -> None:
    array = dialogues.features[modality]
    if array.dtype != np.float32 or array.ndim != 2:
        raise InputError(
            f"{source}: {modality}: {array.dtype} array of shape {array.shape}, "
            f"expected float32 of shape ({dialogues.num_utterances}, width)"
        )
    _check_rows(dialogues, source, modality, len(array))
    if array.shape[1] == 0:
        raise InputError(
            f"{source}: {modality}: features have width 0, expected at least 1; "
            f"leave the modality out if there is none"
        )


def _check_views(dialogues: Dialogues, source: str) -> None:
    for modality, views in dialogues.views.items():
        if modality not in dialogues.features:
            raise InputError(
                f"{source}: views: of {modality!r}, expected of one of its modalities "
                f"({', '.join(dialogues.features)})"
            )
        width = dialogues.widths[modality]
        # One view is no entry: a set has one description, and one fingerprint.
        if len(views) < 2 or min(views) < 1 or sum(views) != width:
            raise InputError(
                f"{source}: views: {modality}: found {list(views)!r:.60}, expected two or more "
                f"widths that add up to its {width} columns"
            )


def _check_sequence(dialogues: Dialogues, source: str, modality: str) -> None:
    if modality not in dialogues.features:
        raise InputError(
            f"{source}: sequences: of {modality!r}, expected of one of its modalities "
            f"({', '.join(dialogues.features)})"
        )
    sequence, field = dialogues.sequences[modality], f"{modality}_ptr"
    rows, ptr, count = sequence.rows, sequence.ptr, dialogues.num_utterances
    width = dialogues.features[modality].shape[-1]
    if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != width:
        raise InputError(
            f"{source}: {modality}: {rows.dtype} rows of shape {rows.shape}, expected float32 of "
            f"shape (rows, {width})"
        )
    if ptr.dtype != np.int64 or ptr.shape != (count + 1,):
        raise InputError(
            f"{source}: {field}: {ptr.dtype} array of shape {ptr.shape} for {count} utterances, "
            f"expected int64 of shape ({count + 1},)"
        )
    wrong = undivided(ptr, len(rows))
    if wrong:
        raise InputError(f"{source}: {field}: {wrong}")


def _check_missing_rows(dialogues: Dialogues, source: str, modality: str) -> None:
    sequence = dialogues.sequences[modality]
    odd = np.flatnonzero((sequence.lengths > 0) != dialogues.masks[modality])
    if odd.size:
        has = "is marked missing but has rows" if sequence.lengths[odd[0]] else "has no row"
        raise InputError(
            f"{source}: {modality}_ptr: {place(dialogues, odd[0])} {has} of {modality}; expected "
            "rows exactly where the modality is not marked missing"
        )


def _check_finite(dialogues: Dialogues, source: str, modality: str, array: np.ndarray) -> None:
    wrong = np.flatnonzero(~finite_rows(array))
    if wrong.size:
        row = wrong[0]
        column = np.flatnonzero(~np.isfinite(array[row]))[0]
        raise InputError(
            f"{source}: {modality}: {place(dialogues, row)} has {array[row, column]} in column "
            f"{column} ({wrong.size} rows are like this), expected finite "
            "numbers, of float32, which ends at 3.4e38"
        )


def _check_rows(dialogues: Dialogues, source: str, field: str, rows: int) -> None:
    count, ptr = dialogues.num_utterances, dialogues.dialogue_ptr
    if rows == count:
        return
    total = f"({rows} rows for {count} utterances in all)"
    # The dialogue in which the rows run out; a surplus belongs to the last one.
    at = min(int(np.searchsorted(ptr[1:], rows, side="right")), dialogues.num_dialogues - 1)
    raise InputError(
        f"{source}: {field}: dialogue {dialogues.dialogue_ids[at]!r} has {rows - ptr[at]} rows "
        f"for {ptr[at + 1] - ptr[at]} utterances {total}, expected one row for each"
    )


def _one_of(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1]
