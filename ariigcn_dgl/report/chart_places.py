"""Where utterances stand in a chart over a conversation, and the numbers below them."""

from __future__ import annotations

from collections.abc import Sequence

from ariigcn_dgl.report.conversation import Conversation, Utterance

ROOM, LEAST, MOST = 900, 10, 64  # px of a conversation, and of an utterance without times
NARROWEST, GAP = 6, 2  # px of a short utterance, and between neighbours
TICK = 56  # px that a number below has at least
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)

Place = tuple[float, float]  # of an utterance: where it begins, how wide it is
Tick = tuple[float, str]  # where a number stands, and which


def places_of(conversation: Conversation) -> tuple[list[Place], list[Tick]]:
    """Return where utterances stand: by their times, or one after the other; and the axis below."""
    utterances, count = conversation.utterances, len(conversation.utterances)
    spans = [(one.start, one.end) for one in utterances]
    known = [(a, b) for a, b in spans if a is not None and b is not None]
    if len(known) < count:
        step = min(MOST, max(LEAST, ROOM / count))
        every = _every(step)
        ticks = [
            ((n - 0.5) * step, str(n)) for n in range(1, count + 1) if n % every == 0 or n == 1
        ]
        return [(i * step, step - GAP) for i in range(count)], ticks
    end = max(1.0, *(b for _, b in known))
    scale = max(ROOM, count * LEAST) / end
    every = _every(scale)
    ticks = [(s * scale, f"{s // 60}:{s % 60:02}") for s in range(0, int(end) + 1, every)]
    return [(a * scale, max((b - a) * scale - GAP, NARROWEST)) for a, b in known], ticks


def _every(px: float) -> int:
    """Return how many units of some px each are between two ticks."""
    return next((step for step in STEPS if step * px >= TICK), STEPS[-1])


def end_of(places: Sequence[Place]) -> float:
    """Return how wide a chart is, with room for the last number."""
    return max(left + width for left, width in places) + TICK / 3  # half of a number below


def time_of(one: Utterance) -> str:
    """Return when an utterance begins, for the table; what a chat says of it where that is all."""
    if one.start is None:
        return one.when
    seconds = int(one.start)
    return f"{seconds // 60}:{seconds % 60:02}"
