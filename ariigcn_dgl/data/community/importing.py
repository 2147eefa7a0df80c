"""Import a community file: recognise its layout, read it, hold it against the published counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ariigcn_dgl.data.community.assemble import assemble, dataset_of
from ariigcn_dgl.data.community.columns import Columns
from ariigcn_dgl.data.community.foreign import refuse_foreign
from ariigcn_dgl.data.community.join import join_features, join_meld_csv
from ariigcn_dgl.data.community.meld_csv import is_meld_csv, read_meld_csv
from ariigcn_dgl.data.community.published import Count, Published
from ariigcn_dgl.data.community.raw import ImportOptions, RawSet
from ariigcn_dgl.data.community.recognise import read_folder, read_value
from ariigcn_dgl.data.community.splits import divide_unlisted, note_missing_val
from ariigcn_dgl.data.community.unpickle import unpickle
from ariigcn_dgl.data.dialogues import SPLITS, Dialogues
from ariigcn_dgl.data.split import with_val_split
from ariigcn_dgl.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """Size of a part of a set as found and as published; `published` is None if nothing is."""

    part: str
    found: Count
    published: Count | None

    @property
    def agrees(self) -> bool | None:
        """Whether all published figures are found; None without any."""
        if self.published is None:
            return None
        dialogues = self.published.dialogues in (0, self.found.dialogues)  # 0: not published
        utterances = self.found.utterances == self.published.utterances
        return dialogues and utterances and self.published.classes in ((), self.found.classes)


@dataclass(frozen=True)
class Imported:
    """What a community file holds.

    Parameters
    ----------
    path : Path
        The file or folder.
    layout, dataset : str
        The layout and the data set that were recognised, in words.
    dialogues : Dialogues
        All of it, as one checked set.
    comparisons : tuple of Comparison
        Of the splits as the file has them.
    notes : tuple of str
        Traps of the file and choices that were made.
    """

    path: Path
    layout: str
    dataset: str
    dialogues: Dialogues
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]


def import_file(
    path: str | Path, options: ImportOptions | None = None, join: Sequence[str | Path] = ()
) -> Imported:
    """Read a file or folder in any of the community's layouts; nothing in it is ever run.

    Parameters
    ----------
    path : str or Path
        A pickle, or a folder of MERBench, GCNet, bc-LSTM, UR-FUNNY, MUStARD or the CMU SDK.
    options : ImportOptions, optional
        Choices that some layouts leave.
    join : sequence of str or Path
        More files on the same dialogues: feature files give the modalities and the lists of splits
        that `path` lacks, MELD's csv files the names of the speakers and its validation list.

    Raises
    ------
    InputError
        If a file is damaged, hostile or of no known layout, or the files do not fit each other.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ariigcn_dgl.data.community import write_layout
    >>> with TemporaryDirectory() as folder:
    ...     _ = write_layout("dialoguegcn", Path(folder, "a.pkl"), fraction=0.02)
    ...     imported = import_file(Path(folder, "a.pkl"))
    >>> imported.dataset, imported.dialogues.widths
    ('IEMOCAP, 6 emotions', {'text': 100, 'audio': 100, 'visual': 512})
    """
    options = options or ImportOptions()
    raw = _read(Path(path), options)
    for more in map(Path, join):
        if is_meld_csv(more):
            join_meld_csv(raw, read_meld_csv(more), more)
        else:
            join_features(raw, _read(more, options))
    if not raw.listed:
        divide_unlisted(raw, options.seed)
    dataset = dataset_of(raw)
    dialogues = assemble(raw, dataset, options)
    compared = _compare(raw, dialogues, dataset)
    if options.val_fraction:
        dialogues = _carve(raw, dialogues, options)
    elif "val" not in dialogues.splits:
        note_missing_val(raw, dataset)
    known = dataset.name if dataset else "none whose published counts are known here"
    return Imported(raw.path, raw.layout, known, dialogues, compared, tuple(raw.notes))


def _read(path: Path, options: ImportOptions) -> RawSet:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_dir():
        return read_folder(path, options)
    if is_meld_csv(path):
        raise InputError(
            f"{path}: MELD's csv holds no features; it gives a feature file the names of speakers "
            f"and the validation split: ariigcn data import FEATURES.pkl --join {path}"
        )
    if path.suffix == ".json":
        raise InputError(
            f"{path}: holds no features; MUStARD's are imported by the folder that has them, too: "
            f"ariigcn data import {path.parent}"
        )
    refuse_foreign(path)
    return read_value(unpickle(path), path, Columns(str(path), path.stat().st_size), options)


def _compare(
    raw: RawSet, dialogues: Dialogues, dataset: Published | None
) -> tuple[Comparison, ...]:
    parts: list[tuple[str, ...]] = [(split,) for split in SPLITS if split in dialogues.splits]
    if dataset and (("val",) not in parts or not raw.official_val):
        # A validation list of somebody's own has no published size, both lists together have.
        parts = [("train", "val"), *(part for part in parts if part == ("test",))]
    emotions = dataset and dialogues.label_names == dataset.label_names
    comparisons = []
    for part in parts:
        published = dataset.count(part) if dataset else None
        if published and not emotions:  # counts of classes are of emotions
            published = Count(published.dialogues, published.utterances)
        comparisons.append(Comparison(" + ".join(part), _count(dialogues, part), published))
    return tuple(comparisons)


def _count(dialogues: Dialogues, splits: Sequence[str]) -> Count:
    inside = np.isin(dialogues.splits, splits)
    labels = dialogues.labels[np.repeat(inside, dialogues.lengths)]
    classes = np.bincount(labels[labels >= 0], minlength=dialogues.num_classes)
    return Count(int(inside.sum()), len(labels), tuple(classes.tolist()))


def _carve(raw: RawSet, dialogues: Dialogues, options: ImportOptions) -> Dialogues:
    if "val" in dialogues.splits:
        raise InputError(
            f"{raw.path}: --val_fraction: the file has a validation split already; leave the "
            f"option out"
        )
    if not 0 < options.val_fraction < 1:
        raise InputError(f"--val_fraction: is {options.val_fraction}, expected between 0 and 1")
    try:
        carved = with_val_split(dialogues, options.seed, options.val_fraction)
    except InputError as error:
        raise InputError(f"{raw.path}: {error}") from error
    moved = f"{carved.splits.count('val')} of {dialogues.splits.count('train')}"
    raw.notes.append(
        f"the file has no validation list: {moved} training dialogues "
        f"moved to validation at random (--val_fraction {options.val_fraction:g} --seed "
        f"{options.seed}): a split of your own, not a published one"
    )
    return carved
