"""Read the one-file form of a data set: a NumPy archive of plain arrays."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ariigcn_dgl.data.arrays import (
    check_header,
    numpy_errors,
    to_float32,
    to_int64,
    to_mask,
    to_ragged,
    to_strings,
)
from ariigcn_dgl.data.column_names import our_split
from ariigcn_dgl.data.dialogues import (
    MODALITIES,
    UNLABELLED,
    Dialogues,
    in_order,
    is_modality,
)
from ariigcn_dgl.data.mapped import map_array
from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.data.target_arrays import to_target
from ariigcn_dgl.data.targets import LABEL, Target
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular, writable
from ariigcn_dgl.progress import track
from ariigcn_dgl.read_limits import ADVICE, allowed

# Features hardly compress, but modalities that are missing, rows of zeros, do.
_BYTES_PER_BYTE = 64
_FREE_BYTES = 1 << 28
_CHUNK_BYTES = 1 << 20
_LENGTHS_AT = 26  # in the header of a member of a zip archive
_CLASSES = "label_names"
_NUMBERS = ("dialogue_ptr", "speaker", LABEL)
_REDUNDANT = ("dialogue", "turn")  # follow from dialogue_ptr
_TEXT = ("dialogue_ids", "split", "utterance_ids", "speaker_names", _CLASSES)
_REQUIRED = (*_NUMBERS, *_TEXT)
_WORDS = "words"


def read_npz(path: str | Path, targets: Sequence[str] | None = None) -> Dialogues:
    """Read an .npz archive of N utterances in B dialogues; unchecked, see `load_dialogues`.

    The archive holds ``dialogue_ids``, ``split`` (B,), ``utterance_ids`` (N,), ``label_names`` (C,)
    and ``speaker_names`` (S,) as text; ``dialogue_ptr`` (B + 1,), ``speaker`` and ``label`` (N,) as
    whole numbers; ``text``, ``audio`` and ``visual`` (N, D) as float16 or float32, any of them; and
    where utterances lack a modality ``<modality>_mask`` (N,) bool; where a modality has several
    views ``<modality>_views``, their widths, which add up to D, as whole numbers; ``words`` (N,),
    what was said, as text, if anybody is to read it. A modality with an array ``<modality>_ptr``
    (N + 1,) beside it is a sequence of rows per utterance, (P, D): those of utterance n are
    ``ptr[n]:ptr[n + 1]``. Modalities of other names are known by their
    masks. ``dialogue`` and ``turn`` (N,) must agree with
    ``dialogue_ptr`` if they are there. A ``label`` of real numbers is a regression, and needs no
    ``label_names``. Other arrays are ignored, unless they are named as targets; ``ariigcn data
    check`` names those that look like features.

    Parameters
    ----------
    path : str or Path
        The archive. Its name without suffix becomes the name of the set.
    targets : sequence of str, optional
        What is to be predicted: ``label``, and others: of NAME the array ``NAME_label`` or
        ``NAME``, with ``NAME_names`` and, of numbers, ``NAME_range`` (low, high) where they are
        there (`to_target`). Default: ``label``.

    Raises
    ------
    InputError
        If the file is missing, damaged, holds Python objects or lacks an array.
    """
    path = Path(path)
    wanted = list(targets or [LABEL])
    arrays = _read_arrays(path, wanted)
    missing = [name for name in _required(arrays, wanted) if name not in arrays]
    if missing:
        raise InputError(f"{path}: lacks the arrays {', '.join(missing)}; found {_listed(arrays)}")
    present = in_order(_modalities(set(arrays)) & arrays.keys())
    if not present:
        raise InputError(
            f"{path}: no modality, expected an array text, audio or visual; found {_listed(arrays)}"
        )
    found = _targets(path, arrays, wanted)
    classes = LABEL in wanted and LABEL not in found
    texts = {
        name: to_strings(arrays[name], f"{path}: {name}")
        for name in _TEXT
        if classes or name != _CLASSES
    }
    numbers = {
        name: to_int64(arrays[name], f"{path}: {name}")
        for name in (*_NUMBERS, *_REDUNDANT)
        if name in arrays and (classes or name != LABEL)
    }
    rows = {m: to_float32(arrays[m], f"{path}: {m}") for m in present}
    pointers = {m: arrays[f"{m}_ptr"] for m in present if f"{m}_ptr" in arrays}
    sequences = {m: to_ragged(rows[m], ptr, f"{path}: {m}_ptr") for m, ptr in pointers.items()}
    features = {m: sequences[m].mean() if m in sequences else rows[m] for m in present}
    masks = {
        m: to_mask(arrays[f"{m}_mask"], f"{path}: {m}_mask")
        if f"{m}_mask" in arrays
        else _all_there(features[m], sequences.get(m))
        for m in present
    }
    views = {m: arrays[f"{m}_views"] for m in present if f"{m}_views" in arrays}
    _check_redundant(path, numbers, texts["utterance_ids"])
    return Dialogues(
        name=writable(path.stem),
        features=features,
        masks=masks,
        labels=numbers.get(LABEL, np.full(len(texts["utterance_ids"]), UNLABELLED)),
        speakers=numbers["speaker"],
        dialogue_ptr=numbers["dialogue_ptr"],
        dialogue_ids=texts["dialogue_ids"],
        splits=tuple(map(our_split, texts["split"])),
        utterance_ids=texts["utterance_ids"],
        label_names=tuple(texts.get(_CLASSES, ())),
        speaker_names=tuple(texts["speaker_names"]),
        views={m: tuple(to_int64(w, f"{path}: {m}_views").tolist()) for m, w in views.items()},
        words=to_strings(arrays[_WORDS], f"{path}: {_WORDS}") if _WORDS in arrays else (),
        sequences=sequences,
        targets=found,
    )


def _all_there(features: np.ndarray, sequence: Ragged | None) -> np.ndarray:
    """Return the mask of a modality that has none: everything, or where it has rows."""
    return np.ones(features.shape[:1], np.bool_) if sequence is None else sequence.lengths > 0


def _required(arrays: dict[str, np.ndarray], wanted: Sequence[str]) -> list[str]:
    """Return what an archive must have; without classes it needs neither them nor their names."""
    spared = set() if LABEL in wanted else {LABEL, _CLASSES}
    if LABEL in arrays and _is_score(arrays):
        spared = {_CLASSES}
    return [name for name in _REQUIRED if name not in spared]


def _is_score(arrays: dict[str, np.ndarray]) -> bool:
    """Whether the labels are real numbers, and not whole ones of classes that are named."""
    label, names = arrays[LABEL], arrays.get(_CLASSES, np.array([], "U1"))
    if label.dtype.kind != "f":
        return label.dtype.kind in "US" and not names.size  # which `to_target` refuses
    known = label[~np.isnan(label)]
    whole = bool((known == np.round(known)).all())
    return names.size < 2 or not whole


def _refuse_float_classes(path: Path, label: np.ndarray) -> None:
    if label.dtype.kind == "f":
        raise InputError(
            f"{path}: label: {label.dtype} array of shape {label.shape}, expected 1-D int64 "
            "numbers beside label_names: store whole ones, -1 where unknown, or leave the names out"
        )


def _targets(path: Path, arrays: dict[str, np.ndarray], wanted: Sequence[str]) -> dict[str, Target]:
    """Return the targets that are not the set's classes."""
    found = {}
    for name in wanted:
        key = next((key for key in (f"{name}_label", name) if key in arrays), None)
        if key is None:
            raise InputError(
                f"{path}: has no target '{name}': neither an array {name}_label nor {name}; "
                f"found {_listed(arrays)}"
            )
        if name == LABEL and not _is_score(arrays):
            _refuse_float_classes(path, arrays[key])
            continue
        # Real numbers are of no classes: names of some say nothing of them.
        named = name != LABEL and f"{name}_names" in arrays
        names = arrays[f"{name}_names"] if named else np.array([], "U1")
        scale = arrays.get(f"{name}_range", np.array([]))
        if scale.dtype.kind not in "fiu" or scale.shape not in ((0,), (2,)):
            raise InputError(
                f"{path}: {name}_range: {scale.dtype} array of shape {scale.shape}, expected two "
                "numbers, the lowest and the highest"
            )
        found[name] = to_target(
            name,
            arrays[key],
            f"{path}: {key}",
            to_strings(names, f"{path}: {name}_names"),
            [float(bound) for bound in scale],
        )
    return found


def _read_arrays(path: Path, targets: Sequence[str]) -> dict[str, np.ndarray]:
    with numpy_errors(str(path)), open_regular(path) as file:
        if not zipfile.is_zipfile(file):
            raise InputError(
                f"{path}: not a complete .npz archive (truncated, or another format); "
                f"copy or export it again"
            )
        file.seek(0)
        # Read array by array: np.load opens the archive only, and unpacks what is asked for.
        with np.load(file, allow_pickle=False) as archive:
            _check_sizes(path, archive.zip, targets)
            known = wanted_arrays(set(archive.files), targets)
            wanted = [name for name in archive.files if name in known]
            return {name: _read_array(path, archive, name) for name in track(wanted, "arrays read")}


def _modalities(names: set[str]) -> set[str]:
    """Return the names of modalities; others than the usual ones must have a mask."""
    return {*MODALITIES, *(m for m in names if is_modality(m) and f"{m}_mask" in names)}


def wanted_arrays(names: set[str], targets: Sequence[str]) -> set[str]:
    """Return which arrays of an archive are read, of the names of all."""
    parts = {f"{m}{of}" for m in _modalities(names) for of in ("", "_mask", "_ptr", "_views")}
    parts |= {f"{t}{of}" for t in targets for of in ("", "_label", "_names", "_range")}
    return names & {*_REQUIRED, *_REDUNDANT, _WORDS, *parts}


def _check_sizes(path: Path, archive: zipfile.ZipFile, targets: Sequence[str]) -> None:
    """Refuse what would unpack to far more than the file holds, before any of it gets memory."""
    names = {member.filename.removesuffix(".npy") for member in archive.infolist()}
    wanted = wanted_arrays(names, targets)
    members = [
        member for member in archive.infolist() if member.filename.removesuffix(".npy") in wanted
    ]
    total = sum(member.file_size for member in members)
    limit = allowed(_BYTES_PER_BYTE * path.stat().st_size + _FREE_BYTES)
    if total > limit:
        raise InputError(
            f"{path}: unpacks to {total:,} bytes, more than {limit:,}, the limit for a file of its "
            f"size; {ADVICE}"
        )
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name != member.filename:  # only what ends with .npy has a header to look at
            with numpy_errors(f"{path}: {name}"), archive.open(member) as content:
                check_header(content, member.file_size)


def _read_array(path: Path, archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    with numpy_errors(f"{path}: {name}"):
        # numpy's types would allow that there is no zip file any more.
        lies = archive.zip and _map_member(path, archive.zip, f"{name}.npy")
        array = archive[name] if lies is None else lies
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: {name}: not a NumPy array, expected one; export the file again")
    return array


def _map_member(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray | None:
    """Return a large array that is not compressed where it lies, its checksum compared."""
    member = next((one for one in archive.infolist() if one.filename == name), None)
    if member is None or member.compress_type != zipfile.ZIP_STORED:
        return None
    with archive.open(member) as content:
        header = check_header(content, member.file_size)
        start = content.tell()
        if not header.mappable:
            return None
        while content.read(_CHUNK_BYTES):  # to the end, where zipfile compares
            pass
    with open_regular(path) as file:
        file.seek(member.header_offset + _LENGTHS_AT)
        lengths = struct.unpack("<HH", file.read(4))  # of name and extra, as they stand here
        first = member.header_offset + _LENGTHS_AT + 4 + sum(lengths) + start
        return map_array(file, path, first, header.dtype, header.shape)


def _check_redundant(
    path: Path, numbers: dict[str, np.ndarray], utterance_ids: Sequence[str]
) -> None:
    """Check `dialogue` and `turn`, which show rows that were moved after the fact."""
    ptr = numbers["dialogue_ptr"]
    if "dialogue" in numbers:
        of_row = numbers["dialogue"]
        starts = np.searchsorted(of_row, np.arange(len(ptr)))
        if (np.diff(of_row) < 0).any() or not np.array_equal(starts, ptr):
            raise InputError(
                f"{path}: dialogue: disagrees with dialogue_ptr, expected rows sorted by dialogue"
            )
    if "turn" in numbers:
        _check_turn(path, numbers["turn"], ptr, utterance_ids)


def _check_turn(
    path: Path, turn: np.ndarray, ptr: np.ndarray, utterance_ids: Sequence[str]
) -> None:
    """Check that turns are 0 where a dialogue starts, else one more than before."""
    if len(turn) != len(utterance_ids):
        raise InputError(f"{path}: turn: {len(turn)} rows for {len(utterance_ids)} utterances")
    starts = np.isin(np.arange(len(turn)), ptr)
    wrong = np.flatnonzero(turn != np.where(starts, 0, np.roll(turn, 1) + 1))
    if wrong.size:
        raise InputError(
            f"{path}: turn: utterance {utterance_ids[wrong[0]]!r} is out of order, expected the "
            f"rows of a dialogue in order of speaking, counted 0, 1, 2, …"
        )


def _listed(arrays: dict[str, np.ndarray]) -> str:
    return ", ".join(sorted(arrays)) or "none"
