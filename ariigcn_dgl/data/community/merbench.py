"""MERBench's folders: a .npy file per utterance in a folder per feature, and label.npz."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.arrays import numpy_errors, read_npy
from ariigcn_dgl.data.community.columns import Columns, kind
from ariigcn_dgl.data.community.meld_csv import OFFSETS
from ariigcn_dgl.data.community.mmsa import checked_intensities, steps
from ariigcn_dgl.data.community.published import IEMOCAP_ID, INTENSITIES, MELD
from ariigcn_dgl.data.community.raw import ImportOptions, RawDialogue, RawSet
from ariigcn_dgl.data.community.unpickle import unpickle_bytes
from ariigcn_dgl.data.dialogues import MODALITIES
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular
from ariigcn_dgl.read_limits import ADVICE, allowed

_CORPORA = {"train_corpus": "train", "val_corpus": "val", "test_corpus": "test", "whole_corpus": ""}
# MERBench numbers the classes in orders of its own.
_MELD_ORDER = ("anger", "joy", "sadness", "neutral", "disgust", "fear", "surprise")
_TO_MELD = np.array([MELD.label_names.index(name) for name in _MELD_ORDER])
_MER_NAMES = ("neutral", "angry", "happy", "sad", "worried", "surprise")
_LARGEST_CORPUS = 1 << 25  # bytes, before any of them is unpacked
_SHORTEST = 12  # bytes up to NumPy's header
_MELD_NAME = re.compile(r"(train|val|test)_dia(\d{1,6})_utt(\d{1,6})")
_TURN = re.compile(r"(.+)_([FM])(\w+)")


def label_file(path: Path) -> Path | None:
    """Return the .npz with a corpus of labels in a folder; None if there is none."""
    for file in sorted(path.glob("*.npz")):
        try:
            with open_regular(file) as content, zipfile.ZipFile(content) as archive:
                if {f"{name}.npy" for name in _CORPORA} & set(archive.namelist()):
                    return file
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, InputError):
            continue
    return None


def read_merbench(path: Path, labels: Path, options: ImportOptions) -> RawSet:
    """Return the dialogues of a MERBench folder."""
    corpora = _corpora(labels)
    folders = feature_folders(path, options)
    raw = RawSet(path, "folders of MERBench", {}, {})
    used = {name for names in corpora.values() for name in names}
    raw.label_names = _label_names(used, corpora)
    raw.dataset = MELD if all(map(_MELD_NAME.fullmatch, used)) else None
    for split, corpus in corpora.items():
        for dialogue, names in _dialogues(corpus).items():
            raw.dialogues[dialogue] = _dialogue(names, corpus, folders, raw)
            raw.listed.setdefault(split or _iemocap_split(dialogue), []).append(dialogue)
    raw.notes.append("features of more than one frame became their mean")
    if "" in corpora:
        raw.notes.append(
            "the labels come without splits (MERBench cross-validates by session): the last "
            "session became test, the others train"
        )
    return raw


def _corpora(file: Path) -> dict[str, dict[str, Any]]:
    corpora = {}
    with (
        numpy_errors(str(file)),
        open_regular(file) as whole_file,
        zipfile.ZipFile(whole_file) as archive,
    ):
        for name, split in _CORPORA.items():
            if f"{name}.npy" in archive.namelist():
                if archive.getinfo(f"{name}.npy").file_size > allowed(_LARGEST_CORPUS):
                    raise InputError(f"{file}: {name}: larger than any list of labels; {ADVICE}")
                with archive.open(f"{name}.npy") as member:
                    corpora[split] = _corpus(member.read(), f"{file}: {name}")
    return corpora


def _corpus(content: bytes, where: str) -> dict[str, Any]:
    # An array of one Python object: NumPy's header, then a pickle.
    if not content.startswith(np.lib.format.MAGIC_PREFIX) or len(content) < _SHORTEST:
        raise InputError(f"{where}: damaged or truncated: not a NumPy array")
    header = len(np.lib.format.MAGIC_PREFIX) + 2
    size_bytes = 2 if content[6] == 1 else 4
    length = int.from_bytes(content[header : header + size_bytes], "little")
    corpus = unpickle_bytes(content, where, header + size_bytes + length)
    if not isinstance(corpus, dict) or not all(isinstance(name, str) for name in corpus):
        raise InputError(f"{where}: {kind(corpus)}, expected a dictionary from name to labels")
    check_names(corpus, where)
    return corpus


def check_names(names: Iterable[str], where: str) -> None:
    """Raise where a name of an utterance, which becomes a path, leads out of its folder."""
    for name in names:
        if {"/", "\\", "\0"} & set(name) or name.startswith(".") or not name:
            raise InputError(f"{where}: {name[:40]!r} is no name of an utterance")


def feature_folders(path: Path, options: ImportOptions) -> dict[str, Path]:
    """Return the folder of features of each modality that the options or its name say.

    Raises
    ------
    InputError
        If one is not there, or none is known: says which folders there are.
    """
    root = path / "features" if (path / "features").is_dir() else path
    chosen = {m: getattr(options, m) or (m if (root / m).is_dir() else None) for m in MODALITIES}
    folders = {modality: root / name for modality, name in chosen.items() if name}
    for modality, folder in folders.items():
        if not folder.is_dir():
            raise InputError(f"{folder}: --{modality}: no such folder; there are {_listed(root)}")
    if not folders:
        raise InputError(
            f"{path}: which folder is which modality? name them with --text, --audio, --visual; "
            f"there are {_listed(root)}"
        )
    return folders


def _listed(root: Path) -> str:
    return ", ".join(sorted(entry.name for entry in root.iterdir() if entry.is_dir())) or "none"


def _label_names(names: set[str], corpora: dict[str, Any]) -> tuple[str, ...] | None:
    if all(map(_MELD_NAME.fullmatch, names)) or all(map(IEMOCAP_ID.match, names)):
        return None  # brought to the order that the rest of the community uses
    emotions = [one.get("emo") for corpus in corpora.values() for one in corpus.values()]
    return _MER_NAMES if any(isinstance(e, int) and e >= 0 for e in emotions) else INTENSITIES


def _dialogues(corpus: dict[str, Any]) -> dict[str, list[str]]:
    groups: dict[str, list[tuple[int, str]]] = {}
    for place, name in enumerate(corpus):
        meld, iemocap = _MELD_NAME.fullmatch(name), _TURN.fullmatch(name)
        if meld:
            # Numbered as in the pickles, one split after the other.
            dialogue = str(int(meld[2]) + OFFSETS[meld[1]])
            groups.setdefault(dialogue, []).append((int(meld[3]), name))
        else:
            dialogue = iemocap[1] if iemocap and IEMOCAP_ID.match(name) else name
            groups.setdefault(dialogue, []).append((place, name))
    return {dialogue: [name for _, name in sorted(found)] for dialogue, found in groups.items()}


def _iemocap_split(dialogue: str) -> str:
    return "test" if dialogue.startswith("Ses05") else "train"


def _dialogue(
    names: list[str], corpus: dict[str, Any], folders: dict[str, Path], raw: RawSet
) -> RawDialogue:
    features = {
        modality: np.stack([read_feature(folder, name) for name in names])
        for modality, folder in folders.items()
    }
    found = [_TURN.fullmatch(name) for name in names]
    known = all(found) and IEMOCAP_ID.match(names[0])
    speakers = [match[2] for match in found if match] if known else None
    return RawDialogue(features, _labels(names, corpus, raw), speakers, names)


def _labels(names: list[str], corpus: dict[str, Any], raw: RawSet) -> np.ndarray:
    columns = Columns(str(raw.path), 64 * len(names))
    key = "val" if raw.label_names is INTENSITIES else "emo"
    entries = [corpus[name] if isinstance(corpus[name], dict) else {} for name in names]
    values = columns.numbers([entry.get(key) for entry in entries], key, names[0])
    if raw.label_names is INTENSITIES:
        return steps(checked_intensities(values, f"{raw.path}: {names[0]!r}"))
    if _MELD_NAME.fullmatch(names[0]) and raw.label_names is None:
        if not np.isin(values, np.arange(7)).all():
            raise columns.fail("emo", names[0], "a class other than 0 to 6")
        return _TO_MELD[values.astype(np.int64)].astype(np.float64)
    return np.where(values < 0, np.nan, values)


def read_feature(folder: Path, name: str) -> np.ndarray:
    """Return the features of an utterance, (D,): of several frames or files their mean."""
    single, frames = folder / f"{name}.npy", folder / name
    files = [single] if single.exists() else sorted(frames.glob("*.npy"))
    if not files:
        raise InputError(f"{single}: missing; expected a feature for every labelled utterance")
    rows = [np.atleast_2d(np.squeeze(read_npy(file))) for file in files]
    for file, row in zip(files, rows, strict=True):
        if row.ndim != 2 or row.dtype.kind not in "fiu" or row.shape[1] != rows[0].shape[1]:
            raise InputError(f"{file}: {kind(row)}, expected (frames, width) numbers")
    return np.concatenate(rows).mean(axis=0, dtype=np.float32)
