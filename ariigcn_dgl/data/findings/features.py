"""Feature columns and rows: not finite, constant, missing, of odd scale, of different make."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ariigcn_dgl.data.columns import Columns, columns_of, filled_rows, finite_rows, rowwise
from ariigcn_dgl.data.dialogues import SPLITS, Dialogues
from ariigcn_dgl.data.findings.finding import Finding, place
from ariigcn_dgl.data.mapped import blocks
from ariigcn_dgl.data.ragged import misaligned
from ariigcn_dgl.data.standardise import LARGEST_Z
from ariigcn_dgl.data.views import lacks_a_view

# Thresholds are judgements, none a published figure: beyond them a careful person would look.
_SHOWN = 5  # of the columns, so that a finding stays a line
_MOSTLY_MISSING = 0.5  # of a split's utterances
_WIDE_SCALE = 1e4  # largest deviation of a column over the smallest
_OUTLIERS = 0.001  # share of values; of a normal distribution none in a million is so far off
_SHIFT = 0.5  # deviations between the means of two splits, median over columns
_ENOUGH = 30  # rows to compare distributions by
_FEW_CONSTANT = 0.01  # of the columns; encoders that are whole have a few
# Seen in the sentence embeddings of IEMOCAP, MELD and MUStARD: width and columns, and whose.
_CONSTANT_OF = {(384, (127, 223)): "all-MiniLM-L6-v2", (768, (555, 756)): "all-mpnet-base-v2"}


def examine_features(dialogues: Dialogues) -> Iterator[Finding]:
    """Yield what there is to say about each modality."""
    for modality, array in dialogues.features.items():
        finite = finite_rows(array)
        yield from _finite(dialogues, modality, finite)
        yield from _coverage(dialogues, modality)
        present = finite & dialogues.masks[modality]
        train = columns_of(array, present & dialogues.in_split("train"))
        yield from _columns(dialogues, modality, present, train)
        yield from _shift(dialogues, modality, present, train)
    yield from _without_any(dialogues)
    yield from _alignment(dialogues)
    yield from _copies(dialogues)


def _alignment(dialogues: Dialogues) -> Iterator[Finding]:
    found = misaligned(dialogues, list(dialogues.features))
    if found:
        yield Finding(
            "note",
            "features",
            f"{found}: they are not aligned",
            "systems that read the words of all modalities side by side (c-mfn) refuse them",
        )


def _finite(dialogues: Dialogues, modality: str, finite: np.ndarray) -> Iterator[Finding]:
    rows = np.flatnonzero(~finite)
    if rows.size:
        array = dialogues.features[modality]
        column = int(np.flatnonzero(~np.isfinite(array[rows[0]]))[0])
        yield Finding(
            "error",
            modality,
            f"{rows.size} rows have NaN or inf; first {array[rows[0], column]} in column {column} "
            f"of {place(dialogues, rows[0])}",
            "extract them again, or mark them as missing (in a .npy of your own: all NaN)",
        )


def _coverage(dialogues: Dialogues, modality: str) -> Iterator[Finding]:
    mask = dialogues.masks[modality]
    for split in (split for split in SPLITS if split in dialogues.splits):
        present = mask[dialogues.in_split(split)]
        missing = int((~present).sum())
        if missing:
            of = "every utterance" if missing == len(present) else f"{missing} of {len(present)}"
            yield Finding(
                "warning" if missing > _MOSTLY_MISSING * len(present) else "note",
                modality,
                f"missing for {of} of {split}",
                "such rows are masked; compare with a run without the modality",
            )
    array, widths = dialogues.features[modality], dialogues.view_widths(modality)
    zero = ~filled_rows(array) & mask
    if zero.any():
        yield Finding(
            "warning",
            modality,
            f"{zero.sum()} rows are all zeros but not marked as missing; first "
            f"{place(dialogues, int(np.flatnonzero(zero)[0]))}",
            "if zeros stand for no measurement, mark them (in a .npy of your own: all NaN)",
        )
    lacking = rowwise(array, lambda block: lacks_a_view(block, widths))
    if lacking.any():
        yield Finding(
            "warning",
            modality,
            f"{lacking.sum()} rows have a view of zeros only; first "
            f"{place(dialogues, int(np.flatnonzero(lacking)[0]))}",
            "a mask is for all views: extract the view again, or mark the rows as missing",
        )


def _without_any(dialogues: Dialogues) -> Iterator[Finding]:
    bare = np.flatnonzero(~np.any(list(dialogues.masks.values()), axis=0))
    if bare.size:
        yield Finding(
            "warning",
            "utterances",
            f"{bare.size} have nothing in any modality; first {place(dialogues, bare[0])}",
            "only their neighbours tell of them; leave them out if no one spoke",
        )


def _columns(
    dialogues: Dialogues, modality: str, present: np.ndarray, train: Columns
) -> Iterator[Finding]:
    array = dialogues.features[modality]
    rows, found = present & dialogues.in_split("train"), train  # what `Standardiser` will measure
    if not train.count:
        rows, found = present, columns_of(array, present)
    if found.count < 2:
        return
    width, constant = array.shape[1], np.flatnonzero(~found.varied)
    if constant.size:
        shown = ", ".join(map(str, constant[:_SHOWN])) + (", …" if constant.size > _SHOWN else "")
        what = f"{constant.size} of {width} columns are constant in train ({shown})"
        encoder = _CONSTANT_OF.get((width, tuple(constant.tolist())))
        if encoder:
            yield Finding("note", modality, what, f"they are of {encoder} and carry nothing")
        elif constant.size <= _FEW_CONSTANT * width:
            yield Finding("note", modality, what, "they carry nothing")
        else:
            advice = "they carry nothing; so many of them hint at a broken extractor"
            yield Finding("warning", modality, what, advice)
    if constant.size < width and found.count >= _ENOUGH:
        yield from _scale(modality, array, rows, found)


def _scale(modality: str, array: np.ndarray, rows: np.ndarray, found: Columns) -> Iterator[Finding]:
    varied = found.varied
    mean, deviations = found.mean[varied], found.std[varied]
    lowest, highest = deviations.min(), deviations.max()
    if highest > _WIDE_SCALE * lowest:
        yield Finding(
            "note",
            modality,
            f"deviations of columns run from {lowest:.2g} to {highest:.2g}",
            "training standardises them; other programs may not",
        )
    far = sum(
        int((np.abs(block[rows[at]][:, varied] - mean) > LARGEST_Z * deviations).sum())
        for at, block in blocks(array, itemsize=8)
    )
    beyond = far / (found.count * len(mean))
    if beyond > _OUTLIERS:
        yield Finding(
            "warning",
            modality,
            f"{beyond:.2%} of the values are more than {LARGEST_Z:g} deviations from their mean",
            "training clips them; look for failed measurements or take logarithms",
        )


def _shift(
    dialogues: Dialogues, modality: str, present: np.ndarray, train: Columns
) -> Iterator[Finding]:
    array = dialogues.features[modality]
    if train.count < _ENOUGH:
        return
    others = (split for split in SPLITS if split != "train")
    parts = {split: present & dialogues.in_split(split) for split in others}
    parts = {split: rows for split, rows in parts.items() if rows.sum() >= _ENOUGH}
    # Not 0: a column that is constant in train alone is far off, and no NaN.
    spread = np.maximum(train.std, float(np.finfo(np.float32).tiny))
    for split, rows in parts.items():
        there = columns_of(array, rows)
        shift = float(np.median(np.abs(there.mean - train.mean) / spread))
        if shift > _SHIFT:
            yield Finding(
                "warning",
                modality,
                f"the columns of {split} differ from those of train by {shift:.1f} deviations",
                "were the splits extracted or scaled apart? do both the same way",
            )


def _copies(dialogues: Dialogues) -> Iterator[Finding]:
    names = list(dialogues.features)
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            if _same(dialogues.features[first], dialogues.features[second]):
                yield Finding(
                    "error", second, f"the same features as {first}", "one of the files is wrong"
                )


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape == second.shape and all(
        np.array_equal(block, second[rows]) for rows, block in blocks(first)
    )
