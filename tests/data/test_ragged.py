"""Sequences of rows per utterance: read in every layout, checked, selected, scaled, missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.batch import Window, collate
from ariigcn_dgl.data import (
    Dialogues,
    Ragged,
    check_aligned,
    dialogues_from_arrays,
    examine,
    fingerprint,
    load_dialogues,
    summarise,
    write_folder,
)
from ariigcn_dgl.data.missing import without_modalities
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.errors import InputError

PTR = np.array([0, 2, 3, 3, 6])
ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)
MEANS = [[1, 2], [4, 5], [0, 0], [8, 9]]


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """Return an archive of two dialogues; the third of four utterances has no text."""
    return {
        "dialogue_ids": np.array(["d1", "d2"]),
        "split": np.array(["train", "test"]),
        "dialogue_ptr": np.array([0, 2, 4]),
        "utterance_ids": np.array(["a", "b", "c", "d"]),
        "speaker": np.zeros(4, np.int64),
        "speaker_names": np.array(["Ann"]),
        "label": np.array([0, 1, -1, 1]),
        "label_names": np.array(["joy", "anger"]),
        "text": ROWS,
        "text_ptr": PTR,
        "audio": np.ones((4, 3), np.float32),
    }


@pytest.fixture
def read(arrays: dict[str, np.ndarray], tmp_path: Path) -> Callable[..., Dialogues]:
    """Read the archive with some arrays replaced."""

    def read(**changes: Any) -> Dialogues:
        np.savez(tmp_path / "words.npz", **(arrays | changes))
        return load_dialogues(tmp_path / "words.npz")

    return read


def assert_words(dialogues: Dialogues) -> None:
    np.testing.assert_array_equal(dialogues.sequences["text"].rows, ROWS)
    np.testing.assert_array_equal(dialogues.sequences["text"].ptr, PTR)
    np.testing.assert_array_equal(dialogues.features["text"], MEANS)
    assert dialogues.masks["text"].tolist() == [True, True, False, True]
    assert list(dialogues.sequences) == ["text"]


def test_an_archive_has_rows_and_pointers(read: Callable) -> None:
    assert_words(read(split=np.array(["test", "test"])))


def test_a_folder_comes_back_as_it_was_written(read: Callable, tmp_path: Path) -> None:
    dialogues = read(split=np.array(["test", "test"]))
    write_folder(dialogues, tmp_path / "folder")
    back = load_dialogues(tmp_path / "folder")
    assert_words(back)
    assert fingerprint(back) == fingerprint(dialogues)


def test_a_folder_of_ones_own_has_a_file_of_pointers(tmp_path: Path) -> None:
    table = "dialogue,speaker\nd1,Ann\nd1,Ann\nd2,Ann\nd2,Ann\n"
    (tmp_path / "utterances.csv").write_text(table)
    np.save(tmp_path / "text.npy", ROWS)
    np.save(tmp_path / "text_ptr.npy", PTR)
    assert_words(load_dialogues(tmp_path))


def test_arrays_in_memory_are_a_list_of_matrices() -> None:
    parts = np.split(ROWS, PTR[1:-1])
    assert_words(dialogues_from_arrays(["d1", "d1", "d2", "d2"], ["Ann"] * 4, text=parts))
    same = dialogues_from_arrays(["d"] * 3, ["Ann"] * 3, text=ROWS.reshape(3, 2, 2))
    assert same.sequences["text"].lengths.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_ptr": PTR[:-1]}, "text_ptr: runs from 0 to 3, expected from 0 upwards to 6"),
        ({"text_ptr": np.array([0, 3, 2, 3, 6])}, "text_ptr: runs from 0 to 6, expected from 0"),
        ({"text_ptr": np.array([0, 3, 6])}, r"text_ptr: int64 array of shape \(3,\) for 4"),
        ({"text_ptr": PTR.astype(float)}, "text_ptr: float64 array of shape"),
        ({"text": ROWS[0]}, r"text_ptr: of rows of shape \(2,\), expected 2-D"),
        (
            {"text_mask": np.array([True] * 4)},
            "text_ptr: dialogue 'd2', utterance 'c' has no row of text",
        ),
        (
            {"text_mask": np.array([True, False, False, True])},
            "text_mask: dialogue 'd1', utterance 'b' is marked missing",
        ),
        ({"text": np.where(ROWS == 5, np.nan, ROWS)}, "text: .*utterance 'b' has nan in column 1"),
    ],
)
def test_sequences_that_do_not_fit_are_refused(
    changes: dict[str, np.ndarray], message: str, read: Callable
) -> None:
    with pytest.raises(InputError, match=message):
        read(split=np.array(["test", "test"]), **changes)


def test_widths_of_one_modality_are_one() -> None:
    with pytest.raises(InputError, match="text: sequences of rows of 2 and of 3 numbers"):
        dialogues_from_arrays(["d"] * 2, ["Ann"] * 2, text=[np.ones((1, 2)), np.ones((2, 3))])


def test_chosen_dialogues_keep_their_rows(read: Callable) -> None:
    part = read(split=np.array(["test", "test"])).select([1, 0])
    assert part.sequences["text"].rows.tolist() == [*ROWS[3:].tolist(), *ROWS[:3].tolist()]
    assert part.sequences["text"].ptr.tolist() == [0, 0, 3, 5, 6]
    assert "text" not in part.with_modalities(["audio"]).sequences


def test_an_absent_modality_has_no_row(read: Callable) -> None:
    found = without_modalities(read(split=np.array(["test", "test"])), ["text"])
    assert found.sequences["text"].lengths.tolist() == [0, 0, 0, 0]
    assert not found.features["text"].any()


def test_rows_are_scaled_by_all_rows(read: Callable) -> None:
    dialogues = read(split=np.array(["test", "test"]))
    scaled = Standardiser.fit(dialogues).apply(dialogues)
    rows = scaled.sequences["text"].rows
    np.testing.assert_allclose(rows, (ROWS - ROWS.mean(0)) / ROWS.std(0), rtol=1e-6)
    np.testing.assert_array_equal(scaled.features["text"], scaled.sequences["text"].mean())


def test_the_fingerprint_covers_rows_and_where_they_begin(read: Callable) -> None:
    one = read(split=np.array(["test", "test"]))
    # The same means, of other rows.
    turned = Ragged(one.sequences["text"].rows[[1, 0, 2, 3, 4, 5]], PTR)
    assert fingerprint(replace(one, sequences={"text": turned})) != fingerprint(one)
    assert fingerprint(replace(one, sequences={})) != fingerprint(one)


def test_a_batch_has_rows_side_by_side(read: Callable) -> None:
    batch = collate(read(split=np.array(["test", "test"])), [1, 0], Window(0, 0))
    table, exists = batch.steps("text")
    assert exists.sum(1).tolist() == [0, 3, 2, 1]
    assert table[1].tolist() == ROWS[3:].tolist()
    assert not table[~exists].any()
    assert batch.steps("text", longest=2)[0].shape == (4, 2, 2)
    assert batch.steps("audio")[0].shape == (4, 1, 3)
    hidden = replace(batch, masks=batch.masks | {"text": ~batch.masks["text"]})
    assert not hidden.steps("text")[0].any()


def test_aligned_modalities_have_as_many_rows() -> None:
    words = [np.ones((2, 3)), np.ones((0, 3)), np.ones((4, 3))]
    vectors = np.ones((3, 2))
    talk = dialogues_from_arrays(["d"] * 3, ["Ann"] * 3, text=words, audio=vectors)
    check_aligned(talk, ["text", "audio"], "talk")  # a vector is no sequence
    frames = [np.ones((2, 3)), np.ones((5, 3)), np.ones((3, 3))]
    talk = dialogues_from_arrays(["d"] * 3, ["Ann"] * 3, text=words, audio=frames)
    message = "utterance 'd_2' has 3 rows of audio for 4 of text"
    with pytest.raises(InputError, match=f"talk: {message}, expected modalities"):
        check_aligned(talk, ["text", "audio"], "talk")
    assert any(message in str(finding) for finding in examine(talk))


def test_the_summary_counts_rows(read: Callable) -> None:
    text, audio = summarise(read(split=np.array(["test", "test"]))).modalities
    assert (text.rows, audio.rows) == (2.0, 1.0)
