"""The one format on disk: a folder of features.safetensors, utterances.jsonl and dataset.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np

from ariigcn_dgl.data.arrays import (
    read_safetensors,
    to_float32,
    to_mask,
    to_ragged,
    write_safetensors,
)
from ariigcn_dgl.data.dialogues import UNLABELLED, Dialogues, in_order, is_modality
from ariigcn_dgl.data.names import names_of
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.data.table import read_table
from ariigcn_dgl.data.targets import Kind, Per, Target, TargetSpec
from ariigcn_dgl.data.words import read_spoken, words_of
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_json, refuse_existing, replacing, sha256_of, writable
from ariigcn_dgl.limits import Limit
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import SEAL_FILE, compare, is_sealed, refuse_lost, seal, verify

FORMAT = "ariigcn-dialogues"
VERSION = 1
HEADER = "dataset.json"
FEATURES = "features.safetensors"
_UTTERANCES = "utterances.jsonl"
_TARGET = "target."  # begins the names of targets among the arrays; no modality has a full stop
WAY_OUT = "copy or make the data set again"
UNSEALED = (
    f"has no {SEAL_FILE}: nothing tells whether {HEADER} is as it was written; "
    "ariigcn data convert writes one"
)


class _TargetOptional(TypedDict, total=False):
    range: Annotated[list[float], Limit("the lowest and the highest", lambda x: len(x) == 2)]
    unit: str
    per: Per


class TargetRecord(_TargetOptional):
    """What a target is, as of `TargetSpec.record`."""

    name: str
    kind: Kind
    names: list[str]


class _Optional(TypedDict, total=False):
    views: dict[str, list[int]]
    sequences: list[str]
    divided: str
    targets: list[TargetRecord]


class _Header(_Optional):
    """What ``dataset.json`` says besides format and version."""

    name: str
    label_names: list[str]
    speaker_names: list[str]
    widths: dict[str, int]
    splits: dict[str, str]
    sha256: dict[str, str]


def write_folder(dialogues: Dialogues, path: str | Path) -> None:
    """Write a data set as a folder that `load_dialogues` reads; all of it or nothing.

    Parameters
    ----------
    dialogues : Dialogues
        A checked set. Features are stored in the dtype they have.
    path : str or Path
        The new folder; its parent must exist, it must not.

    Raises
    ------
    InputError
        If the path exists or cannot be written (no space, no permission).
    """
    path = Path(path)
    refuse_existing(path)
    with replacing(path) as scratch:
        scratch.mkdir()
        _write_files(dialogues, scratch)


def _write_files(dialogues: Dialogues, folder: Path) -> None:
    arrays = dict(dialogues.features)
    for m, sequence in dialogues.sequences.items():  # in the place of their means
        arrays |= {m: sequence.rows, f"{m}_ptr": sequence.ptr}
    arrays |= {f"{m}_mask": mask for m, mask in dialogues.masks.items()}
    arrays |= {f"{_TARGET}{name}": target.values for name, target in dialogues.targets.items()}
    write_safetensors(folder / FEATURES, arrays)
    with (folder / _UTTERANCES).open("w", encoding="utf-8", newline="") as file:
        file.writelines(_utterance_lines(dialogues))
    targets = [target.spec.record() for target in dialogues.targets.values()]
    header = {
        "format": FORMAT,
        "version": VERSION,
        "name": dialogues.name,
        "label_names": dialogues.label_names,
        "speaker_names": dialogues.speaker_names,
        "widths": dialogues.widths,
        # Sets without views are written as they were before there were some.
        **({"views": dialogues.views} if dialogues.views else {}),
        **({"sequences": [*dialogues.sequences]} if dialogues.sequences else {}),
        **({"divided": dialogues.divided} if dialogues.divided else {}),
        **({"targets": targets} if targets else {}),
        "splits": dict(zip(dialogues.dialogue_ids, dialogues.splits, strict=True)),
        "sha256": {name: sha256_of(folder / name) for name in (FEATURES, _UTTERANCES)},
    }
    text = json.dumps(header, indent=1, ensure_ascii=False) + "\n"
    (folder / HEADER).write_text(text, encoding="utf-8")
    seal(folder, [HEADER])  # whose hashes are of the other two


def _utterance_lines(dialogues: Dialogues) -> Iterator[str]:
    labels = {UNLABELLED: None} | dict(enumerate(dialogues.label_names))
    of_row = dialogues.row_dialogues
    records = (
        {
            "dialogue": dialogues.dialogue_ids[of_row[row]],
            "utterance": dialogues.utterance_ids[row],
            "speaker": dialogues.speaker_names[dialogues.speakers[row]],
            "label": labels[int(dialogues.labels[row])],
            **({"text": dialogues.words[row]} if dialogues.words else {}),
        }
        for row in range(dialogues.num_utterances)
    )
    return (json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read_folder(path: str | Path) -> Dialogues:
    """Read a folder that `write_folder` wrote; unchecked, see `load_dialogues`.

    Parameters
    ----------
    path : str or Path
        The folder.

    Raises
    ------
    InputError
        If a file is missing, malformed, of another version, or not the one that was written.
    """
    path = Path(path)
    if is_sealed(path):  # folders of before there were seals are none
        refuse_lost(path, WAY_OUT)  # of an extraction also its record
        verify(path / HEADER, f"{WAY_OUT}, or delete {SEAL_FILE} if the change is yours")
    header: _Header = read_header(path / HEADER, FORMAT, VERSION, _Header)
    for name in (FEATURES, _UTTERANCES):
        if name not in header["sha256"]:
            raise InputError(f"{path / HEADER}: sha256: no hash for {name}")
        compare(path / name, header["sha256"][name], HEADER, WAY_OUT)
    table = read_table(path / _UTTERANCES)
    table.require("dialogue", "utterance", "speaker")
    dialogue_ids, dialogue_ptr = table.dialogues()
    splits = _splits(path / HEADER, header["splits"], dialogue_ids)
    specs = [TargetSpec.of_record(dict(one)) for one in header.get("targets", [])]
    features, masks, sequences, targets = _read_features(
        path / FEATURES, header["widths"], header.get("sequences", []), specs
    )
    utterance_ids = names_of(table.columns["utterance"], len(table.lines))
    return Dialogues(
        name=header["name"],
        features=features,
        masks=masks,
        labels=table.indices("label", header["label_names"]),
        speakers=table.indices("speaker", header["speaker_names"]),
        dialogue_ptr=dialogue_ptr,
        dialogue_ids=dialogue_ids,
        splits=splits,
        utterance_ids=utterance_ids,
        label_names=tuple(header["label_names"]),
        speaker_names=tuple(header["speaker_names"]),
        views={m: tuple(widths) for m, widths in header.get("views", {}).items()},
        divided=writable(header.get("divided", "")),
        words=words_of(table) or read_spoken(path, utterance_ids, WAY_OUT),
        sequences=sequences,
        targets=targets,
    )


def lacks_seal(path: str | Path) -> bool:
    """Whether a path is such a folder from before there were seals; it is used all the same.

    Commands that begin something say so (`UNSEALED`); what goes on compares the data with the run's
    own record of them.
    """
    return (Path(path) / HEADER).is_file() and not is_sealed(Path(path))


def read_header(path: Path, expected: str, version: int, hint: Any) -> Any:
    """Read what a file beside the features says of a data set.

    Parameters
    ----------
    path : Path
    expected : str
        Its format.
    version : int
        Of that format.
    hint
        The TypedDict that it must be.

    Raises
    ------
    InputError
        If it cannot be read, or is of another format or version, or malformed.
    """
    header = read_json(path)
    if header.get("format") != expected:
        raise InputError(
            f"{path}: format is {header.get('format')!r}, expected {expected!r}: "
            f"not a data set of this program"
        )
    if header.get("version") != version:
        raise InputError(
            f"{path}: version is {header.get('version')!r}, this program reads version {version}; "
            f"update the program or write the data set again"
        )
    return conform(header, hint, str(path))


def features_sha256(folder: Path) -> str:
    """Return the hash that a folder says its features have."""
    found: str = read_json(folder / HEADER)["sha256"][FEATURES]
    return found


def _read_features(
    path: Path, widths: dict[str, int], ragged: list[str], specs: Sequence[TargetSpec]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, Ragged], dict[str, Target]]:
    """Return the features of each modality, their masks, the sequences of some, and the targets."""
    arrays = read_safetensors(path)
    expected = {*widths, *(f"{modality}_mask" for modality in widths)}
    expected |= {f"{modality}_ptr" for modality in ragged}
    expected |= {f"{_TARGET}{spec.name}" for spec in specs}
    known = set(ragged) <= set(widths) and all(map(is_modality, widths))
    if set(arrays) != expected or not known:
        raise InputError(
            f"{path}: holds the arrays {', '.join(sorted(arrays)) or 'none'}; {HEADER} names "
            f"the modalities {', '.join(widths) or 'none'}, expected each with its "
            f"<modality>_mask{_and_more(ragged, specs)}"
        )
    for modality, width in widths.items():
        shape = arrays[modality].shape
        if len(shape) != 2 or shape[1] != width:
            raise InputError(f"{path}: {modality}: shape {shape}, {HEADER} says width {width}")
    present = in_order(widths)
    rows = {m: to_float32(arrays[m], f"{path}: {m}") for m in present}
    sequences = {m: to_ragged(rows[m], arrays[f"{m}_ptr"], f"{path}: {m}_ptr") for m in ragged}
    features = {m: sequences[m].mean() if m in sequences else rows[m] for m in present}
    masks = {m: to_mask(arrays[f"{m}_mask"], f"{path}: {m}_mask") for m in present}
    targets = {
        spec.name: Target(
            spec, to_float32(arrays[f"{_TARGET}{spec.name}"], f"{path}: {_TARGET}{spec.name}")
        )
        for spec in specs
    }
    return features, masks, sequences, targets


def _and_more(ragged: list[str], specs: Sequence[TargetSpec]) -> str:
    pointers = f", <modality>_ptr for the sequences {', '.join(ragged)}" if ragged else ""
    return pointers + (f", and the targets {', '.join(s.name for s in specs)}" if specs else "")


def _splits(header: Path, splits: dict[str, str], dialogue_ids: Sequence[str]) -> tuple[str, ...]:
    for name in dialogue_ids:
        if name not in splits:
            raise InputError(f"{header}: splits: no split for dialogue {name!r}")
    extra = splits.keys() - set(dialogue_ids)
    if extra:
        raise InputError(f"{header}: splits: dialogue {min(extra)!r} is not in {_UTTERANCES}")
    return tuple(splits[name] for name in dialogue_ids)
