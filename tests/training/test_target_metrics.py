"""Scores of targets equal scikit-learn's and SciPy's where these have them, literals otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
)

from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.training import target_metrics as metrics
from ariigcn_dgl.training.target_kinds import TARGET_KINDS

SCORE = TargetSpec("label", "regression", ("score",), -3.0, 3.0)
CUES = TargetSpec("cues", "multilabel", ("laugh", "cry", "sigh"))
NAN = float("nan")


@pytest.fixture
def scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = np.round(rng.uniform(-3, 3, 200), 1)
    truth[:20] = 0
    return truth, truth + rng.normal(0, 1, 200)


@pytest.fixture
def decisions() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    truth = (rng.random((100, 3)) < [0.5, 0.2, 0.05]).astype(np.float32)
    return truth, np.clip(truth + rng.normal(0, 0.6, truth.shape), 0, 1)


def test_errors_and_correlation_equal_the_libraries(scores) -> None:
    truth, found = scores
    own = TARGET_KINDS["regression"].score(SCORE, truth[:, None], found[:, None])
    assert own["mae"] == pytest.approx(mean_absolute_error(truth, found))
    assert own["pearson"] == pytest.approx(pearsonr(truth, found).statistic)


def test_concordance_is_that_of_its_definition(scores) -> None:
    truth, found = scores
    covariance = np.cov(truth, found, bias=True)
    expected = (
        2
        * covariance[0, 1]
        / (covariance[0, 0] + covariance[1, 1] + (truth.mean() - found.mean()) ** 2)
    )
    assert metrics.concordance(truth, found) == pytest.approx(expected)


def test_concordance_is_one_of_what_is_equal_and_lower_of_what_is_moved() -> None:
    truth = np.array([1.0, 2.0, 4.0])
    assert metrics.concordance(truth, truth) == 1.0
    assert metrics.concordance(truth, truth + 3) < 0.3
    assert metrics.pearson(truth, truth + 3) == pytest.approx(1.0)


def test_a_constant_answer_has_no_correlation() -> None:
    truth = np.array([1.0, 2.0])
    assert (metrics.pearson(truth, np.zeros(2)), metrics.concordance(truth, np.zeros(2))) == (0, 0)


def test_signs_are_scored_in_both_customs(scores) -> None:
    truth, found = scores
    high, said = truth >= 0, found >= 0
    assert metrics.sign_scores(truth, found, zeros=True) == (
        pytest.approx(100 * accuracy_score(high, said)),
        pytest.approx(100 * f1_score(high, said, average="weighted")),
    )
    kept = truth != 0
    high, said = truth[kept] > 0, found[kept] > 0
    assert metrics.sign_scores(truth, found, zeros=False) == (
        pytest.approx(100 * accuracy_score(high, said)),
        pytest.approx(100 * f1_score(high, said, average="weighted")),
    )


def test_a_true_zero_counts_in_one_custom_only() -> None:
    truth, found = np.array([0.0, -1.0, 1.0]), np.array([-0.1, -1.0, 1.0])
    assert metrics.sign_scores(truth, found, zeros=True)[0] == pytest.approx(200 / 3)
    assert metrics.sign_scores(truth, found, zeros=False)[0] == 100


def test_seven_and_five_classes_are_those_of_the_published_code() -> None:
    truth, found = np.array([2.4, -3.0, 0.4, 1.6]), np.array([2.6, -2.6, 0.6, 2.4])
    assert metrics.step_accuracy(truth, found, 3) == 50.0  # 2|3, -3|-3, 0|1, 2|2
    assert metrics.step_accuracy(truth, found, 2) == 75.0  # both beyond 2 are 2


def test_labels_are_scored_as_the_libraries_score_each(decisions) -> None:
    truth, found = decisions
    own = TARGET_KINDS["multilabel"].score(CUES, truth, found)
    said = found > 0.5
    for c, name in enumerate(CUES.names):
        pair = truth[:, c], said[:, c]
        assert own[f"accuracy_{name}"] == pytest.approx(100 * accuracy_score(*pair))
        assert own[f"weighted_accuracy_{name}"] == pytest.approx(
            100 * balanced_accuracy_score(*pair)
        )
        assert own[f"f1_{name}"] == pytest.approx(100 * f1_score(*pair))
    for average in ("micro", "macro"):
        expected = 100 * f1_score(truth, said, average=average)
        assert own[f"{average}_f1"] == pytest.approx(expected)


def test_weighted_accuracy_is_the_formula_of_mosei() -> None:
    truth, found = np.array([1, 1, 0, 0, 0, 0]), np.array([1, 0, 0, 0, 1, 0])
    positives, negatives, hits, rejections = 2, 4, 1, 3
    expected = (hits * negatives / positives + rejections) / (2 * negatives)
    assert metrics.weighted_accuracy(truth, found) == pytest.approx(100 * expected)


def test_what_is_not_known_counts_nowhere() -> None:
    truth = np.array([[1, NAN, 0], [NAN, NAN, 1]], np.float32)
    own = TARGET_KINDS["multilabel"].score(CUES, truth, np.array([[0.9, 0.9, 0.1], [0, 0, 0.8]]))
    assert (own["accuracy"], own["micro_f1"], own["accuracy_cry"]) == (100, 100, 0)


def test_several_numbers_have_the_mean_and_each_ones_own() -> None:
    spec = TargetSpec("vad", "regression", ("valence", "arousal"), 1.0, 5.0)
    truth = np.array([[1, 1], [3, 5], [2, NAN]], np.float32)
    own = TARGET_KINDS["regression"].score(spec, truth, np.array([[1, 2], [3, 5], [2, 0]]))
    assert (own["mae_valence"], own["mae_arousal"], own["mae"]) == (0, 0.5, 0.25)
    assert own["ccc_valence"] == 1.0
    assert next(iter(own)) == "ccc"  # what epochs of such a target are compared by
    assert "acc7" not in own


def test_only_a_scale_from_minus_three_to_three_has_seven_classes() -> None:
    unit = TargetSpec("label", "regression", ("score",), -1.0, 1.0)
    names = [metric.name for metric in TARGET_KINDS["regression"].metrics(unit)]
    assert "acc2_positive" in names
    assert "acc7" not in names
