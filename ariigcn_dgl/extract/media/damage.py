"""What of a recording could not be decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

LARGE = 0.5  # seconds in one place: from there on an utterance has lost words
_EXACT = 0.001  # seconds; time stamps of Matroska are rounded to them


@dataclass
class Lost:
    """The places of one stream that could not be decoded.

    Parameters
    ----------
    spans : list of (float, float)
        From when to when, in seconds from the beginning of the recording; infinity: to the end.
    why : str
        What the decoder said first.
    """

    spans: list[tuple[float, float]] = field(default_factory=list)
    why: str = ""
    since: float | None = None

    def begin(self, time: float, why: str) -> None:
        """Note that what comes at a time cannot be decoded."""
        self.since = time if self.since is None else self.since
        self.why = self.why or why

    def end(self, time: float) -> bool:
        """Note that from a time on all is well; return whether it was not before."""
        since, self.since = self.since, None
        if since is not None and time > since + _EXACT:
            self.spans.append((since, time))
        return since is not None

    @property
    def large(self) -> list[tuple[float, float]]:
        """The spans that cost utterances something."""
        return [(start, end) for start, end in self.spans if end - start > LARGE]

    @property
    def small(self) -> list[tuple[float, float]]:
        """The other spans."""
        return [(start, end) for start, end in self.spans if end - start <= LARGE]

    def concerns(self, start: float, end: float) -> bool:
        """Return whether something large was lost between two times."""
        return any(since < end and start < until for since, until in self.large)


def spans_in_words(spans: Sequence[tuple[float, float]]) -> str:
    """Return where spans lie.

    >>> spans_in_words([(1.0, 1.03), (2.5, float("inf"))])
    '1.00-1.03 s, from 2.50 s on'
    >>> spans_in_words([(n, n + 0.5) for n in range(20)])
    '0.00-0.50 s, 1.00-1.50 s, 2.00-2.50 s and 17 more places'
    """
    words = [
        f"from {start:.2f} s on" if end == float("inf") else f"{start:.2f}-{end:.2f} s"
        for start, end in spans
    ]
    more = f" and {len(words) - 3} more places" if len(words) > 3 else ""
    return ", ".join(words[:3]) + more
