"""Files with several text features an utterance: which are kept, and what is wrong with some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ariigcn_dgl.data import fingerprint, load_dialogues, write_folder
from ariigcn_dgl.data.community import Imported, ImportOptions, import_file
from ariigcn_dgl.errors import InputError

Fields = dict[str, Any]
FIRST, SECOND = "Ses01F_impro01", "Ses02M_impro02"
LAYERS = ("roberta1", "roberta2", "roberta3", "roberta4")
COSMIC = ("speakers", "labels", *LAYERS, "sentences", "train", "test", "val")


@pytest.fixture
def layers(fields: Fields) -> Fields:
    """Two numbers a view: 1, 1 in the first view, 2, 2 in the second, ..., in every utterance."""
    lengths = {key: len(labels) for key, labels in fields["labels"].items()}
    views = {
        name: {key: [np.full(2, view, np.float32) for _ in range(n)] for key, n in lengths.items()}
        for view, name in enumerate(LAYERS, 1)
    }
    return fields | views | {"val": []}


@pytest.fixture
def read(save: Callable) -> Callable[..., Imported]:
    def import_fields(layers: Fields, **options: Any) -> Imported:
        path = save([layers[name] for name in COSMIC])
        return import_file(path, ImportOptions(**options))

    return import_fields


def _note(imported: Imported, words: str) -> str:
    (found,) = [note for note in imported.notes if words in note]
    return found


@pytest.mark.parametrize(
    ("wanted", "row", "views"),
    [
        ("all", [1, 1, 2, 2, 3, 3, 4, 4], {"text": (2, 2, 2, 2)}),
        ("first", [1, 1], {}),
        ("mean", [2.5, 2.5], {}),
        ("3", [3, 3], {}),
        ("4,2", [4, 4, 2, 2], {"text": (2, 2)}),
    ],
)
def test_wanted_views_are_kept(
    wanted: str, row: list[float], views: dict, layers: Fields, read: Callable
) -> None:
    dialogues = read(layers, text_views=wanted).dialogues
    assert dialogues.features["text"].tolist() == [row] * 6
    assert dialogues.features["text"].dtype == np.float32
    assert dialogues.views == views


def test_all_views_are_kept_by_default_and_told(layers: Fields, read: Callable) -> None:
    imported = read(layers)
    assert imported.dialogues.views == {"text": (2, 2, 2, 2)}
    note = _note(imported, "--text_views")
    assert note.startswith("the text has 4 views, 8 (4 x 2) columns: all side by side")
    assert "taken: 3, 1" in _note(read(layers, text_views="3,1"), "--text_views")


def test_imported_views_are_written_and_read(
    layers: Fields, read: Callable, tmp_path: Path
) -> None:
    dialogues = read(layers).dialogues
    write_folder(dialogues, tmp_path / "set")
    # Which takes a validation split from the training dialogues, as every reader does.
    assert load_dialogues(tmp_path / "set").views == dialogues.views


@given(order=st.permutations([1, 2, 3, 4]), count=st.integers(1, 4))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_views_in_any_order_are_those_of_all(
    order: list[int], count: int, layers: Fields, read: Callable
) -> None:
    kept = order[:count]
    found = read(layers, text_views=",".join(map(str, kept))).dialogues.features["text"]
    assert found[0].tolist() == [number for number in kept for _ in range(2)]


@pytest.mark.parametrize("wanted", ["", "last", "0", "1,", "1,1", "-1", "1, 2", "1.0", "100"])
def test_choice_that_is_none_is_one_sentence(wanted: str) -> None:
    with pytest.raises(InputError) as caught:
        ImportOptions(text_views=wanted)
    assert str(caught.value) == (
        f"--text_views: is {wanted!r}, expected all, first, mean, or different numbers of views, "
        "as 1,3"
    )


def test_view_beyond_the_last_is_named(layers: Fields, read: Callable) -> None:
    with pytest.raises(InputError, match="--text_views: 5 is no view of the text, which has 4"):
        read(layers, text_views="1,5")


def test_file_of_one_view_has_only_that(fields: Fields, save: Callable) -> None:
    path = save(fields)
    whole = fingerprint(import_file(path).dialogues)
    for wanted in ("first", "mean", "1"):
        assert fingerprint(import_file(path, ImportOptions(text_views=wanted)).dialogues) == whole
    with pytest.raises(InputError, match="--text_views: 2 is no view of the text, which has 1"):
        import_file(path, ImportOptions(text_views="2"))


def test_views_of_different_widths_are_kept_but_have_no_mean(
    layers: Fields, read: Callable
) -> None:
    layers["roberta2"] = {key: [row[:1] for row in v] for key, v in layers["roberta2"].items()}
    assert read(layers).dialogues.views == {"text": (2, 1, 2, 2)}
    with pytest.raises(InputError, match=r"views of the text, 7 \(2 \+ 1 \+ 2 \+ 2\), differ in w"):
        read(layers, text_views="mean")


def test_views_that_change_their_widths_between_dialogues_are_refused(
    layers: Fields, read: Callable
) -> None:
    for name, width in (("roberta1", 1), ("roberta2", 3)):
        layers[name][SECOND] = [np.ones(width, np.float32)] * 3
    with pytest.raises(InputError) as caught:
        read(layers)
    assert (
        "text: dialogue 'Ses02M_impro02' has rows of 8 (1 + 3 + 2 + 2) numbers, 'Ses01F_impro01' "
        "of 8 (4 x 2); expected one width"
    ) in str(caught.value)


def test_view_of_fewer_utterances_is_refused(layers: Fields, read: Callable) -> None:
    del layers["roberta3"][SECOND][-1]
    with pytest.raises(InputError, match="roberta3: dialogue 'Ses02M_impro02': 2 rows, roberta1 h"):
        read(layers)


def test_utterance_without_one_view_is_refused(layers: Fields, read: Callable) -> None:
    layers["roberta3"][SECOND][1] = None
    with pytest.raises(InputError, match="roberta3: dialogue 'Ses02M_impro02': utterance 1 is not"):
        read(layers)


def test_dialogue_without_one_view_is_left_out(layers: Fields, read: Callable) -> None:
    del layers["roberta3"][SECOND]
    imported = read(layers)
    assert imported.dialogues.dialogue_ids == (FIRST, "Ses05F_impro01")
    assert "1 dialogue ('Ses02M_impro02') with no roberta3: left" in _note(imported, SECOND)


@pytest.mark.parametrize("wanted", ["all", "mean"])
def test_zeros_in_place_of_a_view_mark_the_row_missing(
    wanted: str, layers: Fields, read: Callable
) -> None:
    layers["roberta2"][SECOND][1] = np.zeros(2)
    imported = read(layers, text_views=wanted)
    assert imported.dialogues.masks["text"].tolist() == [True, True, True, False, True, True]
    assert not imported.dialogues.features["text"][3].any()
    note = _note(imported, "in place of some views")
    assert "text: 1 rows have zeros in place of some views, the first is utterance 1 of" in note


def test_zeros_in_a_view_that_is_left_out_do_not_matter(layers: Fields, read: Callable) -> None:
    layers["roberta2"][SECOND][1] = np.zeros(2)
    imported = read(layers, text_views="1,3,4")
    assert imported.dialogues.masks["text"].all()
    assert not any("zeros" in note for note in imported.notes)


def test_numbers_that_are_not_finite_in_one_view(layers: Fields, read: Callable) -> None:
    layers["roberta2"][SECOND][1] = np.array([1.0, np.nan])
    with pytest.raises(InputError, match="text: 1 rows have NaN or inf, the first is utterance 1 "):
        read(layers)
    assert not read(layers, nonfinite_missing=True).dialogues.masks["text"][3]
    assert read(layers, text_views="first").dialogues.masks["text"].all()


def test_views_join_from_a_second_file(layers: Fields, save: Callable) -> None:
    """Into a file whose text was left out; a dialogue that the second lacks has zeros."""
    sample = [
        {
            "vid": key,
            "speakers": layers["speakers"][key],
            "labels": layers["labels"][key],
            "audio": layers["audio"][key],
            "text": ["words"] * len(layers["labels"][key]),
        }
        for key in layers["labels"]
    ]
    first = save({"train": sample[:2], "test": sample[2:]}, "first.pkl")
    for name in (*LAYERS, "labels", "speakers"):
        layers[name] = {key: v for key, v in layers[name].items() if key != SECOND}
    second = save([layers[name] for name in COSMIC], "second.pkl")
    dialogues = import_file(first, join=[second]).dialogues
    assert dialogues.views == {"text": (2, 2, 2, 2)}
    assert dialogues.masks["text"].tolist() == [True, True, False, False, False, True]
