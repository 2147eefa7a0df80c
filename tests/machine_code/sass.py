"""The loops of a kernel, and what a way once through one executes, as cuobjdump lists them."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable
from typing import NamedTuple

INSTRUCTION = re.compile(r"/\*([0-9a-f]{4,6})\*/\s+(?:\{\s*)?(.*?)\s*;")
PREDICATE = re.compile(r"^@!?U?P\w+ ")
BRANCH = re.compile(r"^BRA\b[^`]*?\b0x([0-9a-f]+)")
ENDS = re.compile(r"^(BRA|EXIT|RET)\b")


class Instruction(NamedTuple):
    """An instruction, and the place in its kernel to which it may jump."""

    text: str
    target: int | None

    @property
    def name(self) -> str:
        """The instruction without its predicate."""
        return PREDICATE.sub("", self.text)

    def is_a(self, name: str) -> bool:
        """Return whether it is an instruction of that name, as "IMAD.HI", of any other suffixes."""
        return re.match(rf"{re.escape(name)}(?![A-Z0-9])", self.name) is not None

    def following(self, place: int) -> list[int]:
        """Return the places that may come next, of an instruction at `place`."""
        always = ENDS.match(self.text)  # without a predicate
        return [*([] if always else [place + 1]), *([] if self.target is None else [self.target])]


Code = list[Instruction]


def instructions(sass: str) -> Code:
    """Return the instructions of one kernel."""
    found = INSTRUCTION.findall(sass)
    place = {int(address, 16): n for n, (address, _) in enumerate(found)}
    jumps = [BRANCH.match(PREDICATE.sub("", text)) for _, text in found]
    return [
        Instruction(text, place.get(int(jump[1], 16)) if jump else None)
        for (_, text), jump in zip(found, jumps, strict=True)
    ]


def count(code: Iterable[Instruction], name: str) -> int:
    """Return how many instructions are of that name."""
    return sum(one.is_a(name) for one in code)


def loops(code: Code) -> list[range]:
    """Return the places of each loop: what a jump backwards leads through again, smallest first."""
    found = [
        range(one.target, place + 1)
        for place, one in enumerate(code)
        if one.target is not None and one.target <= place
    ]
    return sorted(found, key=len)


def inner_loops(sass: str) -> list[Code]:
    """Return the instructions of every loop that holds no other."""
    code = instructions(sass)
    found = loops(code)
    return [
        code[loop.start : loop.stop]
        for loop in found
        if not any(
            loop.start <= other.start and other.stop <= loop.stop
            for other in found
            if other != loop
        )
    ]


def loop_with(code: Code, least: dict[str, int]) -> range:
    """Return the smallest loop with at least so many instructions of these names."""
    for loop in loops(code):
        body = code[loop.start : loop.stop]
        if all(count(body, name) >= number for name, number in least.items()):
            return loop
    raise LookupError(f"no loop has {least}")


def issued(code: Code, loop: range, exactly: dict[str, int]) -> int:
    """Return the length of the shortest way once through a loop that issues just so many of these.

    Loops inside are gone through once; branches back are not taken, others as it is shortest.
    """
    wanted, last = tuple(exactly.values()), loop[-1]
    shortest: dict[int, dict[tuple[int, ...], int]] = {loop.start: {(0,) * len(wanted): 0}}
    for place in loop[:-1]:
        one = code[place]
        # Past a jump back, and past an end, as if each had a predicate.
        ahead = [p for p in one.following(place) if p > place] or [place + 1]
        after = [p for p in ahead if p <= last]
        for counts, length in shortest.pop(place, {}).items():
            now = tuple(c + one.is_a(name) for c, name in zip(counts, exactly, strict=True))
            if any(c > most for c, most in zip(now, wanted, strict=True)):
                continue
            for following in after:
                known = shortest.setdefault(following, {})
                known[now] = min(known.get(now, length + 1), length + 1)
    try:
        return shortest[last][wanted] + 1
    except KeyError:
        raise LookupError(f"no way through the loop issues {exactly}") from None


def hot_path(sass: str, *names: str) -> Code:
    """Return the shortest way around the smallest loop with all names, through each place of one.

    That is a round in which rows are aligned, no term ends and no lane diverges: elsewhere are
    other instructions, but none of these.
    """
    code = instructions(sass)
    loop = loop_with(code, dict.fromkeys(names, 1))
    stops = [place for place in loop if any(code[place].is_a(name) for name in names)]
    path = [loop.start]
    for stop in [*stops, loop[-1]]:
        path += _shortest(code, path[-1], stop)
    return [code[place] for place in path]


def _shortest(code: Code, start: int, stop: int) -> list[int]:
    """Return the fewest places from one to another, without the first."""
    queue: list[tuple[int, int, tuple[int, ...]]] = [(0, start, ())]
    seen = set()
    while queue:
        length, place, path = heapq.heappop(queue)
        if place == stop:
            return list(path)
        if place in seen:
            continue
        seen.add(place)
        for after in code[place].following(place):
            heapq.heappush(queue, (length + 1, after, (*path, after)))
    raise LookupError(f"no way from {code[start]} to {code[stop]}")
