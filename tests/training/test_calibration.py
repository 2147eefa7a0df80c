"""Temperatures, reliability bins and the expected calibration error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ariigcn_dgl.training.calibration import (
    COLDEST,
    HOTTEST,
    calibrated,
    calibration_error,
    expected_calibration_error,
    fit_temperature,
    reliability,
)


def test_a_tiny_case_by_hand() -> None:
    confidences = np.array([0.55, 0.6, 0.95, 1.0])
    bins = reliability(confidences, np.array([True, False, True, True]))
    assert [one.count for one in bins] == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert bins[5].confidence == pytest.approx(0.575)
    assert (bins[5].accuracy, bins[9].accuracy) == (0.5, 1.0)
    assert expected_calibration_error(bins) == pytest.approx((2 * 0.075 + 2 * 0.025) / 4)


def test_certain_and_right_has_no_error() -> None:
    assert expected_calibration_error(reliability(np.ones(3), np.ones(3, bool))) == 0


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_a_loop_over_utterances(seed: int) -> None:
    draw = np.random.default_rng(seed)
    confidences = draw.uniform(0, 1, 200)
    hits = draw.uniform(0, 1, 200) < confidences**2
    total = 0.0
    for b in range(10):
        inside = [n for n, c in enumerate(confidences) if b / 10 < c <= (b + 1) / 10]
        if inside:
            total += abs(sum(hits[n] for n in inside) - sum(confidences[n] for n in inside))
    found = expected_calibration_error(reliability(confidences, hits))
    assert found == pytest.approx(total / 200)


def test_nothing_has_no_error() -> None:
    assert expected_calibration_error(reliability(np.empty(0), np.empty(0, bool))) == 0


def test_error_of_probabilities_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7]])  # one of two right at 80 % mean confidence
    assert calibration_error(probabilities, np.array([0, 0])) == pytest.approx(
        100 * (0.1 + 0.7) / 2
    )


def _softmax(logits: np.ndarray) -> np.ndarray:
    return torch.from_numpy(logits).softmax(-1).numpy()


def test_a_temperature_divides_the_logits() -> None:
    logits = np.array([[2.0, 0.0, -1.0]])
    np.testing.assert_allclose(calibrated(_softmax(logits), 2.5), _softmax(logits / 2.5))


def test_temperature_of_one_changes_nothing() -> None:
    np.testing.assert_allclose(calibrated(np.array([0.2, 0.8]), 1.0), [0.2, 0.8], rtol=1e-15)


def test_probability_of_zero_stays_zero() -> None:
    assert calibrated(np.array([1.0, 0.0]), 3.0).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("temperature", [COLDEST, 0.9, 2.4, HOTTEST])
def test_neighbouring_numbers_of_float32_keep_their_order(temperature: float) -> None:
    smaller = np.random.default_rng(0).uniform(0.15, 0.5, 1000).astype(np.float32)
    larger = np.nextafter(smaller, np.float32(1))
    found = calibrated(np.stack([smaller, larger], axis=1), temperature)
    assert (found.argmax(1) == 1).all()


def test_equal_classes_stay_equal() -> None:
    found = calibrated(np.array([0.1, 0.3, 0.3, 0.3], np.float32), 2.4)
    assert found.argmax() == 1


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.4])
def test_temperature_that_made_the_labels_is_found(temperature: float) -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 2, (20_000, 3))
    labels = (_softmax(logits / temperature).cumsum(1) < draw.uniform(size=(20_000, 1))).sum(1)
    assert fit_temperature(_softmax(logits), labels) == pytest.approx(temperature, rel=0.03)


def test_temperature_is_the_best_of_a_grid() -> None:
    draw = np.random.default_rng(1)
    probabilities = draw.dirichlet(np.ones(3), 50)
    right = draw.uniform(size=50) < 0.6
    labels = np.where(right, probabilities.argmax(1), draw.integers(0, 3, 50))

    def loss(temperature: float) -> float:
        return -np.log(calibrated(probabilities, temperature)[np.arange(50), labels]).mean()

    found = fit_temperature(probabilities, labels)
    assert 1.1 * COLDEST < found < 0.9 * HOTTEST
    assert loss(found) <= min(loss(one) for one in np.geomspace(COLDEST, HOTTEST, 200)) + 1e-9


def test_temperature_has_bounds_where_validation_sets_none() -> None:
    probabilities = np.array([[0.8, 0.2], [0.4, 0.6]])
    assert fit_temperature(probabilities, np.array([0, 1])) == pytest.approx(COLDEST, rel=1e-3)
    assert fit_temperature(probabilities, np.array([1, 0])) == pytest.approx(HOTTEST, rel=1e-3)


def test_a_class_of_probability_zero_that_was_right_can_be_fitted() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]], np.float32)
    assert COLDEST <= fit_temperature(probabilities, np.array([0, 1])) <= HOTTEST
