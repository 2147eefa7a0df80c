"""Whole dialogues go to a split, the same ones for the same seed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, load_dialogues, write_folder
from ariigcn_dgl.data.split import has_label, random_splits, with_val_split
from ariigcn_dgl.errors import InputError


def test_set_with_val_is_unchanged(tiny: Dialogues) -> None:
    assert with_val_split(tiny) is tiny


def test_a_tenth_of_train_moves_to_val(many: Dialogues) -> None:
    splits = with_val_split(many).splits
    assert (splits.count("val"), splits.count("train")) == (2, 18)


def test_test_dialogues_stay(many: Dialogues) -> None:
    splits = with_val_split(replace(many, splits=("test",) * 18 + ("train",) * 2)).splits
    assert splits[:18] == ("test",) * 18
    assert sorted(splits[18:]) == ["train", "val"]


def test_same_seed_same_choice(many: Dialogues) -> None:
    assert with_val_split(many, seed=3).splits == with_val_split(many, seed=3).splits
    assert len({with_val_split(many, seed=seed).splits for seed in range(5)}) > 1


def test_large_fraction_leaves_one_in_train(many: Dialogues) -> None:
    assert with_val_split(many, fraction=1.0).splits.count("train") == 1


def test_unlabelled_dialogues_are_not_moved(many: Dialogues) -> None:
    labels = np.full(20, -1)
    labels[[4, 7]] = 0
    splits = with_val_split(replace(many, labels=labels)).splits
    assert splits.count("val") == 1
    assert splits.index("val") in (4, 7)


def test_one_training_dialogue_cannot_be_divided(tiny: Dialogues, tmp_path: Path) -> None:
    write_folder(replace(tiny, splits=("train", "test", "test")), tmp_path / "set")
    with pytest.raises(InputError, match="set: split: 1 labelled dialogues in 'train'"):
        load_dialogues(tmp_path / "set")


def test_load_adds_val(many: Dialogues, tmp_path: Path) -> None:
    write_folder(many, tmp_path / "set")
    assert load_dialogues(tmp_path / "set").splits == with_val_split(many).splits


def test_three_labelled_dialogues_fill_three_splits() -> None:
    assert sorted(random_splits(np.array([True, True, True]))[0]) == ["test", "train", "val"]


def test_two_labelled_dialogues_are_test() -> None:
    assert random_splits(np.array([True, False, True])) == (("test", "test", "test"), "")


def test_dialogue_with_one_label_is_labelled() -> None:
    labels, ptr = np.array([-1, -1, 0, -1, 1]), np.array([0, 2, 4, 5])
    assert has_label(labels, ptr).tolist() == [False, True, True]
