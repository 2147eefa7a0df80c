"""Time stamps that jump go on; gaps stay gaps."""

from __future__ import annotations

import math

import pytest

from ariigcn_dgl.extract.media.clock import Clock

SOUND, PICTURES = 0, 1


def _corrected(clock: Clock, *packets: tuple[int, float]) -> list[float]:
    return [time + clock.shift(stream, time, 1.0) for stream, time in packets]


def test_ordinary_time_stamps_stay() -> None:
    times = [(SOUND, 0.0), (PICTURES, 0.0), (SOUND, 1.0), (PICTURES, 1.0), (SOUND, 1.9)]
    assert _corrected(Clock(math.inf), *times) == [0.0, 0.0, 1.0, 1.0, 1.9]


@pytest.mark.parametrize("gap", [5.0, 50.0])
def test_gap_stays(gap: float) -> None:
    assert _corrected(Clock(math.inf), (SOUND, 0.0), (SOUND, 1 + gap)) == [0.0, 1 + gap]


def test_gap_within_the_stated_length_stays() -> None:
    assert _corrected(Clock(1000.0), (SOUND, 0.0), (SOUND, 900.0)) == [0.0, 900.0]


def test_jump_forward_goes_on() -> None:
    times = [(SOUND, 0.0), (SOUND, 90_000.0), (SOUND, 90_001.0)]
    assert _corrected(Clock(math.inf), *times) == [0.0, 1.0, 2.0]


def test_jump_back_goes_on_for_all_streams_alike() -> None:
    """Sound ends before the pictures, and the last packet of pictures comes late."""
    times = [(PICTURES, 0.0), (SOUND, 0.0), (PICTURES, 1.0), (PICTURES, 2.0), (SOUND, 1.0)]
    again = [(SOUND, 0.0), (PICTURES, 3.0), (PICTURES, 0.0), (SOUND, 1.0), (PICTURES, 1.0)]
    found = _corrected(Clock(math.inf), *times, *again)
    assert found == [0.0, 0.0, 1.0, 2.0, 1.0, 3.0, 3.0, 3.0, 4.0, 4.0]


def test_one_lie_moves_nothing_else() -> None:
    times = [(SOUND, float(n)) for n in range(5)] + [(SOUND, 0.0)]
    found = _corrected(Clock(math.inf), *times, (SOUND, 6.0), (SOUND, 7.0))
    assert found == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
