"""Each thing that is wrong with a literal set is found, with its place, numbers and severity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, Finding, examine


@pytest.fixture
def sound() -> Dialogues:
    """Sixty dialogues of two utterances, nothing wrong with them."""
    rng = np.random.default_rng(0)
    count = 120
    return Dialogues(
        name="sound",
        features={m: rng.normal(size=(count, 4)).astype(np.float32) for m in ("text", "audio")},
        masks={m: np.ones(count, np.bool_) for m in ("text", "audio")},
        labels=np.arange(count) % 3,
        speakers=np.arange(count),
        dialogue_ptr=np.arange(0, count + 1, 2),
        dialogue_ids=tuple(f"d{b}" for b in range(60)),
        splits=("train",) * 30 + ("val",) * 15 + ("test",) * 15,
        utterance_ids=tuple(f"u{n}" for n in range(count)),
        label_names=("joy", "anger", "fear"),
        speaker_names=tuple(f"s{n}" for n in range(count)),
    )


def _edited(dialogues: Dialogues, field: str, how: Callable[[np.ndarray], Any]) -> Dialogues:
    features = {m: array.copy() for m, array in dialogues.features.items()}
    how(features[field])
    return replace(dialogues, features=features)


def _only(dialogues: Dialogues) -> Finding:
    (found,) = examine(dialogues)
    return found


def _assert_found(dialogues: Dialogues, severity: str, where: str, what: str) -> Finding:
    (found,) = [one for one in examine(dialogues) if what in one.what]
    assert (found.severity, found.where) == (severity, where)
    assert found.advice
    return found


def test_nothing_to_say(sound: Dialogues) -> None:
    assert examine(sound) == ()


def test_gravest_comes_first(sound: Dialogues) -> None:
    sound = _edited(sound, "text", lambda a: a.__setitem__((slice(None), 2), np.nan))
    sound = replace(sound, splits=("train",) * 60)
    assert [one.severity for one in examine(sound)] == ["error", "warning", "note"]


def test_sentence_names_place_finding_and_advice(sound: Dialogues) -> None:
    found = _only(replace(sound, splits=("train",) * 30 + ("val",) * 30))
    assert str(found) == "splits: no test split; only validation scores will be known"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite(sound: Dialogues, value: float) -> None:
    sound = _edited(sound, "audio", lambda a: a.__setitem__(([7, 9], [3, 1]), value))
    found = _assert_found(sound, "error", "audio", "2 rows have NaN or inf")
    assert f"first {value} in column 3 of utterance 'u7' of dialogue 'd3'" in found.what


@pytest.mark.parametrize(
    ("split", "severity"), [("train", "error"), ("val", "error"), ("test", "note")]
)
def test_split_without_labels(sound: Dialogues, split: str, severity: str) -> None:
    rows = np.repeat(np.array(sound.splits) == split, 2)
    sound = replace(sound, labels=np.where(rows, -1, sound.labels))
    _assert_found(sound, severity, split, "no utterance has a label")


def test_some_labels_lack(sound: Dialogues) -> None:
    labels = sound.labels.copy()
    labels[:5] = -1
    found = _only(replace(sound, labels=labels))
    assert (found.severity, found.what) == ("note", "5 of 60 utterances have no label")


@pytest.mark.parametrize(("split", "words"), [("train", "learnt"), ("test", "measured")])
def test_class_absent_from_a_split(sound: Dialogues, split: str, words: str) -> None:
    rows = np.repeat(np.array(sound.splits) == split, 2)
    labels = np.where(rows & (sound.labels == 2), 0, sound.labels)
    found = _only(replace(sound, labels=labels))
    assert (found.severity, found.where) == ("warning", split)
    assert "no utterance of 1 class ('fear')" in found.what
    assert words in found.advice


def test_one_class_cannot_be_learnt(sound: Dialogues) -> None:
    rows = np.repeat(np.array(sound.splits) == "train", 2)
    labels = np.where(rows, 0, sound.labels)
    _assert_found(replace(sound, labels=labels), "error", "train", "all labels are 'joy'")


def test_rare_class(sound: Dialogues) -> None:
    labels = sound.labels.copy()
    labels[:54] = np.where(labels[:54] == 2, 0, labels[:54])
    found = _only(replace(sound, labels=labels))
    assert (found.severity, found.what) == ("warning", "'joy' has 38 utterances, 'fear' 2")
    assert "class_weights" in found.advice


def test_few_of_each_class_are_not_compared_with_each_other(sound: Dialogues) -> None:
    labels = np.where(np.arange(120) < 12, sound.labels, -1)
    labels[60:] = sound.labels[60:]
    _assert_found(replace(sound, labels=labels), "warning", "train", "each class has 4 utterances")


@pytest.mark.parametrize("name", ["nan", "NaN", "None", "NA", "n/a", "<NA>", "null"])
def test_class_that_stands_for_no_label(sound: Dialogues, name: str) -> None:
    found = _only(replace(sound, label_names=("joy", name, "fear")))
    assert (found.severity, found.what) == ("warning", f"{name!r} is learnt and scored as a class")


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1.0"), ("Joy", "joy"), ("very sad", "Very  sad"), ("-2", "-2.00")]
)
def test_two_spellings_of_a_class(sound: Dialogues, one: str, other: str) -> None:
    found = _only(replace(sound, label_names=(one, other, "fear")))
    assert (found.severity, found.what) == ("warning", f"{one!r} and {other!r} are classes apart")


def test_splits_that_lack(sound: Dialogues) -> None:
    assert (
        "no validation split" in _only(replace(sound, splits=("train",) * 45 + ("test",) * 15)).what
    )
    assert "no training split" in _only(replace(sound, splits=("test",) * 60)).what


def test_small_split(sound: Dialogues) -> None:
    sound = replace(sound, splits=("train",) * 30 + ("val",) * 3 + ("test",) * 27)
    _assert_found(sound, "warning", "val", "3 dialogues only")


def test_dialogues_of_one_utterance(sound: Dialogues) -> None:
    ptr = np.array([0, 1, *range(4, 121, 2)])
    sound = replace(sound, dialogue_ptr=ptr)
    _assert_found(sound, "note", "dialogues", "1 of 60 have a single utterance")


def test_dialogue_of_ten_thousand_utterances(sound: Dialogues) -> None:
    count = 10_000
    rng = np.random.default_rng(1)
    long = replace(
        sound,
        features={"text": rng.normal(size=(count + 118, 4)).astype(np.float32)},
        masks={"text": np.ones(count + 118, np.bool_)},
        labels=np.arange(count + 118) % 3,
        speakers=np.arange(count + 118) % 120,
        dialogue_ptr=np.concatenate([[0], np.arange(count, count + 119, 2)]),
        utterance_ids=tuple(f"u{n}" for n in range(count + 118)),
    )
    _assert_found(long, "note", "dialogues", "1 have more than 500 utterances, 'd0' has 10000")


def test_speakers_of_test_that_were_heard(sound: Dialogues) -> None:
    _assert_found(
        replace(sound, speakers=np.arange(120) % 40),
        "note",
        "speakers",
        "30 of 30 speakers of test speak in train too",
    )


def test_dialogues_of_one_speaker(sound: Dialogues) -> None:
    _assert_found(
        replace(sound, speakers=np.arange(120) // 2),
        "note",
        "speakers",
        "every dialogue has one speaker",
    )


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_column_of_a_small_or_large_unit_is_not_constant(sound: Dialogues, scale: float) -> None:
    scaled = _edited(sound, "text", lambda a: a.__imul__(np.float32(scale)))
    assert examine(scaled) == ()


def test_rounding_of_a_constant_column_is_constant(sound: Dialogues) -> None:
    def edit(array: np.ndarray) -> None:
        array[:, 1] = 0.1
        array[::2, 1] = np.nextafter(np.float32(0.1), np.float32(1))

    edited = _edited(sound, "text", edit)
    _assert_found(edited, "warning", "text", "1 of 4 columns are constant in train (1)")


def _wide(sound: Dialogues, width: int, constant: tuple[int, ...]) -> Dialogues:
    rows = np.random.default_rng(2).normal(size=(sound.num_utterances, width)).astype(np.float32)
    rows[:, constant] = 0.5
    text = {"text": rows}
    return replace(sound, features=text, masks={"text": np.ones(len(rows), bool)}, views={})


@pytest.mark.parametrize(
    ("width", "constant", "advice"),
    [
        (384, (127, 223), "they are of all-MiniLM-L6-v2 and carry nothing"),
        (768, (555, 756), "they are of all-mpnet-base-v2 and carry nothing"),
        (384, (3, 5), "they carry nothing"),
    ],
)
def test_constant_columns_of_an_encoder_are_no_alarm(
    sound: Dialogues, width: int, constant: tuple[int, ...], advice: str
) -> None:
    found = [one for one in examine(_wide(sound, width, constant)) if "constant" in one.what]
    assert [(one.severity, one.advice) for one in found] == [("note", advice)]


def test_many_constant_columns_are_an_alarm(sound: Dialogues) -> None:
    found = [one for one in examine(_wide(sound, 100, (1, 2))) if "constant" in one.what]
    assert [one.severity for one in found] == ["warning"]


def test_constant_columns(sound: Dialogues) -> None:
    sound = _edited(sound, "text", lambda a: a.__setitem__((slice(None), 1), 0.1))
    _assert_found(sound, "warning", "text", "1 of 4 columns are constant in train (1)")


def test_missing_modality(sound: Dialogues) -> None:
    sound = _edited(sound, "audio", lambda a: a.__setitem__(slice(90, 120), 0))
    mask = np.arange(120) < 90
    gone = replace(sound, masks=sound.masks | {"audio": mask})
    _assert_found(gone, "warning", "audio", "missing for every utterance of test")
    some = replace(sound, masks=sound.masks | {"audio": mask | (np.arange(120) > 92)})
    _assert_found(some, "note", "audio", "missing for 3 of 30 of test")
    _assert_found(sound, "warning", "audio", "30 rows are all zeros but not marked as missing")


def test_scale_of_columns(sound: Dialogues) -> None:
    sound = _edited(sound, "text", lambda a: a.__imul__([1, 1, 1, 1e6]))
    _assert_found(sound, "note", "text", "deviations of columns run from")


def test_values_far_out(sound: Dialogues) -> None:
    # One value of 240 in train; it is at most sqrt(59) deviations out in a column of 60 rows.
    far = _edited(sound, "audio", lambda a: a.__setitem__((3, 2), 1e4))
    assert examine(far) == ()
    wide = replace(sound, splits=("train",) * 60)
    far = _edited(wide, "audio", lambda a: a.__setitem__((3, 2), 1e4))
    _assert_found(far, "warning", "audio", "0.21% of the values are more than 8 deviations")


def test_split_of_another_make(sound: Dialogues) -> None:
    sound = _edited(sound, "audio", lambda a: a.__iadd__(3 * (np.arange(120) >= 90)[:, None]))
    found = _assert_found(
        sound, "warning", "audio", "the columns of test differ from those of train"
    )
    assert "scaled apart" in found.advice


def test_modality_that_is_a_copy(sound: Dialogues) -> None:
    same = replace(sound, features=dict.fromkeys(("text", "audio"), sound.features["text"]))
    _assert_found(same, "error", "audio", "the same features as text")


def _repeat(dialogues: Dialogues, target: slice, source: slice) -> Dialogues:
    for modality in dialogues.features:
        dialogues = _edited(dialogues, modality, lambda a: a.__setitem__(target, a[source].copy()))
    return dialogues


def test_dialogue_in_two_splits(sound: Dialogues) -> None:
    sound = _repeat(sound, slice(100, 102), slice(6, 8))
    found = _assert_found(sound, "error", "splits", "1 dialogues have the same features")
    assert "'d50' (test) as 'd3' (train)" in found.what


def test_short_dialogue_in_two_splits_may_be_chance(many: Dialogues) -> None:
    text = many.features["text"].copy()
    text[7] = text[3]
    leak = replace(many, features={"text": text}, splits=("train",) * 7 + ("test",) * 13)
    _assert_found(leak, "warning", "splits", "'d7' (test) as 'd3' (train)")


@pytest.mark.parametrize(("count", "severity"), [(1, "note"), (9, "warning"), (20, "error")])
def test_utterances_of_test_that_were_learnt(sound: Dialogues, count: int, severity: str) -> None:
    # Every other one, so that no dialogue is repeated whole.
    rows = slice(90, 90 + count)
    sound = _repeat(sound, rows, slice(1, 1 + count))
    _assert_found(sound, severity, "test", f"{count} of 30 utterances have exactly the features")


def test_utterance_written_twice(sound: Dialogues) -> None:
    _assert_found(
        _repeat(sound, slice(9, 10), slice(8, 9)),
        "note",
        "utterances",
        "1 have exactly the features of the utterance before; first 'u9'",
    )


def test_repeats_across_dialogues_of_a_split_are_chance(sound: Dialogues) -> None:
    assert examine(_repeat(sound, slice(10, 11), slice(9, 10))) == ()


def test_utterances_without_any_modality_are_not_repeats(sound: Dialogues) -> None:
    gone = _repeat(sound, slice(0, 4), slice(0, 4))
    for modality in gone.features:
        gone = _edited(gone, modality, lambda a: a.__setitem__(slice(0, 4), 0))
    gone = replace(gone, masks=dict.fromkeys(gone.masks, np.arange(120) >= 4))
    assert {one.what for one in examine(gone)} == {
        "missing for 4 of 60 of train",
        "4 have nothing in any modality; first utterance 'u0' of dialogue 'd0'",
    }
