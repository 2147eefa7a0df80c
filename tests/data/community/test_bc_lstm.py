"""bc-LSTM's padded arrays of CMU-MOSI: what is read, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data.community import Imported, ImportOptions, import_file
from ariigcn_dgl.errors import InputError


def padded(width: int) -> list[Any]:
    """Return two videos to learn from, of two utterances and of one, and one to test."""
    train = np.zeros((2, 3, width), np.float32)
    train[0, :2], train[1, :1] = [[1] * width, [2] * width], 3
    test = np.full((1, 3, width), 4, np.float32)
    return [train, np.array([[1, 0, 0], [1, 0, 0]]), test, np.array([[0, 1, 1]]), 3, [2, 1], [3]]


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Imported]:
    def read(files: dict[str, Any], where: str = "", **options: Any) -> Imported:
        for name, value in files.items():
            (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(tuple(value)))
        return import_file(tmp_path / where, ImportOptions(**options))

    return read


def test_videos_are_read_without_their_padding(read: Callable) -> None:
    found = read({"text_2way": padded(2), "video_2way": padded(3)})
    d = found.dialogues
    assert found.layout == "padded arrays of bc-LSTM"
    assert (d.dialogue_ids, d.splits) == (
        ("train_0", "train_1", "test_0"),
        ("train", "train", "test"),
    )
    assert d.label_names == ("negative", "positive")
    assert d.labels.tolist() == [1, 0, 1, 0, 1, 1]
    assert d.widths == {"text": 2, "visual": 3}
    assert d.features["visual"][:, 2].tolist() == [1, 2, 3, 4, 4, 4]
    assert any("no validation list" in note for note in found.notes)


def test_labels_may_be_one_hot(read: Callable) -> None:
    value = padded(2)
    value[1], value[3] = (np.eye(2)[value[place]] for place in (1, 3))
    assert read({"text": value}).dialogues.labels.tolist() == [1, 0, 1, 0, 1, 1]


def test_a_file_alone_is_read_and_its_modality_can_be_said(read: Callable) -> None:
    assert read({"any": padded(2)}, "any.pickle", audio="any").dialogues.widths == {"audio": 2}


def test_a_file_of_no_known_modality_is_refused(read: Callable) -> None:
    with pytest.raises(InputError, match=r"of which modality\? expected text, audio or video in"):
        read({"any": padded(2)})


def _long(value: list[Any]) -> None:
    value[5] = [2, 4]


def _few(value: list[Any]) -> None:
    value[6] = []


def _narrow(value: list[Any]) -> None:
    value[1] = value[1][:, :2]


def _other(value: list[Any]) -> None:
    value[3] = 1 - value[3]


REFUSED = {
    r"train_length: video 1 has 4 utterances, expected a whole number from 0 to 3": _long,
    r"test_length: 0 lengths for 1 videos, expected one for each": _few,
    r"train_label: an array of shape \(2, 2\) .* expected a class for each of \(2, 3\)": _narrow,
    r"test: labels or lengths of videos are not those of text\.pickle": _other,
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message: str, read: Callable) -> None:
    audio = padded(2)
    REFUSED[message](audio)
    with pytest.raises(InputError, match=rf"audio\.pickle: {message}"):
        read({"text": padded(2), "audio": audio})
