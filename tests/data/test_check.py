"""Every disagreement between the fields of a set is named with its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, check
from ariigcn_dgl.errors import InputError


def _with_feature(
    tiny: Dialogues, modality: str, edit: Callable[[np.ndarray], np.ndarray]
) -> Dialogues:
    features = dict(tiny.features)
    features[modality] = edit(features[modality].copy())
    return replace(tiny, features=features)


def _with_value(tiny: Dialogues, modality: str, at: tuple[int, int], value: float) -> Dialogues:
    def edit(array: np.ndarray) -> np.ndarray:
        array[at] = value
        return array

    return _with_feature(tiny, modality, edit)


def _set(array: np.ndarray, at: int, value: int) -> np.ndarray:
    array = array.copy()
    array[at] = value
    return array


def _assert_says(dialogues: Dialogues, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        check(dialogues, "set.npz")
    for word in ("set.npz: ", *words):
        assert word in str(caught.value)


def test_returns_a_consistent_set_unchanged(tiny: Dialogues) -> None:
    assert check(tiny, "set.npz") is tiny


def test_feature_rows_that_run_out_name_the_dialogue(tiny: Dialogues) -> None:
    _assert_says(
        _with_feature(tiny, "audio", lambda a: a[:5]),
        "audio: dialogue 'd3' has 2 rows for 3 utterances",
    )


def test_feature_rows_that_end_with_a_dialogue_name_the_next(tiny: Dialogues) -> None:
    _assert_says(
        _with_feature(tiny, "audio", lambda a: a[:2]),
        "audio: dialogue 'd2' has 0 rows for 1 utterances (2 rows for 6 utterances in all)",
    )


def test_surplus_feature_rows_name_the_last_dialogue(tiny: Dialogues) -> None:
    _assert_says(
        _with_feature(tiny, "text", lambda a: np.concatenate([a, a])),
        "text: dialogue 'd3' has 9 rows for 3 utterances",
    )


@pytest.mark.parametrize("field", ["label", "speaker"])
def test_index_rows_must_match_utterances(tiny: Dialogues, field: str) -> None:
    short = replace(tiny, **{f"{field}s": np.zeros(4, np.int64)})
    _assert_says(short, f"{field}: dialogue 'd3' has 1 rows for 3 utterances")


def test_mask_rows_must_match_utterances(tiny: Dialogues) -> None:
    masks = tiny.masks | {"text": np.ones(1, np.bool_)}
    _assert_says(replace(tiny, masks=masks), "text_mask: dialogue 'd1' has 1 rows for 2 utterances")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_must_be_finite(tiny: Dialogues, value: float) -> None:
    bad = _with_value(tiny, "text", (2, 1), value)
    _assert_says(bad, f"text: dialogue 'd2', utterance 'd2_0' has {value} in column 1")


@pytest.mark.parametrize("label", [-2, 2])
def test_label_must_be_in_range(tiny: Dialogues, label: int) -> None:
    bad = replace(tiny, labels=_set(tiny.labels, 5, label))
    _assert_says(bad, f"label: dialogue 'd3', utterance 'd3_2' has {label}, expected -1 to 1")


@pytest.mark.parametrize("speaker", [-1, 3])
def test_speaker_must_be_in_range(tiny: Dialogues, speaker: int) -> None:
    bad = replace(tiny, speakers=_set(tiny.speakers, 0, speaker))
    _assert_says(bad, f"speaker: dialogue 'd1', utterance 'd1_0' has {speaker}, expected 0 to 2")


def test_labels_must_be_int64(tiny: Dialogues) -> None:
    _assert_says(replace(tiny, labels=tiny.labels.astype(np.int32)), "label: int32 array")


def test_features_must_be_float32(tiny: Dialogues) -> None:
    _assert_says(_with_feature(tiny, "text", lambda a: a.astype(np.float64)), "text: float64 array")


def test_features_must_be_two_dimensional(tiny: Dialogues) -> None:
    _assert_says(
        _with_feature(tiny, "text", lambda a: a[:, 0]), "text: float32 array of shape (6,)"
    )


def test_masks_must_be_bool(tiny: Dialogues) -> None:
    masks = tiny.masks | {"text": np.ones(6, np.uint8)}
    _assert_says(replace(tiny, masks=masks), "text_mask: uint8 array")


def test_dialogues_must_not_be_empty(tiny: Dialogues) -> None:
    bad = replace(tiny, dialogue_ptr=np.array([0, 2, 2, 6]))
    _assert_says(bad, "dialogue_ptr: dialogue 'd2' is empty")


@pytest.mark.parametrize("ptr", [[0, 2, 3, 5], [1, 2, 3, 6], [0, 2, 6]])
def test_dialogue_ptr_must_cover_the_utterances(tiny: Dialogues, ptr: list[int]) -> None:
    _assert_says(replace(tiny, dialogue_ptr=np.array(ptr)), "dialogue_ptr")


def test_a_set_must_hold_a_dialogue(tiny: Dialogues) -> None:
    _assert_says(tiny.select([]), "holds no dialogue")


@pytest.mark.parametrize(
    ("field", "names", "words"),
    [
        ("dialogue_ids", ("d1", "d3", "d3"), "dialogue id 'd3' occurs 2 times"),
        ("utterance_ids", ("a", "b", "c", "a", "d", "a"), "utterance id 'a' occurs 3 times"),
        ("label_names", ("joy", "joy"), "class name 'joy' occurs 2 times"),
        ("speaker_names", ("Ann", "Bob", "Bob"), "speaker name 'Bob' occurs 2 times"),
        ("dialogue_ids", ("d1", "", "d3"), "dialogue: an empty dialogue id"),
        ("label_names", ("joy", "\ud800"), "is not valid Unicode"),
        ("splits", ("train", "dev", "test"), "split: dialogue 'd2' has 'dev', expected train"),
        ("splits", ("train", "test"), "split: 2 entries for 3 dialogues"),
    ],
)
def test_names_must_be_unique_and_known(
    tiny: Dialogues, field: str, names: tuple[str, ...], words: str
) -> None:
    _assert_says(replace(tiny, **{field: names}), words)


def test_modality_must_be_known(tiny: Dialogues) -> None:
    bad = replace(tiny, features=tiny.features | {"Smell": np.ones((6, 1), np.float32)})
    _assert_says(bad, "modality 'Smell': expected text, audio or visual, or another name")


def test_there_must_be_a_modality(tiny: Dialogues) -> None:
    _assert_says(replace(tiny, features={}, masks={}), "no modality")


def test_each_modality_must_have_a_mask(tiny: Dialogues) -> None:
    _assert_says(replace(tiny, masks={"text": tiny.masks["text"]}), "audio: expected both")


def test_features_must_have_a_width(tiny: Dialogues) -> None:
    _assert_says(_with_feature(tiny, "audio", lambda a: a[:, :0]), "audio: features have width 0")


def test_row_of_a_missing_modality_must_be_zero(tiny: Dialogues) -> None:
    bad = _with_value(tiny, "audio", (4, 1), 0.5)
    _assert_says(bad, "audio_mask: dialogue 'd3', utterance 'd3_1' is marked missing")


@pytest.mark.parametrize(("split", "rows"), [("train", [0, 1]), ("val", [2])])
def test_splits_to_learn_from_must_have_labels(
    tiny: Dialogues, split: str, rows: list[int]
) -> None:
    labels = tiny.labels.copy()
    labels[rows] = -1
    _assert_says(replace(tiny, labels=labels), f"label: split '{split}'", "no labelled utterance")


def test_test_split_may_be_unlabelled(tiny: Dialogues) -> None:
    labels = np.array([1, 0, 1, -1, -1, -1])
    check(replace(tiny, labels=labels), "set.npz")
