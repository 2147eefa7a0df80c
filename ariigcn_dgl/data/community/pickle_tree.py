"""Bounds of the value that a pickle made: its parts may refer to each other, and to themselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ariigcn_dgl.data.community.pickle_names import Record
from ariigcn_dgl.data.community.pickled_numpy import MalformedError
from ariigcn_dgl.read_limits import ADVICE

_CONTAINERS = frozenset({list, tuple, set, dict, Record})
_DEEPEST = 64  # levels; feature files have about five, Python's stack bears a thousand


def check_tree(value: Any, most: int) -> None:
    """Raise where a value holds itself, lies too deep, or is far larger than its parts.

    A few lists of lists of the same list make a file of some bytes describe any number of values;
    whatever walks over them all would never end. `most` counts each as often as it can be reached.
    """
    _size([value], most, {}, [])


def _size(node: Any, most: int, sizes: dict[int, int], path: list[int]) -> int:
    """Return the number of values in a container; `path` leads to it."""
    if id(node) in path:
        raise MalformedError(f"a {type(node).__name__} that holds itself")
    if len(path) > _DEEPEST:
        raise MalformedError(f"values nested deeper than {_DEEPEST} levels")
    if id(node) not in sizes:
        elements = _elements(node)
        size, path = len(elements), [*path, id(node)]
        # Long rows of numbers, the bulk of any file, are passed over at the speed of C.
        if not _CONTAINERS.isdisjoint(map(type, elements)):
            inner = (element for element in elements if type(element) in _CONTAINERS)
            size += sum(_size(element, most, sizes, path) for element in inner)
        if size > most:
            raise MalformedError(f"far more values than a file of its size can describe; {ADVICE}")
        sizes[id(node)] = size
    return sizes[id(node)]


def _elements(node: Any) -> Collection[Any]:
    if isinstance(node, Record):
        return node.fields.values()
    return node.values() if isinstance(node, dict) else node
