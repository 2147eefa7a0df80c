"""Intervals, Holm's correction and the permutation test against literal cases and enumeration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ariigcn_dgl.experiments import statistics
from ariigcn_dgl.experiments.statistics import Summary, holm, summarise
from ariigcn_dgl.training.additive import class_rows, weighted_f1
from tests.experiments.made_results import permutation_p_of_classes as permutation_p


def _weighted_f1(labels: np.ndarray, predictions: np.ndarray) -> float:
    return np.mean(
        [f1_score(labels, one, average="weighted", zero_division=0) for one in predictions]
    )


def difference_interval(
    labels: np.ndarray, dialogues: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> tuple[float, float]:
    classes = 1 + int(max(labels.max(), ours.max(), theirs.max()))
    rows = (np.stack([class_rows(labels, o, classes) for o in one]) for one in (ours, theirs))
    return statistics.difference_interval(dialogues, *rows, weighted_f1)


def _by_enumeration(
    labels: np.ndarray, dialogues: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> float:
    def difference(swapped: np.ndarray) -> float:
        first = np.where(swapped[dialogues], theirs, ours)
        second = np.where(swapped[dialogues], ours, theirs)
        return _weighted_f1(labels, first) - _weighted_f1(labels, second)

    count = dialogues.max() + 1
    observed = difference(np.zeros(count, bool))
    all_swaps = [np.array(swap, bool) for swap in product([0, 1], repeat=count)]
    return np.mean([abs(difference(swap)) >= abs(observed) - 1e-12 for swap in all_swaps])


def _random(seed: int, dialogues: int, length: int, classes: int = 3, seeds: int = 2) -> tuple:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, dialogues * length)
    of = np.repeat(np.arange(dialogues), length)
    noisy = [
        np.where(
            generator.random((seeds, len(labels))) < share,
            labels,
            generator.integers(0, classes, (seeds, len(labels))),
        )
        for share in (0.6, 0.4)
    ]
    return labels, of, *noisy


def test_summary_of_three_seeds() -> None:
    # t(0.975, 2) = 4.302653, standard error 1 / sqrt(3)
    summary = summarise([59.0, 60.0, 61.0])
    assert (summary.mean, summary.sd) == (60.0, 1.0)
    assert summary.low == pytest.approx(60 - 4.302653 / 3**0.5, abs=1e-5)
    assert summary.high == pytest.approx(60 + 4.302653 / 3**0.5, abs=1e-5)


def test_two_seeds_have_a_spread_and_no_interval() -> None:
    assert summarise([60.0, 62.0]) == Summary(61.0, 2**0.5, None, None)


def test_one_seed_has_no_spread() -> None:
    assert summarise([61.5]) == Summary(61.5, None, None, None)


def test_holm_multiplies_the_smallest_by_the_number_and_never_lets_a_larger_one_pass_it() -> None:
    assert holm([0.01, 0.02, 0.03, 0.005]) == pytest.approx([0.03, 0.04, 0.04, 0.02])


def test_holm_stops_at_one() -> None:
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_holm_of_one_and_of_none() -> None:
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


def test_one_dialogue_can_prove_nothing() -> None:
    labels = np.array([0, 1, 0, 1])
    assert permutation_p(labels, np.zeros(4, int), labels[None], 1 - labels[None]) == 1.0


def test_five_dialogues_all_in_favour_have_two_of_32_swaps_as_extreme() -> None:
    labels = np.tile([0, 1], 5)
    of = np.repeat(np.arange(5), 2)
    assert permutation_p(labels, of, labels[None], 1 - labels[None]) == pytest.approx(2 / 32)


@pytest.mark.parametrize("seed", range(6))
def test_small_cases_equal_the_enumeration_of_all_swaps(seed: int) -> None:
    case = _random(seed, dialogues=5, length=7)
    assert permutation_p(*case) == pytest.approx(_by_enumeration(*case))


def test_numbers_of_dialogues_need_not_be_consecutive_nor_sorted() -> None:
    labels, of, ours, theirs = _random(1, dialogues=5, length=7)
    order = np.random.default_rng(0).permutation(len(labels))
    shuffled = (labels[order], 10 * of[order] + 3, ours[:, order], theirs[:, order])
    assert permutation_p(*shuffled) == permutation_p(labels, of, ours, theirs)


def test_classes_that_only_one_system_predicts() -> None:
    labels = np.array([0, 1, 0, 1, 0, 1])
    ours = np.array([[0, 1, 2, 1, 0, 1]])
    case = (labels, np.array([0, 0, 1, 1, 2, 2]), ours, np.zeros_like(ours))
    assert permutation_p(*case) == pytest.approx(_by_enumeration(*case))


def test_sampled_swaps_agree_with_all_of_them() -> None:
    case = _random(0, dialogues=13, length=2)
    assert permutation_p(*case, resamples=2000) == pytest.approx(permutation_p(*case), abs=0.03)


def test_sampled_p_is_never_zero_and_always_the_same() -> None:
    labels, of, ours, _ = _random(0, dialogues=40, length=5)
    worst = (labels + 1) % 3
    p = permutation_p(labels, of, np.stack([labels] * 2), np.stack([worst] * 2))
    assert 0 < p < 0.001
    assert permutation_p(labels, of, ours, ours[::-1]) == permutation_p(
        labels, of, ours, ours[::-1]
    )


def test_under_the_null_small_p_values_are_as_rare_as_they_promise() -> None:
    generator, found = np.random.default_rng(7), []
    for _ in range(120):
        labels = generator.integers(0, 3, 60)
        of = np.repeat(np.arange(8), [4, 5, 6, 7, 8, 9, 10, 11])
        found.append(permutation_p(labels, of, *generator.integers(0, 3, (2, 2, 60))))
    assert 0.005 < np.mean(np.array(found) <= 0.05) < 0.12


def test_a_seeds_predictions_are_swapped_together() -> None:
    """Copies of a seed add no evidence."""
    labels, of, ours, theirs = _random(3, dialogues=6, length=5, seeds=1)
    many = [np.repeat(one, 5, axis=0) for one in (ours, theirs)]
    assert permutation_p(labels, of, *many) == pytest.approx(
        permutation_p(labels, of, ours, theirs)
    )


@pytest.mark.slow
@pytest.mark.exhaustive
def test_interval_of_the_difference_is_that_of_resampled_dialogues() -> None:
    labels, of, ours, theirs = _random(2, dialogues=6, length=8)
    generator, found = np.random.default_rng(5), []
    for _ in range(1500):
        rows = np.concatenate([np.flatnonzero(of == one) for one in generator.integers(0, 6, 6)])
        first, second = (_weighted_f1(labels[rows], one[:, rows]) for one in (ours, theirs))
        found.append(100 * (first - second))
    low, high = difference_interval(labels, of, ours, theirs)
    assert (low, high) == pytest.approx(np.quantile(found, [0.025, 0.975]), abs=1.5)


def test_interval_covers_no_difference_between_equals() -> None:
    labels, of, ours, _ = _random(2, dialogues=6, length=8)
    assert difference_interval(labels, of, ours, ours) == (0.0, 0.0)


def test_one_dialogue_has_an_interval_without_width() -> None:
    labels = np.array([0, 1, 0, 1])
    assert difference_interval(labels, np.zeros(4), labels[None], 1 - labels[None]) == (100, 100)
