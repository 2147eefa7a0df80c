"""Changes to YAML that leave it plausible: much of it is accepted, and then looked at further."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import yaml

NUMBER = re.compile(r"(?<![\w.+-])\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.])")
FACTORS = (0.5, 0.9, 1.1, 2.0)
STEPS = (-2, -1, 1, 2, 4)
WORDS = (
    *("auto", "speaker", "pairs", "none", "sum", "concatenate", "best", "last"),
    *("text", "audio", "visual", "mlp", "bigru", "ariigcn", "paper", "tuned"),
)


def nudged(rng: random.Random, content: bytes) -> bytes:
    """Return YAML with one or two numbers changed a bit, everything else as it is spelt."""
    text = content.decode()
    for _ in range(rng.choice((1, 1, 2))):
        found = list(NUMBER.finditer(text))
        one = rng.choice(found)
        text = text[: one.start()] + _near(rng, one[0]) + text[one.end() :]
    return text.encode()


def _near(rng: random.Random, number: str) -> str:
    if number.isdecimal():
        return str(max(0, rng.choice((int(number) + rng.choice(STEPS), int(number) * 2))))
    return repr(float(number) * rng.choice(FACTORS))


def swapped(rng: random.Random, content: bytes) -> bytes:
    """Return YAML in which two neighbours of the same indentation have changed places."""
    lines = content.decode().split("\n")
    pairs = [n for n in range(len(lines) - 1) if _place(lines[n]) == _place(lines[n + 1])]
    for one in rng.sample(pairs, min(len(pairs), rng.choice((1, 1, 2)))):
        lines[one], lines[one + 1] = lines[one + 1], lines[one]
    return "\n".join(lines).encode()


def _place(line: str) -> str:
    return re.match(r"[ -]*", line)[0]


def restyled(rng: random.Random, content: bytes) -> bytes:
    """Return the same values in another style, at times with one replaced by one of its type."""
    value = yaml.safe_load(content)
    if rng.random() < 0.7:
        cell, key = rng.choice(list(_leaves(value)))
        cell[key] = _alike(rng, cell[key], value)
    return yaml.safe_dump(
        value,
        default_flow_style=rng.choice((True, False, None)),
        width=rng.choice((20, 80, 1000)),
        indent=rng.choice((2, 4, 7)),
        sort_keys=rng.random() < 0.5,
        explicit_start=rng.random() < 0.3,
    ).encode()


def _leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each value that holds no others as its container and its place there."""
    for key in value if isinstance(value, dict) else range(len(value)):
        if isinstance(value[key], (dict, list)) and value[key]:
            yield from _leaves(value[key])
        else:
            yield value, key


def _alike(rng: random.Random, value: Any, root: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return max(0, value + rng.choice(STEPS))
    if isinstance(value, float):
        return value * rng.choice(FACTORS)
    if isinstance(value, str):
        texts = [cell[key] for cell, key in _leaves(root) if isinstance(cell[key], str)]
        return rng.choice((*texts, *WORDS))
    return value
