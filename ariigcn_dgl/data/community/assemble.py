"""Make one checked set of `Dialogues` of what a reader returned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ariigcn_dgl.data.check import check
from ariigcn_dgl.data.community.classes import classify, no_classes, score_of
from ariigcn_dgl.data.community.published import Published, recognise
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.data.community.speakers import name_speakers
from ariigcn_dgl.data.community.splits import resolve_splits
from ariigcn_dgl.data.community.text_views import choose_views, mean_view
from ariigcn_dgl.data.dialogues import MODALITIES, Dialogues
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.data.targets import LABEL
from ariigcn_dgl.data.views import in_words, lacks_a_view
from ariigcn_dgl.data.words import on_one_line
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import writable


def dataset_of(raw: RawSet) -> Published | None:
    """Return the known data set that a file is of; None if it is another."""
    if not raw.dialogues or raw.label_names is not None:  # a layout with classes of its own
        return None
    if raw.dataset is not None:
        return raw.dataset
    labels = np.concatenate([dialogue.labels for dialogue in raw.dialogues.values()])
    return recognise(list(raw.dialogues), labels, raw.listed)


def assemble(raw: RawSet, dataset: Published | None, options: ImportOptions) -> Dialogues:
    """Return the dialogues of a file as one set, with the splits that the file lists.

    Raises
    ------
    InputError
        If fields of a dialogue differ in length, widths differ, or numbers are not finite.
    """
    splits = resolve_splits(raw, dataset)
    chosen = {key: raw.dialogues[key] for key in splits}
    for key, dialogue in chosen.items():
        _check_lengths(raw, key, dialogue)
    lengths = [len(dialogue.labels) for dialogue in chosen.values()]
    numbers = np.concatenate([dialogue.labels for dialogue in chosen.values()])
    score = score_of(raw, numbers, dataset) if options.labels == "score" else None
    classes = no_classes(numbers) if score else classify(raw, numbers, dataset, options.labels)
    names = name_speakers(raw)
    speaker_names, speakers = np.unique(
        np.concatenate([names[key] for key in chosen]), return_inverse=True
    )
    features, masks, views = _features(raw, chosen, options)
    dialogues = Dialogues(
        name=writable(raw.path.resolve().stem),
        features=features,
        masks=masks,
        labels=classes.labels,
        speakers=speakers.astype(np.int64),
        dialogue_ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        dialogue_ids=tuple(chosen),
        splits=tuple(splits.values()),
        utterance_ids=_utterance_ids(chosen),
        label_names=classes.names,
        speaker_names=tuple(speaker_names.tolist()),
        views=views,
        divided=raw.divided,
        words=_words(chosen),
        sequences=_sequences(chosen, masks),
        targets={LABEL: score} if score else {},
    )
    return check(dialogues, str(raw.path))


def _check_lengths(raw: RawSet, key: str, dialogue: RawDialogue) -> None:
    expected = len(dialogue.labels)
    found = {name: len(rows) for name, rows in dialogue.features.items()}
    if dialogue.speakers is not None:
        found["speakers"] = len(dialogue.speakers)
    for field, count in found.items():
        if count != expected:
            raise InputError(
                f"{raw.path}: {field}: dialogue {key!r} has {count} rows for {expected} labels, "
                f"expected one for each"
            )


def _features(
    raw: RawSet, chosen: dict[str, RawDialogue], options: ImportOptions
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, tuple[int, ...]]]:
    """Return features, masks and views of each modality."""
    features, masks, views = {}, {}, {}
    for modality in MODALITIES:
        rows = [d.features[modality] for d in chosen.values() if modality in d.features]
        if not rows:
            continue
        widths = _view_widths(raw, modality, chosen)
        array = np.concatenate(rows)
        if modality == "text":
            array, widths = choose_views(raw, array, widths, options.text_views)
        masks[modality] = _present(raw, modality, array, widths, chosen, options)
        array[~masks[modality]] = 0
        if modality == "text" and options.text_views == "mean":
            array, widths = mean_view(raw, array, widths)
        features[modality] = array
        if len(widths) > 1:
            views[modality] = widths
    return features, masks, views


def _sequences(chosen: dict[str, RawDialogue], masks: dict[str, np.ndarray]) -> dict[str, Ragged]:
    """Return the rows of modalities that are sequences; none where an utterance lacks one."""
    found = {}
    for modality, mask in masks.items():
        parts = [d.sequences.get(modality) for d in chosen.values()]
        if any(part is not None for part in parts):
            rows = [part.rows for part in parts if part is not None]
            lengths = [
                np.zeros(len(dialogue.labels), np.int64) if part is None else part.lengths
                for part, dialogue in zip(parts, chosen.values(), strict=True)
            ]
            ptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
            found[modality] = Ragged(np.concatenate(rows), ptr).where(mask)
    return found


def _view_widths(raw: RawSet, modality: str, chosen: dict[str, RawDialogue]) -> tuple[int, ...]:
    """Return the width of each view, which is the same in all dialogues."""
    found = {key: dialogue.view_widths(modality) for key, dialogue in chosen.items()}
    first, widths = next((key, widths) for key, widths in found.items() if widths)
    for key, other in found.items():
        if other != widths:
            raise InputError(
                f"{raw.path}: {modality}: dialogue {key!r} has rows of {in_words(other or (0,))} "
                f"numbers, {first!r} of {in_words(widths)}; expected one width"
            )
    return widths


def _present(
    raw: RawSet,
    modality: str,
    array: np.ndarray,
    widths: tuple[int, ...],
    chosen: dict[str, RawDialogue],
    options: ImportOptions,
) -> np.ndarray:
    """Return which rows carry a feature; community files put zeros where it could not be had."""
    zero, broken = ~np.any(array, axis=1), ~np.all(np.isfinite(array), axis=1)
    lacking = lacks_a_view(array, widths)
    if zero.any():
        raw.notes.append(f"{modality}: {zero.sum()} rows are all zeros: marked as missing")
    if lacking.any():
        raw.notes.append(
            f"{modality}: {lacking.sum()} rows have zeros in place of some views, the first is "
            f"{_place(lacking, chosen)}: marked as missing, since a mask is for all views; "
            f"--text_views leaves views out"
        )
    if broken.any() and options.nonfinite_missing:
        raw.notes.append(f"{modality}: {broken.sum()} rows have NaN or inf: marked as missing")
        return ~(zero | lacking | broken)
    if broken.any():
        raise InputError(
            f"{raw.path}: {modality}: {broken.sum()} rows have NaN or inf, the first is "
            f"{_place(broken, chosen)}; expected finite numbers: mark such rows as missing with "
            f"--nonfinite_missing, or extract them again"
        )
    return ~(zero | lacking)


def _place(rows: np.ndarray, chosen: dict[str, RawDialogue]) -> str:
    """Return where the first of the rows is that are True, (N,), in words."""
    row = int(np.flatnonzero(rows)[0])
    ends = np.cumsum([len(dialogue.labels) for dialogue in chosen.values()])
    at = int(np.searchsorted(ends, row, side="right"))
    turn = row - (int(ends[at - 1]) if at else 0)
    return f"utterance {turn} of dialogue {list(chosen)[at]!r}"


def _words(chosen: dict[str, RawDialogue]) -> Sequence[str]:
    """Return what was said; "" in dialogues whose sentences are not one for each utterance."""
    known = [
        d.words if d.words and len(d.words) == len(d.labels) else [""] * len(d.labels)
        for d in chosen.values()
    ]
    return on_one_line(writable(one) for of_dialogue in known for one in of_dialogue)


def _utterance_ids(chosen: dict[str, RawDialogue]) -> tuple[str, ...]:
    # The file's own names, where each utterance has one that no other has.
    own = [name for d in chosen.values() for name in d.utterance_ids or [""]]
    total = sum(len(dialogue.labels) for dialogue in chosen.values())
    if len(own) == total and len(set(own)) == total and "" not in own:
        return tuple(own)
    return tuple(f"{key}_{turn}" for key, d in chosen.items() for turn in range(len(d.labels)))
