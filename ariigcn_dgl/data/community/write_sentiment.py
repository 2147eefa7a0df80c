"""Write synthetic monologues with a sentiment as files of the CMU SDK, GCNet and bc-LSTM."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.bc_lstm import LABEL_NAMES
from ariigcn_dgl.data.community.example import example
from ariigcn_dgl.data.community.published import CMU_MOSI
from ariigcn_dgl.data.community.write_others import STEPS
from ariigcn_dgl.data.dialogues import SPLITS, Dialogues
from ariigcn_dgl.optional import require

_CLIP, _SPOKEN = 4.0, 3.5  # seconds from one clip to the next, and of a clip
_ROWS = 4  # of a clip: more than one, so that readers have something to average
# What the SDK calls the sequences, and their files.
_SEQUENCES = {
    "labels": ("Opinion Segment Labels", "CMU_MOSI_Opinion_Labels"),
    "words": ("words", "CMU_MOSI_TimestampedWords"),
    "text": ("glove_vectors", "CMU_MOSI_TimestampedWordVectors"),
    "audio": ("COVAREP", "CMU_MOSI_COVAREP"),
    "visual": ("FACET_4.2", "CMU_MOSI_Visual_Facet_42"),
}


def write_csd(d: Dialogues, path: Path) -> None:
    """Write a folder of computational sequences: labels, words and features with times.

    Between clips there is a row that is of none: a pause.
    """
    h5py = require("h5py", "csd")
    path.mkdir()
    intensities = np.array(STEPS)[d.labels]
    for role, (name, file) in _SEQUENCES.items():
        with h5py.File(path / f"{file}.csd", "w") as content:
            content.create_group(f"{name}/metadata")["root name"] = name
            data = content.create_group(f"{name}/data")
            for b, video in enumerate(d.dialogue_ids):
                rows = d.rows(b)
                entry = data.create_group(video)
                if role == "labels":
                    entry["intervals"] = _clips(rows.stop - rows.start)
                    entry["features"] = intensities[rows, None].astype(np.float32)
                    continue
                entry["intervals"] = _times(rows.stop - rows.start)
                entry["features"] = (
                    _words(rows.stop - rows.start)
                    if role == "words"
                    else _with_pauses(d.features[role][rows])
                )


def write_gcnet(d: Dialogues, path: Path) -> None:
    """Write a folder of GCNet: a pickle of seven fields, and features by utterance."""
    for modality, array in d.features.items():
        folder = path / "features" / modality
        folder.mkdir(parents=True)
        for name, row in zip(d.utterance_ids, array, strict=True):
            np.save(folder / f"{name}.npy", row)
    videos = {video: d.rows(b) for b, video in enumerate(d.dialogue_ids)}
    intensities = np.array(STEPS)[d.labels]
    value = [
        {video: list(d.utterance_ids[rows]) for video, rows in videos.items()},
        {video: intensities[rows].tolist() for video, rows in videos.items()},
        {video: [""] * (rows.stop - rows.start) for video, rows in videos.items()},
        {video: ["words"] * (rows.stop - rows.start) for video, rows in videos.items()},
        *([v for v, of in zip(videos, d.splits, strict=True) if of == s] for s in SPLITS),
    ]
    (path / "CMUMOSI_features_raw_2way.pkl").write_bytes(pickle.dumps(value, 4))


def two_way_example(widths: dict[str, int], seed: int = 0, fraction: float = 1.0) -> Dialogues:
    """Make monologues of CMU-MOSI's size with two classes, named as bc-LSTM's reader does.

    See `ariigcn_dgl.data.community.humour.humour_example` for parameters.
    """
    d = example(CMU_MOSI, widths, seed, fraction)
    tested = sum(split != "test" for split in d.splits)  # test comes last
    ids = [f"train_{b}" if b < tested else f"test_{b - tested}" for b in range(d.num_dialogues)]
    return replace(
        d,
        labels=(d.labels > len(STEPS) // 2).astype(np.int64),
        label_names=LABEL_NAMES,
        dialogue_ids=tuple(ids),
        utterance_ids=tuple(
            f"{key}_{turn}" for key, n in zip(ids, d.lengths, strict=True) for turn in range(n)
        ),
    )


def write_bc_lstm(d: Dialogues, path: Path) -> None:
    """Write a folder of a pickle of padded arrays for each modality."""
    path.mkdir()
    longest = int(d.lengths.max())
    tested = np.array([split == "test" for split in d.splits])
    for modality, file in (("text", "text"), ("audio", "audio"), ("visual", "video")):
        data = np.zeros((d.num_dialogues, longest, d.widths[modality]), np.float32)
        labels = np.zeros((d.num_dialogues, longest), np.int64)
        for b, length in enumerate(d.lengths):
            data[b, :length] = d.features[modality][d.rows(b)]
            labels[b, :length] = d.labels[d.rows(b)]
        arrays = [array[part] for part in (~tested, tested) for array in (data, labels)]
        lengths = [d.lengths[part].tolist() for part in (~tested, tested)]
        content = pickle.dumps((*arrays, longest, *lengths), 4)
        (path / f"{file}_2way.pickle").write_bytes(content)


def _clips(count: int) -> np.ndarray:
    begins = _CLIP * np.arange(count)
    return np.stack([begins, begins + _SPOKEN], axis=1)


def _times(count: int) -> np.ndarray:
    """Return the intervals of the rows of clips, each followed by a pause."""
    edges = np.array([*np.linspace(0, _SPOKEN, _ROWS + 1), _CLIP])
    inside = np.stack([edges[:-1], edges[1:]], axis=1)
    return (_CLIP * np.arange(count)[:, None, None] + inside).reshape(-1, 2)


def _words(count: int) -> Any:
    return np.tile(np.array([b"word"] * _ROWS + [b"sp"], "S32"), count)[:, None]


def _with_pauses(features: np.ndarray) -> np.ndarray:
    rows = np.repeat(features[:, None], _ROWS + 1, axis=1)
    rows[:, -1] = 9
    return rows.reshape(-1, features.shape[1])
