"""Scores: by hand on tiny cases, and equal to scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from ariigcn_dgl.training.metrics import score

# Class 0: 2 of 3 found, 1 false; class 1: 1 of 1 found, 1 false; class 2 does not occur.
LABELS = np.array([0, 0, 0, 1])
PREDICTIONS = np.array([0, 0, 1, 1])
NAMES = ("sad", "happy", "angry")


def test_accuracy_is_the_share_of_correct_utterances() -> None:
    assert score(LABELS, PREDICTIONS, NAMES).accuracy == 75


def test_weighted_f1_weights_classes_by_support() -> None:
    # F1 is 0.8 for class 0 (support 3) and 2/3 for class 1 (support 1).
    expected = 100 * (3 * 0.8 + 2 / 3) / 4
    assert score(LABELS, PREDICTIONS, NAMES).weighted_f1 == pytest.approx(expected)


def test_macro_f1_is_the_mean_of_the_classes_that_occur() -> None:
    assert score(LABELS, PREDICTIONS, NAMES).macro_f1 == pytest.approx(100 * (0.8 + 2 / 3) / 2)


def test_per_class_rows_are_those_of_the_hand_computation() -> None:
    rows = score(LABELS, PREDICTIONS, NAMES).per_class
    assert [row["label"] for row in rows] == list(NAMES)
    assert [row["support"] for row in rows] == [3, 1, 0]
    assert [row["precision"] for row in rows] == pytest.approx([100, 50, 0])
    assert [row["recall"] for row in rows] == pytest.approx([200 / 3, 100, 0])


def test_confusion_has_true_classes_as_rows() -> None:
    assert score(LABELS, PREDICTIONS, NAMES).confusion == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_a_single_class_is_scored_without_a_warning() -> None:
    assert score(np.array([0, 0]), np.array([0, 0]), ["sad"]).confusion == [[2]]


def test_headline_scores_equal_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 5, (2, 200))
    found = score(labels, predictions, "abcde").headline()
    assert found == {
        "weighted_f1": pytest.approx(100 * f1_score(labels, predictions, average="weighted")),
        "accuracy": pytest.approx(100 * accuracy_score(labels, predictions)),
        "macro_f1": pytest.approx(100 * f1_score(labels, predictions, average="macro")),
    }


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="no labelled utterance to score"):
        score(np.array([], int), np.array([], int), NAMES)
