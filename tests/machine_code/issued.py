"""The instructions that a warp issues on its way once through a loop, as cuobjdump lists them."""

from __future__ import annotations

import re
from typing import NamedTuple

INSTRUCTION = re.compile(r"/\*([0-9a-f]{4,5})\*/\s+(.*?);")
BRANCH = re.compile(r"^(@!?U?P\d+ )?BRA\b.*?(0x[0-9a-f]+)")


class Instruction(NamedTuple):
    """An instruction and its address."""

    address: int
    text: str


def instructions(sass: str) -> list[Instruction]:
    """Return the instructions of one kernel."""
    return [Instruction(int(at, 16), text) for at, text in INSTRUCTION.findall(sass)]


def loops(code: list[Instruction]) -> list[tuple[int, int]]:
    """Return where loops begin and end in the list: what jumps back, smallest first."""
    place = {one.address: n for n, one in enumerate(code)}
    found = []
    for n, one in enumerate(code):
        match = BRANCH.match(one.text)
        target = place.get(int(match[2], 16)) if match else None
        if target is not None and target < n:
            found.append((target, n))
    return sorted(found, key=lambda loop: loop[1] - loop[0])


def loop_with(code: list[Instruction], least: dict[str, int]) -> tuple[int, int]:
    """Return the smallest loop with at least so many instructions of these names."""
    for first, last in loops(code):
        body = code[first : last + 1]
        if all(sum(is_a(one, name) for one in body) >= count for name, count in least.items()):
            return first, last
    raise LookupError(f"no loop has {least}")


def is_a(one: Instruction, name: str) -> bool:
    """Return whether it is an instruction of that name, as "IMAD.HI", of any other suffixes."""
    text = re.sub(r"^@!?U?P\d+ ", "", one.text)
    return re.match(rf"{re.escape(name)}(?![A-Z0-9])", text) is not None


def issued(code: list[Instruction], loop: tuple[int, int], exactly: dict[str, int]) -> int:
    """Return the length of the shortest way once through a loop that issues just so many of these.

    Loops inside are gone through once; branches back are not taken, others as it is shortest.
    """
    first, last = loop
    names = list(exactly)
    wanted = tuple(exactly.values())
    place = {one.address: n for n, one in enumerate(code)}
    shortest: dict[int, dict[tuple[int, ...], int]] = {first: {(0,) * len(names): 0}}
    for n in range(first, last):
        one = code[n]
        match = BRANCH.match(one.text)
        target = place[int(match[2], 16)] if match else None
        follow = [] if match and not match[1] and target > n else [n + 1]
        if target is not None and n < target <= last:
            follow.append(target)
        for counts, length in shortest.pop(n, {}).items():
            now = tuple(c + is_a(one, name) for c, name in zip(counts, names, strict=True))
            if any(c > most for c, most in zip(now, wanted, strict=True)):
                continue
            for place_after in follow:
                known = shortest.setdefault(place_after, {})
                known[now] = min(known.get(now, length + 1), length + 1)
    try:
        return shortest[last][wanted] + 1
    except KeyError:
        raise LookupError(f"no way through the loop issues {exactly}") from None
