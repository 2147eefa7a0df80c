"""A data set of many folders, each a data set of its own: what may be larger than the memory.

``shards.json`` names the folders, the shards, in their order, and the hash of each one's features;
``catalogue.safetensors`` has everything but the features: ids, labels, speakers, splits, masks, and
what the columns of each shard's training rows are like. These two are read at first. Features stay
where they are (`Stacked`); a shard's are compared with their hash when one of its rows is wanted
for the first time.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypedDict, cast

import numpy as np

from ariigcn_dgl.data.arrays import map_safetensors
from ariigcn_dgl.data.columns import KNOWN_FIELDS
from ariigcn_dgl.data.dialogues import SPLITS, Dialogues, in_order
from ariigcn_dgl.data.folder import FEATURES, TargetRecord, read_header
from ariigcn_dgl.data.mapped import Known, Piece, Stacked
from ariigcn_dgl.data.names import Names
from ariigcn_dgl.data.targets import Target, TargetSpec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import writable
from ariigcn_dgl.limits import Limit, Sha256
from ariigcn_dgl.seal import compare, refuse_lost, verify

SHARDS = "shards.json"
CATALOGUE = "catalogue.safetensors"
FORMAT = "ariigcn-shards"
VERSION = 1
SHARD_BYTES = 128 << 20  # of features, in each
# Shards that a training reads at the same time, at random: the system should have room for them.
WINDOW_BYTES = 1 << 30
WAY_OUT = "copy it or make the data set again"
NUMBERS = ("labels", "speakers", "lengths", "splits")
NAMES = ("dialogue_ids", "utterance_ids", "speaker_names")
TARGET = "target."
TRAIN = "train."  # begins the names of what is known of the columns of the training rows


class ShardRecord(TypedDict):
    """A shard, as of ``shards.json``."""

    folder: Annotated[str, Limit("a path", lambda x: x != "")]
    dialogues: Annotated[int, Limit("at least 1", lambda x: x > 0)]
    utterances: Annotated[int, Limit("at least 1", lambda x: x > 0)]
    modalities: list[str]
    sha256: Sha256


class _Optional(TypedDict, total=False):
    views: dict[str, list[int]]
    words: bool
    divided: str
    targets: list[TargetRecord]


class _Header(_Optional):
    """What ``shards.json`` says besides format and version."""

    name: str
    label_names: list[str]
    widths: dict[str, int]
    shards: list[ShardRecord]
    sha256: Sha256  # of the catalogue


class ShardFile:
    """The features of a shard; opened, and compared with their hash, when they are asked for.

    Parameters
    ----------
    path : Path
    sha256 : str
        That they must have.
    widths : dict of str to int
        Of the modalities that it has.
    count : int
        Its utterances.
    """

    def __init__(self, path: Path, sha256: str, widths: dict[str, int], count: int) -> None:
        self.path = path
        self.sha256 = sha256
        self.widths = widths
        self.count = count

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The features of each modality, mapped."""
        if not self.path.exists():
            raise InputError(f"{self.path}: no such file, but {SHARDS} names its folder; {WAY_OUT}")
        compare(self.path, self.sha256, SHARDS, WAY_OUT)
        arrays = map_safetensors(self.path, list(self.widths))
        for name, array in arrays.items():
            expected = (self.count, self.widths[name])
            if array.dtype != np.float32 or array.shape != expected:  # as of another width
                raise InputError(
                    f"{self.path}: {name}: {array.dtype} array of shape {array.shape}, {SHARDS} "
                    f"says float32 of shape {expected}; {WAY_OUT}"
                )
        return arrays


@dataclass(frozen=True)
class ShardRows:
    """The rows of a modality in a shard that has it."""

    file: ShardFile
    modality: str

    @property
    def count(self) -> int:
        """How many."""
        return self.file.count

    @property
    def sha256(self) -> str:
        """That of the file, in which other modalities may lie, too."""
        return self.file.sha256

    def array(self) -> np.ndarray:
        """Return them."""
        return self.file.arrays[self.modality]


@dataclass(frozen=True)
class NoRows:
    """The rows of a modality in a shard that does not have it: zeros, which take no memory."""

    count: int
    width: int
    sha256: str = ""

    def array(self) -> np.ndarray:
        """Return them."""
        return np.broadcast_to(np.zeros((1, self.width), np.float32), (self.count, self.width))


def read_shards(path: str | Path) -> Dialogues:
    """Read a set of shards; its features are not looked at, see `load_dialogues`.

    Parameters
    ----------
    path : str or Path
        The folder of ``shards.json``.

    Returns
    -------
    Dialogues
        Whose features are `Stacked`.

    Raises
    ------
    InputError
        If ``shards.json`` or the catalogue is missing, malformed, of another version, or not the
        one that was written, or a shard's folder is not there.
    """
    path = Path(path)
    header = _verified(path)
    compare(path / CATALOGUE, header["sha256"], SHARDS, WAY_OUT)
    specs = [TargetSpec.of_record(dict(one)) for one in header.get("targets", [])]
    fields = [*NAMES, *(["words"] if header.get("words") else [])]
    wanted = [*NUMBERS, *(f"{TARGET}{spec.name}" for spec in specs)]
    wanted += [f"{field}.{part}" for field in fields for part in ("letters", "ends")]
    for m in header["widths"]:
        wanted += [f"{m}_mask", *(f"{TRAIN}{m}.{name}" for name in KNOWN_FIELDS)]
    arrays = map_safetensors(path / CATALOGUE, wanted)
    try:
        return _assembled(path, header, arrays, specs, fields)
    except (IndexError, TypeError, ValueError) as error:
        raise InputError(f"{path / CATALOGUE}: damaged: {error}; {WAY_OUT}") from error


def shard_folders(path: Path) -> list[Path]:
    """Return the folders of the shards of a set; `InputError` as of `read_shards`."""
    return [_folder(path, record) for record in _verified(path)["shards"]]


def _verified(path: Path) -> _Header:
    refuse_lost(path, WAY_OUT)
    verify(path / SHARDS, WAY_OUT)
    header: _Header = read_header(path / SHARDS, FORMAT, VERSION, _Header)
    return header


def _assembled(
    path: Path,
    header: _Header,
    arrays: dict[str, np.ndarray],
    specs: Sequence[TargetSpec],
    fields: Sequence[str],
) -> Dialogues:
    names = {f: Names.of(arrays[f"{f}.letters"], arrays[f"{f}.ends"]) for f in fields}
    lengths = np.array(arrays["lengths"])
    splits = np.array(arrays["splits"])
    _check_lengths(lengths, splits, arrays["labels"], header["shards"])
    train = np.repeat(splits == SPLITS.index("train"), lengths)
    masks = {m: arrays[f"{m}_mask"].view(np.uint8) != 0 for m in in_order(header["widths"])}
    files = [_shard_file(path, record, header["widths"]) for record in header["shards"]]
    features = {}
    for m, width in header["widths"].items():
        known = {name: arrays[f"{TRAIN}{m}.{name}"] for name in KNOWN_FIELDS}
        if any(known[name].shape != (len(files), width) for name in KNOWN_FIELDS[1:]):
            raise ValueError(f"{TRAIN}{m}: is not of {len(files)} shards and {width} columns")
        features[m] = _stacked(files, m, width, Known(train & masks[m], **known))
    return Dialogues(
        name=header["name"],
        features={m: features[m] for m in masks},
        masks=masks,
        labels=np.array(arrays["labels"]),
        speakers=np.array(arrays["speakers"]),
        dialogue_ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        dialogue_ids=names["dialogue_ids"],
        splits=tuple(SPLITS[split] for split in splits.tolist()),
        utterance_ids=names["utterance_ids"],
        label_names=tuple(header["label_names"]),
        speaker_names=tuple(names["speaker_names"]),
        views={m: tuple(widths) for m, widths in header.get("views", {}).items()},
        divided=writable(header.get("divided", "")),
        words=names.get("words", ()),
        targets={
            spec.name: Target(spec, np.array(arrays[f"{TARGET}{spec.name}"])) for spec in specs
        },
    )


def _check_lengths(
    lengths: np.ndarray, splits: np.ndarray, labels: np.ndarray, shards: Sequence[ShardRecord]
) -> None:
    """Raise `ValueError` unless dialogues of these lengths hold the utterances of the shards."""
    total = sum(record["utterances"] for record in shards)
    # Before anything is made of so many rows: no length is believed that the labels do not have.
    if labels.shape != (total,):
        raise ValueError(f"labels of {len(labels)} utterances, {SHARDS} has {total}")
    if lengths.ndim != 1 or splits.shape != lengths.shape:
        raise ValueError("lengths and splits are of other dialogues")
    if ((lengths < 1) | (lengths > total)).any() or lengths.sum() != total:
        raise ValueError(f"lengths do not add up to {total} utterances")


def _folder(path: Path, record: ShardRecord) -> Path:
    return Path(os.path.normpath(path / record["folder"]))


def _shard_file(path: Path, record: ShardRecord, widths: dict[str, int]) -> ShardFile:
    folder = _folder(path, record)
    if not (folder / FEATURES).is_file():
        raise InputError(
            f"{folder / FEATURES}: no such file, but {path / SHARDS} names it; {WAY_OUT}"
        )
    own = {m: width for m, width in widths.items() if m in record["modalities"]}
    if len(own) != len(record["modalities"]):
        raise ValueError(f"{record['folder']} has other modalities than {', '.join(widths)}")
    return ShardFile(folder / FEATURES, record["sha256"], own, record["utterances"])


def _stacked(files: Sequence[ShardFile], m: str, width: int, known: Known) -> np.ndarray:
    pieces: list[Piece] = [
        ShardRows(file, m) if m in file.widths else NoRows(file.count, width) for file in files
    ]
    # Whatever reads features asks for rows of them, or goes through them by `blocks`.
    return cast(np.ndarray, Stacked(pieces, width, known))


def together(
    dialogues: Dialogues, chosen: np.ndarray, generator: np.random.Generator
) -> list[np.ndarray]:
    """Return dialogues in groups, each of which can be read at random: its shards fit into memory.

    Parameters
    ----------
    dialogues : Dialogues
        Of a set that is not one of shards, or a small one, all are one group, and nothing is drawn.
    chosen : (B',) int array
        Which.
    generator : numpy.random.Generator
        Draws the order of the shards, and so which are read together.
    """
    arrays: Sequence[object] = list(dialogues.features.values())
    stacked = [array for array in arrays if isinstance(array, Stacked)]
    size = sum(array.nbytes for array in stacked)
    if size <= WINDOW_BYTES:
        return [chosen]
    ptr = stacked[0].ptr
    order = generator.permutation(len(ptr) - 1)
    rows = np.diff(ptr)[order]
    before = (np.cumsum(rows) - rows) * (size // int(ptr[-1]))
    group = np.empty(len(order), np.int64)
    group[order] = before // WINDOW_BYTES
    shard = np.searchsorted(ptr, dialogues.dialogue_ptr[chosen], side="right") - 1
    of_dialogue = group[shard]
    by_group = chosen[np.argsort(of_dialogue, kind="stable")]
    ends = np.cumsum(np.bincount(of_dialogue))
    return [some for some in np.split(by_group, ends[:-1]) if len(some)]
