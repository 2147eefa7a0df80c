"""Tiny data sets in memory and in each layout, to read as they are or to damage first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, write_folder
from ariigcn_dgl.seal import seal

PLAIN_CSV = """\
dialogue,speaker,label,split
d1,Ann,joy,train
d1,Bob,anger,train
d2,Ann,joy,val
d3,Bob,,test
d3,Cem,anger,test
d3,Bob,joy,test
"""


@pytest.fixture
def npz_arrays(tiny: Dialogues) -> dict[str, np.ndarray]:
    """Return the arrays of `tiny` as its .npz archive holds them."""
    return {
        "dialogue": np.array([0, 0, 1, 2, 2, 2]),
        "dialogue_ids": np.array(tiny.dialogue_ids),
        "split": np.array(tiny.splits),
        "dialogue_ptr": tiny.dialogue_ptr,
        "turn": np.array([0, 1, 0, 0, 1, 2]),
        "utterance_ids": np.array(tiny.utterance_ids),
        "speaker": tiny.speakers,
        "speaker_names": np.array(tiny.speaker_names),
        "label": tiny.labels,
        "label_names": np.array(tiny.label_names),
        "text": tiny.features["text"].astype(np.float16),
        "audio": tiny.features["audio"],
        "audio_mask": tiny.masks["audio"],
    }


@pytest.fixture
def npz_file(tmp_path: Path, npz_arrays: dict[str, np.ndarray]) -> Path:
    path = tmp_path / "tiny.npz"
    np.savez_compressed(path, **npz_arrays)
    return path


@pytest.fixture
def folder(tmp_path: Path, tiny: Dialogues) -> Path:
    path = tmp_path / "tiny_folder"
    write_folder(tiny, path)
    return path


@pytest.fixture
def plain(tmp_path: Path, tiny: Dialogues) -> Path:
    """`tiny` as a user would bring it."""
    path = tmp_path / "tiny_plain"
    path.mkdir()
    (path / "utterances.csv").write_text(PLAIN_CSV)
    audio = np.where(tiny.masks["audio"][:, None], tiny.features["audio"], np.nan)
    np.save(path / "text.npy", tiny.features["text"])
    np.save(path / "audio.npy", audio.astype(np.float32))
    return path


@pytest.fixture
def edit_header() -> Callable[..., None]:
    """Change fields of a folder's dataset.json, as if it had been written so."""

    def edit(folder: Path, **changes: object) -> None:
        path = folder / "dataset.json"
        header = json.loads(path.read_text())
        path.write_text(json.dumps(header | changes))
        seal(folder, [path.name])

    return edit


@pytest.fixture
def reseal(edit_header: Callable[..., None]) -> Callable[[Path], None]:
    """Put the present hashes into dataset.json, so that damage is met by what comes after them."""

    def hash_again(folder: Path) -> None:
        files = ("features.safetensors", "utterances.jsonl")
        hashes = {f: hashlib.sha256((folder / f).read_bytes()).hexdigest() for f in files}
        edit_header(folder, sha256=hashes)

    return hash_again
