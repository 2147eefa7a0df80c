"""The instructions that a loop of a kernel executes when its rare branches are not taken."""

from __future__ import annotations

import heapq
import re
from typing import NamedTuple


class Instruction(NamedTuple):
    address: int
    text: str

    def target(self) -> int | None:
        """Return the address that it branches to, if it does so directly."""
        found = re.search(r"\bBRA\b[^`]*?\b0x([0-9a-f]+)$", self.text)
        return int(found[1], 16) if found else None


def instructions(sass: str) -> list[Instruction]:
    """Return those of one kernel, from what cuobjdump prints of it."""
    found = re.findall(r"/\*([0-9a-f]{4,5})\*/\s+(.*?)\s*;", sass)
    return [Instruction(int(address, 16), text) for address, text in found]


def hot_path(sass: str, *parts: str) -> list[str]:
    """Return the shortest way around the smallest loop with all parts, through each place of one.

    That is a round in which rows are aligned, no term ends and no lane diverges: elsewhere are
    other instructions, but none of these.
    """
    code = instructions(sass)
    index = {instruction.address: k for k, instruction in enumerate(code)}
    loops = [
        range(index[target], k + 1)
        for k, instruction in enumerate(code)
        if (target := instruction.target()) is not None and index[target] <= k
    ]
    loop = min((r for r in loops if all(any(p in code[k].text for k in r) for p in parts)), key=len)
    stops = [k for k in loop if any(p in code[k].text for p in parts)]
    path = [loop.start]
    for stop in [*stops, loop[-1]]:
        path += _shortest(code, index, path[-1], stop)
    return [code[k].text for k in path]


def _shortest(code: list[Instruction], index: dict[int, int], start: int, stop: int) -> list[int]:
    """Return the fewest instructions from one to another, without the first."""
    queue, seen = [(0, start, ())], set()
    while queue:
        length, k, path = heapq.heappop(queue)
        if k == stop:
            return list(path)
        if k in seen:
            continue
        seen.add(k)
        target = code[k].target()
        always = re.match(r"(BRA|EXIT|RET)\b", code[k].text)  # without a predicate
        following = [] if always else [k + 1]
        if target is not None:
            following.append(index[target])
        for after in following:
            heapq.heappush(queue, (length + 1, after, (*path, after)))
    raise AssertionError(f"no way from {code[start]} to {code[stop]}")
