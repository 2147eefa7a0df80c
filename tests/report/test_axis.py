"""Places of numbers in a picture."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ariigcn_dgl.report.axis import Axis, around


def test_ends_and_middle() -> None:
    axis = Axis(10, 20, 200, 0)
    assert [axis(10), axis(15), axis(20)] == [200, 100, 0]


def test_round_ticks() -> None:
    assert Axis(0.3, 2.2, 0, 100).ticks() == [
        (10.5, "0.5"),
        (36.8, "1"),
        (63.2, "1.5"),
        (89.5, "2"),
    ]


@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
    st.integers(1, 8),
)
def test_ticks_are_few_and_inside(low: float, length: float, count: int) -> None:
    ticks = Axis(low, low + length, 0, 100).ticks(count)
    assert len(ticks) <= count + 2
    assert all(-0.1 <= place <= 100.1 for place, _ in ticks)


@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0], [0.0], [-1.0, 2.0]])
def test_all_values_are_shown(values: list[float]) -> None:
    axis = around(values, 0, 100)
    assert all(0 < axis(value) < 100 for value in values)


def test_small_differences_stay_small() -> None:
    axis = around([66.1, 66.2], 0, 100, least=5)
    assert axis(66.2) - axis(66.1) == pytest.approx(2)
