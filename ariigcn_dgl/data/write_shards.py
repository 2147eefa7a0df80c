"""Make a data set of shards: of parts that are written one by one, or of folders that are there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from ariigcn_dgl.data.arrays import write_safetensors
from ariigcn_dgl.data.check import check
from ariigcn_dgl.data.columns import Columns, columns_of, known_columns
from ariigcn_dgl.data.dialogues import SPLITS, UNLABELLED, Dialogues, in_order
from ariigcn_dgl.data.folder import HEADER, features_sha256, read_folder, write_folder
from ariigcn_dgl.data.names import Names, repeated
from ariigcn_dgl.data.shards import (
    CATALOGUE,
    FORMAT,
    SHARD_BYTES,
    SHARDS,
    TARGET,
    TRAIN,
    VERSION,
    ShardRecord,
    read_shards,
    shard_folders,
)
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import refuse_existing, replacing, sha256_of, write_json
from ariigcn_dgl.seal import seal


def cut(dialogues: Dialogues, shard_bytes: int = SHARD_BYTES) -> Iterator[Dialogues]:
    """Yield the dialogues of a set in parts, in their order, each of so many bytes of features.

    Parameters
    ----------
    dialogues : Dialogues
    shard_bytes : int
        A dialogue is not divided, so that there may be more.
    """
    per_row = 4 * sum(dialogues.widths.values())
    rows = max(shard_bytes // per_row, 1)
    first = 0
    while first < dialogues.num_dialogues:
        reached = dialogues.dialogue_ptr[first] + rows
        end = int(np.searchsorted(dialogues.dialogue_ptr, reached, side="right")) - 1
        end = max(end, first + 1)
        yield _own_speakers(dialogues[first:end])
        first = end


def _own_speakers(dialogues: Dialogues) -> Dialogues:
    used, speakers = np.unique(dialogues.speakers, return_inverse=True)
    names = tuple(dialogues.speaker_names[speaker] for speaker in used)
    return replace(dialogues, speakers=speakers.astype(np.int64), speaker_names=names)


def write_shards(parts: Iterable[Dialogues], path: str | Path) -> None:
    """Write a data set of shards, a part at a time; all of it or nothing.

    Parameters
    ----------
    parts : iterable of Dialogues
        One for each shard, checked, as of `cut`. What two have in common, as the id of a dialogue,
        is refused; a modality may lack in some.
    path : str or Path
        The new folder; its parent must exist, it must not.

    Raises
    ------
    InputError
        If the parts do not fit each other, the path exists or it cannot be written.
    """
    path = Path(path)
    refuse_existing(path)
    with replacing(path) as scratch:
        scratch.mkdir()
        catalogue = _Catalogue()
        for number, part in enumerate(parts):
            folder = f"shard{number:05}"
            write_folder(part, scratch / folder)
            catalogue.add(part, folder, features_sha256(scratch / folder))
        catalogue.write(scratch)


def join(sources: Sequence[str | Path], path: str | Path) -> Dialogues:
    """Make one data set of folders that `write_folder` wrote, which stay where they are.

    Parameters
    ----------
    sources : sequence of str or Path
        The folders, or sets of shards, in the order that their dialogues are to have. They are
        checked, and named by the way from the new folder: both can be moved together.
    path : str or Path
        The new folder, of two files.

    Returns
    -------
    Dialogues
        As `load_dialogues` reads it.

    Raises
    ------
    InputError
        If a folder is no such data set or damaged, if they do not fit each other, or the new one
        exists or cannot be written.
    """
    path = Path(path)
    refuse_existing(path)
    catalogue = _Catalogue(name=path.name)
    for source in (folder for one in sources for folder in _folders(Path(one))):
        part = check(read_folder(source), str(source))
        sha256 = features_sha256(source)  # which has just been compared
        catalogue.add(part, os.path.relpath(source, path), sha256, str(source))
    with replacing(path) as scratch:
        scratch.mkdir()
        catalogue.write(scratch)
    return read_shards(path)


def _folders(source: Path) -> list[Path]:
    """Return the folder itself, or those of its shards."""
    if (source / SHARDS).is_file():
        return shard_folders(source)
    if not (source / HEADER).is_file():
        raise InputError(
            f"{source}: not a folder with {HEADER} or {SHARDS}: ariigcn data convert makes one of "
            "any set"
        )
    return [source]


class _Added(NamedTuple):
    """A shard, without its features."""

    part: Dialogues
    where: str
    record: ShardRecord
    masks: dict[str, np.ndarray]
    train: dict[str, Columns]  # what its training rows are like


class _Catalogue:
    """Everything but the features of the shards that were added."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.added: list[_Added] = []
        self.widths: dict[str, int] = {}
        self.views: dict[str, tuple[int, ...]] = {}

    def add(self, part: Dialogues, folder: str, sha256: str, where: str = "") -> None:
        where = where or folder
        self._refuse_misfit(part, where)
        self.widths |= part.widths
        self.views |= part.views
        train = part.in_split("train")
        self.added.append(
            _Added(
                replace(
                    part.without_features(),
                    dialogue_ids=Names(part.dialogue_ids),
                    utterance_ids=Names(part.utterance_ids),
                ),
                where,
                {
                    "folder": folder,
                    "dialogues": part.num_dialogues,
                    "utterances": part.num_utterances,
                    "modalities": list(part.features),
                    "sha256": sha256,
                },
                part.masks,
                {m: columns_of(x, train & part.masks[m]) for m, x in part.features.items()},
            )
        )

    def _refuse_misfit(self, part: Dialogues, where: str) -> None:
        for m in part.sequences:
            raise InputError(
                f"{where}: {m} is a sequence of rows per utterance, which shards cannot hold; "
                "keep the set in one folder"
            )
        for m in part.features:
            other = next((one for one in self.added if m in one.train), None)
            if other is None:
                continue
            views = self.views.get(m, (self.widths[m],))
            if part.view_widths(m) != views:
                raise InputError(
                    f"{where}: {m} has the width {_sum_of(part.view_widths(m))}, in {other.where} "
                    f"{_sum_of(views)}; shards of a set have the same"
                )
        if self.added and _specs(part) != _specs(self.added[0].part):
            known = [", ".join(s.name for s in _specs(x)) for x in (part, self.added[0].part)]
            raise InputError(
                f"{where}: has the targets {known[0] or 'none'}, {self.added[0].where} "
                f"{known[1] or 'none'}, or not the same of each; shards of a set have the same"
            )

    def write(self, folder: Path) -> None:
        """Write the two files of the set into its folder."""
        if not self.added:
            raise InputError(f"{folder}: a set of no shard, expected at least one")
        parts = [one.part for one in self.added]
        names = {
            "dialogue_ids": Names.joined(cast(Names, part.dialogue_ids) for part in parts),
            "utterance_ids": Names.joined(cast(Names, part.utterance_ids) for part in parts),
        }
        for field, known in names.items():
            if repeated(known):
                self._refuse_repeated(field)
        label_names = _union(part.label_names for part in parts)
        classes = {name: place for place, name in enumerate(label_names)}
        people: dict[str, int] = {}
        for name in (name for part in parts for name in part.speaker_names):
            people.setdefault(name, len(people))
        names["speaker_names"] = Names(people)
        words = any(part.words for part in parts)
        if words:
            names["words"] = Names(w for p in parts for w in p.words or [""] * p.num_utterances)
        arrays = {
            "labels": np.concatenate(
                [_renumbered(p.labels, p.label_names, classes) for p in parts]
            ),
            "speakers": np.concatenate(
                [_renumbered(p.speakers, p.speaker_names, people) for p in parts]
            ),
            "lengths": np.concatenate([part.lengths for part in parts]),
            "splits": np.array([SPLITS.index(s) for p in parts for s in p.splits], np.uint8),
        }
        for target in parts[0].targets:
            values = [part.targets[target].values for part in parts]
            arrays[f"{TARGET}{target}"] = np.concatenate(values)
        for field, known in names.items():
            arrays[f"{field}.letters"], arrays[f"{field}.ends"] = known.arrays()
        for m in in_order(self.widths):
            arrays |= self._of_modality(m)
        write_safetensors(folder / CATALOGUE, arrays)
        targets = [spec.record() for spec in _specs(parts[0])]
        divided = {part.divided for part in parts}
        header = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name or parts[0].name,
            "label_names": label_names,
            "widths": {m: self.widths[m] for m in in_order(self.widths)},
            **({"views": self.views} if self.views else {}),
            **({"divided": divided.pop()} if len(divided) == 1 and "" not in divided else {}),
            **({"targets": targets} if targets else {}),
            **({"words": True} if words else {}),
            "sha256": sha256_of(folder / CATALOGUE),
            "shards": [one.record for one in self.added],
        }
        write_json(folder / SHARDS, header)
        seal(folder, [SHARDS])  # whose hashes are of all others

    def _of_modality(self, m: str) -> dict[str, np.ndarray]:
        zeros = np.zeros(self.widths[m])
        nothing = Columns(0, zeros, zeros, zeros)
        masks = [
            one.masks.get(m, np.zeros(one.part.num_utterances, np.bool_)) for one in self.added
        ]
        known = known_columns([one.train.get(m, nothing) for one in self.added])
        columns = {f"{TRAIN}{m}.{name}": array for name, array in known.items()}
        return {f"{m}_mask": np.concatenate(masks), **columns}

    def _refuse_repeated(self, field: str) -> None:
        """Raise `InputError` with a name that occurs twice, and where."""
        seen: dict[str, str] = {}
        for one in self.added:
            for name in getattr(one.part, field):
                if name in seen:
                    what = field.removesuffix("_ids")
                    raise InputError(
                        f"{one.where}: the {what} {name!r} is in {seen[name]}, too; expected ids "
                        "that no other shard has"
                    )
                seen[name] = one.where


def _specs(part: Dialogues) -> list[TargetSpec]:
    return [target.spec for target in part.targets.values()]


def _sum_of(widths: Sequence[int]) -> str:
    return " + ".join(map(str, widths))


def _union(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the classes of all shards: in their order where all have the same, else by name."""
    different = set(lists)
    if len(different) == 1:
        return different.pop()
    return tuple(sorted({name for names in different for name in names}))


def _renumbered(numbers: np.ndarray, names: Sequence[str], places: Mapping[str, int]) -> np.ndarray:
    """Return numbers of names as the numbers that they have in `places`; -1 stays."""
    table = np.array([*(places[name] for name in names), UNLABELLED], np.int64)
    return table[numbers]
