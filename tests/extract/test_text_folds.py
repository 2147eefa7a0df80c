"""Features of training texts from encoders that did not see their labels."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.text_folds import FoldFeatures, folds_of


def test_a_dialogue_is_in_one_fold_and_folds_are_even() -> None:
    dialogues = np.repeat(["a", "b", "c", "d", "e", "f"], [3, 1, 4, 1, 5, 2])
    fold = folds_of(dialogues, 3, seed=1)
    assert all(len(set(fold[dialogues == name])) == 1 for name in "abcdef")
    firsts = [fold[dialogues == name][0] for name in "abcdef"]
    assert sorted(firsts) == [0, 0, 1, 1, 2, 2]


def test_more_folds_than_dialogues_are_refused() -> None:
    with pytest.raises(InputError, match=r"folds: is 3, expected at most 2, the dialogues of tr"):
        folds_of(np.array([7, 7, 9]), 3, seed=0)


def test_features_of_turned_spaces_come_to_lie_in_one() -> None:
    generator = np.random.default_rng(0)
    onto = generator.standard_normal((12, 3)).astype(np.float32)
    turns = [np.linalg.qr(generator.standard_normal((3, 3)))[0] for _ in range(2)]
    by_encoder = np.stack([onto @ turn + shift for turn, shift in zip(turns, (5, -1), strict=True)])
    found = FoldFeatures(np.arange(12) % 2, by_encoder.astype(np.float32)).aligned(onto)
    np.testing.assert_allclose(found, onto, atol=1e-5)
