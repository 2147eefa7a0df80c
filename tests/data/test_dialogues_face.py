"""A set of dialogues as Python's users meet it: its length, parts, words and tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from ariigcn_dgl.data import (
    Dialogues,
    dialogues_from_arrays,
    dialogues_from_pandas,
    fingerprint,
    load_dialogues,
    write_folder,
)
from ariigcn_dgl.errors import InputError


def test_length_is_the_number_of_dialogues(tiny: Dialogues) -> None:
    assert len(tiny) == 3


def test_a_number_gives_one_dialogue(tiny: Dialogues) -> None:
    assert tiny[1].dialogue_ids == ("d2",)
    assert tiny[1].features["text"].tolist() == [[6, 7, 8]]


def test_a_negative_number_counts_from_the_end(tiny: Dialogues) -> None:
    assert tiny[-1].dialogue_ids == ("d3",)


def test_an_id_gives_its_dialogue(tiny: Dialogues) -> None:
    assert tiny["d3"].utterance_ids == ("d3_0", "d3_1", "d3_2")


def test_a_slice_gives_its_dialogues(tiny: Dialogues) -> None:
    assert tiny[::2].dialogue_ids == ("d1", "d3")
    assert tiny[5:].dialogue_ids == ()


def test_what_is_not_there_is_an_error(tiny: Dialogues) -> None:
    with pytest.raises(IndexError):
        tiny[3]
    with pytest.raises(KeyError, match="tiny: has no dialogue 'd4'"):
        tiny["d4"]


def test_dialogues_can_be_iterated_over(tiny: Dialogues) -> None:
    assert [one.num_utterances for one in tiny] == [2, 1, 3]


def test_a_split_is_its_dialogues(tiny: Dialogues) -> None:
    assert tiny.split("val").dialogue_ids == ("d2",)


def test_a_part_may_be_empty(tiny: Dialogues) -> None:
    assert tiny.part("val").dialogue_ids == ("d2",)
    empty = replace(tiny, splits=("train",) * 3).part("val")
    assert (empty.num_dialogues, empty.num_utterances) == (0, 0)
    assert empty.features["text"].shape == (0, 3)


def test_each_row_knows_its_dialogue(tiny: Dialogues) -> None:
    assert tiny.row_dialogues.tolist() == [0, 0, 1, 2, 2, 2]
    assert tiny.row_splits.tolist() == ["train"] * 2 + ["val"] + ["test"] * 3


def test_a_split_that_is_not_there_is_refused(tiny: Dialogues) -> None:
    with pytest.raises(InputError, match="tiny: has no split 'dev', only train, val, test"):
        tiny.split("dev")


def test_repr_is_one_line(tiny: Dialogues) -> None:
    assert repr(tiny) == (
        "<Dialogues 'tiny': 3 dialogues (1 train, 1 val, 1 test), 6 utterances, 2 classes, "
        "text 3, audio 2>"
    )


def test_repr_of_one_dialogue_counts_it(tiny: Dialogues) -> None:
    assert repr(tiny[1]).startswith("<Dialogues 'tiny': 1 dialogue (1 val), 1 utterance, ")


def test_to_pandas_is_a_row_an_utterance(tiny: Dialogues) -> None:
    table = tiny.to_pandas()
    assert table.columns.tolist() == ["dialogue", "utterance", "speaker", "label", "split"]
    assert table.iloc[4].tolist() == ["d3", "d3_1", "Cem", "anger", "test"]
    assert table["label"].isna().tolist() == [False, False, False, True, False, False]


def test_a_table_made_of_dialogues_makes_them_again(tiny: Dialogues) -> None:
    audio = np.where(tiny.masks["audio"][:, None], tiny.features["audio"], np.nan)
    again = dialogues_from_pandas(tiny.to_pandas(), text=tiny.features["text"], audio=audio)
    assert fingerprint(again) == fingerprint(tiny)
    assert again.name == "frame"


def test_arrays_are_not_written_to() -> None:
    text = np.array([[np.nan, np.nan], [1, 2]], np.float32)
    talk = dialogues_from_arrays(["d", "d"], ["a", "b"], text=text)
    assert talk.masks["text"].tolist() == [False, True]
    assert np.isnan(text[0]).all()
    assert not np.shares_memory(text, talk.features["text"])


def test_unknown_labels_may_be_none_or_nan() -> None:
    talk = dialogues_from_arrays("ddd", "aba", label=["joy", None, np.nan], text=np.ones((3, 1)))
    assert talk.labels.tolist() == [0, -1, -1]


def test_numbers_of_numpy_are_names() -> None:
    talk = dialogues_from_arrays(np.array([7, 7]), np.array([0, 1]), audio=np.ones((2, 1)))
    assert (talk.dialogue_ids, talk.speaker_names) == (("7",), ("0", "1"))


def test_pandas_na_is_an_unknown_label() -> None:
    frame = pd.DataFrame({"dialogue": ["d"], "speaker": ["a"], "label": [pd.NA]})
    assert dialogues_from_pandas(frame, text=[[1.0]]).labels.tolist() == [-1]


def test_a_table_of_melds_columns_is_understood() -> None:
    frame = pd.DataFrame(
        {"Dialogue_ID": [0, 0], "Utterance_ID": [0, 1], "Speaker": ["a", "b"]}
        | {"Emotion": ["joy", "anger"], "Season": [1, 1], "split": ["dev", "dev"]}
    )
    talk = dialogues_from_pandas(frame, text=np.ones((2, 1)))
    assert talk.label_names == ("anger", "joy")
    assert (talk.dialogue_ids, talk.splits) == (("0",), ("val",))


def test_a_column_that_is_there_twice_is_refused() -> None:
    frame = pd.DataFrame([["d", "a", "b"]], columns=["dialogue", "speaker", "speaker"])
    with pytest.raises(InputError, match="frame: column 'speaker' occurs 2 times"):
        dialogues_from_pandas(frame, text=[[1.0]])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_features_may_be_tensors_that_are_trained(dtype: torch.dtype) -> None:
    text = torch.tensor([[0.5], [2.0]], dtype=dtype, requires_grad=True)
    talk = dialogues_from_arrays("dd", "ab", text=text)
    assert talk.features["text"].tolist() == [[0.5], [2.0]]


def test_a_modality_may_be_named_without_a_list(tiny: Dialogues) -> None:
    assert list(tiny.with_modalities("text").features) == ["text"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label": ["joy"]}, "arrays: label: 1 rows for 2 of dialogue"),
        ({"label": [True, "joy"]}, "arrays: row 0: label: expected text or null, found bool"),
        ({"text": [[1.0], [1.0], [1.0]]}, "has 3 rows for 2 utterances"),
        ({"text": [1.0, 2.0]}, "arrays: text: shape (2,), expected 2-D"),
        ({"text": [[1.0], [1.0, 2.0]]}, "arrays: text: no matrix"),
        ({"text": [["a"], ["b"]]}, "arrays: text: <U1 array, expected real numbers"),
        ({"text": None}, "arrays: no modality, expected text, audio or visual"),
        ({"split": ["train", "val"]}, "arrays: row 1: dialogue 'd' has split 'val' after 'train'"),
        ({"dialogue": [], "speaker": []}, "arrays: holds no utterance"),
        ({"label": ["joy", "fear"], "label_names": ["joy"]}, "has the label 'fear', expected one"),
    ],
)
def test_what_does_not_agree_is_refused_as_in_files(changes: dict, sentence: str) -> None:
    good = {"dialogue": ["d", "d"], "speaker": ["a", "b"], "text": [[1.0], [2.0]]}
    with pytest.raises(InputError) as caught:
        dialogues_from_arrays(**good | changes)
    assert sentence in str(caught.value)


def test_a_column_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="frame: no column 'speaker'; its columns are dialogue"):
        dialogues_from_pandas(pd.DataFrame({"dialogue": ["d"]}), text=[[1.0]])


def test_what_was_read_knows_its_source_and_what_is_made_of_it_does_not(
    many: Dialogues, tmp_path: Path
) -> None:
    write_folder(many, tmp_path / "many")
    read = load_dialogues(tmp_path / "many")
    assert read.source == str(tmp_path / "many")
    assert read[:2].source is None
    assert read.with_modalities(["text"]).source is None
