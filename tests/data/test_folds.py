"""Every dialogue is tested once, and by a model that heard none of its speakers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.folds import Fold, groups, with_fold
from ariigcn_dgl.errors import InputError


def _pairs(many: Dialogues, pairs: int) -> Dialogues:
    """Return 20 dialogues in which as many pairs of speakers take turns, dialogue by dialogue."""
    of_row = many.row_dialogues
    turn = np.arange(many.num_utterances) - many.dialogue_ptr[of_row]
    names = tuple(f"speaker{number}" for number in range(2 * pairs))
    return replace(many, speakers=2 * (of_row % pairs) + turn % 2, speaker_names=names)


def test_each_dialogue_is_tested_once(many: Dialogues) -> None:
    tested = [set(with_fold(many, Fold(number, 4)).indices("test")) for number in range(4)]
    assert sorted(one for fold in tested for one in fold) == list(range(20))


def test_groups_share_no_speaker_where_they_need_not(many: Dialogues) -> None:
    sessions = _pairs(many, 5)
    assert groups(sessions, 5).tolist() == [0, 1, 2, 3, 4] * 4
    for number in range(3):
        group = groups(sessions, 3) == number
        rows = np.repeat(group, many.lengths)
        assert not set(sessions.speakers[rows]) & set(sessions.speakers[~rows])


def test_a_speaker_in_all_dialogues_does_not_stop_the_division(many: Dialogues) -> None:
    single = replace(many, speakers=np.zeros_like(many.speakers))
    found = groups(single, 4)
    assert np.bincount(found).min() >= 1
    assert found.tolist() == groups(single, 4).tolist()


def test_groups_are_about_as_large_as_each_other(many: Dialogues) -> None:
    for pairs in (1, 20):
        sizes = np.bincount(groups(_pairs(many, pairs), 4), weights=many.lengths)
        assert sizes.max() - sizes.min() <= many.lengths.max()


def test_val_stays_val_unless_it_is_tested(many: Dialogues) -> None:
    sessions = replace(_pairs(many, 5), splits=("val", "val", *["train"] * 8, *["test"] * 10))
    first, third = (with_fold(sessions, Fold(number, 5)).splits for number in (0, 2))
    assert first[:2] == ("test", "val")
    assert third[:2] == ("val", "val")
    assert [first.count(s) for s in ("train", "val", "test")] == [15, 1, 4]


def test_where_all_of_val_is_tested_some_of_train_becomes_val(many: Dialogues) -> None:
    sessions = replace(_pairs(many, 5), splits=("val", *["train"] * 19))
    assert [with_fold(sessions, Fold(0, 5)).splits.count(s) for s in ("val", "test")] == [2, 4]


def test_own_test_split_that_is_one_group_is_found_again(many: Dialogues) -> None:
    splits = tuple("test" if n % 5 == 2 else "val" if n < 2 else "train" for n in range(20))
    sessions = replace(_pairs(many, 5), splits=splits)
    assert with_fold(sessions, Fold(2, 5)).splits == splits


def test_more_folds_than_dialogues_are_refused(tiny: Dialogues) -> None:
    with pytest.raises(InputError, match="3 dialogues cannot be divided into 4 folds"):
        groups(tiny, 4)
