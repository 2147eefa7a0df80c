"""Reliability bins and the expected calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.training.calibration import expected_calibration_error, reliability


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
