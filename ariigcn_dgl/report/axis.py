"""From numbers to places in a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

ROOM = 1.12  # length of an axis over that of what it shows


@dataclass(frozen=True)
class Axis:
    """A linear axis.

    Parameters
    ----------
    low, high : float
        Numbers at its two ends.
    start, end : float
        Where the ends lie in the picture.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return where a number lies, to a tenth of a unit.

        Examples
        --------
        >>> Axis(0, 10, 100, 0)(2.5)
        75.0
        """
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, count: int = 4) -> list[tuple[float, str]]:
        """Return places and texts of about so many round numbers.

        Examples
        --------
        >>> Axis(0, 1, 0, 100).ticks(2)
        [(0.0, '0'), (50.0, '0.5'), (100.0, '1')]
        """
        step = _round_step((self.high - self.low) / count)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [(self(n * step), f"{n * step:.10g}") for n in range(first, last + 1)]


def around(values: Sequence[float], start: float, end: float, least: float = 0.0) -> Axis:
    """Return an axis that shows all of the values, with some room at both ends.

    Parameters
    ----------
    values : sequence of float, at least one
    start, end : float
        Where the ends lie in the picture.
    least : float
        Shortest axis: what differs by less shall not look different.

    Examples
    --------
    >>> around([66.0, 67.0], 0, 200, least=5)
    Axis(low=64.0, high=69.0, start=0, end=200)
    """
    low, high = min(values), max(values)
    length = max(ROOM * (high - low), least) or 1.0
    middle = (low + high) / 2
    return Axis(middle - length / 2, middle + length / 2, start, end)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))
