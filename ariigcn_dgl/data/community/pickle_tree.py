"""Bounds of the value that a pickle made: its parts may refer to each other, and to themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ariigcn_dgl.data.community.pickle_names import Record
from ariigcn_dgl.data.community.pickled_numpy import MalformedError
from ariigcn_dgl.read_limits import ADVICE

_CONTAINERS = frozenset({list, tuple, set, dict, Record})
_DEEPEST = 64


def check_tree(value: Any, most: int) -> None:
    """Raise where a value holds itself, lies too deep, or is far larger than its parts.

    A few lists of lists of the same list make a file of some bytes describe any number of values;
    whatever walks over them all would never end.

    Parameters
    ----------
    value : object
        Plain data.
    most : int
        Elements, counted as often as they can be reached.

    Raises
    ------
    MalformedError

    Examples
    --------
    >>> row = [0] * 10
    >>> check_tree([row] * 10, most=110)
    >>> row.append(row)
    >>> check_tree(row, most=110)
    Traceback (most recent call last):
    ariigcn_dgl.data.community.pickled_numpy.MalformedError: a list that holds itself
    """
    root = [value]
    sizes: dict[int, int] = {}
    path: list[tuple[Any, Iterator[Any], list[int]]] = [(root, _inner(root), [0])]
    inside = {id(root)}
    while path:
        node, rest, size = path[-1]
        child = next(rest, None)
        if child is None:
            path.pop()
            inside.remove(id(node))
            sizes[id(node)] = _within(size[0], most)
            if path:
                path[-1][2][0] += size[0]
        elif id(child) in inside:
            raise MalformedError(f"a {type(child).__name__} that holds itself")
        elif id(child) in sizes:
            size[0] += sizes[id(child)]
        elif len(path) > _DEEPEST:
            raise MalformedError(f"values nested deeper than {_DEEPEST} levels")
        else:
            inside.add(id(child))
            path.append((child, _inner(child), [len(_elements(child))]))


def _within(size: int, most: int) -> int:
    if size > most:
        raise MalformedError(f"far more values than a file of its size can describe; {ADVICE}")
    return size


def _elements(node: Any) -> Iterable[Any]:
    if isinstance(node, Record):
        return node.fields.values()
    return node.values() if isinstance(node, dict) else node


def _inner(node: Any) -> Iterator[Any]:
    elements = _elements(node)
    # Long rows of numbers, the bulk of any file, are passed over at the speed of C.
    if _CONTAINERS.isdisjoint(map(type, elements)):
        return iter(())
    return (element for element in elements if type(element) in _CONTAINERS)
