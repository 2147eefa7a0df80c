"""Loops in what cuobjdump prints of a kernel."""

from __future__ import annotations

import re

INSTRUCTION = re.compile(r"/\*([0-9a-f]{4,6})\*/\s+(?:\{\s*)?(.*?)\s*;")
BRANCH = re.compile(r"\bBRA\b.*?\b0x([0-9a-f]+)")


def inner_loops(sass: str) -> list[list[str]]:
    """Return the instructions of every loop that holds no other."""
    found = [(int(address, 16), text) for address, text in INSTRUCTION.findall(sass)]
    at = {address: i for i, (address, _) in enumerate(found)}
    back = [(at[int(m[1], 16)], i) for i, (address, text) in enumerate(found)
            if (m := BRANCH.search(text)) and int(m[1], 16) in at
            and int(m[1], 16) <= address]  # fmt: skip
    return [
        [text for _, text in found[first : last + 1]]
        for first, last in back
        if not any(
            first <= other[0] and other[1] <= last for other in back if other != (first, last)
        )
    ]


def count(instructions: list[str], name: str) -> int:
    """Return how many of the instructions begin with a name, apart from their predicates."""
    return sum(re.match(rf"(@!?U?P\w+ )?{re.escape(name)}", text) is not None
               for text in instructions)  # fmt: skip
