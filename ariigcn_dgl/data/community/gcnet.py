"""GCNet's folders of CMU-MOSI and CMU-MOSEI: a pickle of lists, and a .npy file per utterance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.columns import Columns, ids, kind, sentences
from ariigcn_dgl.data.community.merbench import check_names, feature_folders, read_feature
from ariigcn_dgl.data.community.mmsa import checked_intensities, class_names, labels_of
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.data.community.tuples import TupleLayout, by_name
from ariigcn_dgl.data.missing import absent
from ariigcn_dgl.errors import InputError


def read_gcnet(
    value: Any, layout: TupleLayout, path: Path, columns: Columns, options: ImportOptions
) -> RawSet:
    """Return the videos of a pickle of GCNet, with the features in the folders beside it.

    Raises
    ------
    InputError
        If the utterances of a video differ in number from its labels, a label is no intensity, or
        an utterance lacks a file of features.
    """
    items = dict(zip(layout.items, value, strict=True))
    named = {name: by_name(items[name], name, path) for name in ("ids", "labels", "sentences")}
    folders = feature_folders(path.parent, options)
    raw = RawSet(path, layout.title, {}, {}, class_names(options.labels))
    raw.sentiment = options.labels == "sentiment"
    raw.listed = {split: ids(items[split]) or [] for split in ("train", "val", "test")}
    rows = {modality: _Rows(folder) for modality, folder in folders.items()}
    for video, numbers in named["labels"].items():
        labels = columns.numbers(numbers, "labels", video)
        names = _names(named["ids"].get(video), len(labels), columns, video)
        checked_intensities(labels, f"{path}: labels: dialogue {video[:60]!r}")
        if not names:
            continue
        raw.dialogues[video] = RawDialogue(
            {modality: of.read(names, columns) for modality, of in rows.items()},
            labels_of(labels, raw.label_names or ()),
            utterance_ids=names,
            words=sentences(named["sentences"].get(video)),
        )
    for modality, of in rows.items():
        if of.empty:
            raw.notes.append(f"{modality}: {of.empty} utterances have a folder without a frame")
    raw.notes.append("features of more than one frame became their mean")
    if options.labels != "score":
        raw.notes.append("labels are classes of intensities; --labels score keeps the numbers")
    return raw


def _names(value: Any, count: int, columns: Columns, video: str) -> list[str]:
    found = ids(value)
    if found is None or len(found) != count:
        raise columns.fail(
            "ids", video, f"{kind(value)} for {count} labels, expected a name for each"
        )
    check_names(found, f"{columns.path}: ids: dialogue {video[:60]!r}")
    return found


class _Rows:
    """Reads the features of a modality; a folder without a frame stands for none, as no face."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.width = 0
        self.empty = 0

    def read(self, names: list[str], columns: Columns) -> np.ndarray:
        """Return a row for each utterance, (T, D), of zeros where it has none."""
        found = [self._row(name) for name in names]
        for name, row in zip(names, found, strict=True):
            if row is not None:
                self.width = self.width or len(row)
                if len(row) != self.width:
                    raise InputError(
                        f"{self.folder}: {name[:60]!r} has {len(row)} numbers, the others "
                        f"{self.width}; expected one width"
                    )
        columns.afford(4 * len(names) * self.width)
        nothing = absent(1, self.width)[0][0]
        return np.stack([nothing if row is None else row for row in found])

    def _row(self, name: str) -> np.ndarray | None:
        frames = self.folder / name
        single = self.folder / f"{name}.npy"
        if not single.exists() and frames.is_dir() and next(frames.iterdir(), None) is None:
            self.empty += 1
            return None
        return read_feature(self.folder, name)
