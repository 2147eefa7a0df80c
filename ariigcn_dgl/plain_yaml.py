"""YAML of settings and studies: plain values, of a size that people write."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_text
from ariigcn_dgl.read_limits import ADVICE, allowed

_LARGEST = 1 << 17  # bytes; more than a hundred times this package's longest study
_MOST_VALUES = 50_000
# What PyYAML raises, beside its own errors, where a value is none of the type it looks like.
_WRONG_VALUES = (ValueError, TypeError, AttributeError, IndexError, KeyError, OverflowError)


def read_yaml(path: Path) -> tuple[str, Any]:
    """Return the text of a YAML file and the value in it; see `parse_yaml`."""
    text = read_text(path, _LARGEST)
    return text, parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Any:
    """Return the plain value that a text of YAML holds.

    Raises
    ------
    InputError
        If it is not YAML, is large, names something twice, or describes far more values than it
        has letters.

    Examples
    --------
    >>> parse_yaml("model: {hidden_dim: 8}", "a.yaml")
    {'model': {'hidden_dim': 8}}
    >>> parse_yaml("a: &a [*a]", "a.yaml")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: a.yaml: a value that holds itself
    """
    if len(text) > allowed(_LARGEST):
        raise InputError(f"{where}: is larger than {_LARGEST:,} letters, the limit here; {ADVICE}")
    try:
        return _construct(text, where)
    except InputError:
        raise
    except yaml.YAMLError as error:
        raise InputError(f"{where}: not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise InputError(f"{where}: not YAML: nested too deeply") from error
    except _WRONG_VALUES as error:
        raise InputError(f"{where}: not YAML: a value cannot be read: {error}") from error


def _construct(text: str, where: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _count(root, {}, where)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _count(node: yaml.Node, known: dict[int, int], where: str) -> int:
    """Return the number of values of a node, as often as aliases repeat them."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = 0  # until it is counted
        inner = node.value
        if isinstance(node, yaml.MappingNode):
            _refuse_repeats(node, where)
            inner = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_count(part, known, where) for part in inner)
    if known[id(node)] == 0:
        raise InputError(f"{where}: a value that holds itself")
    if known[id(node)] > allowed(_MOST_VALUES):
        raise InputError(f"{where}: holds more than {_MOST_VALUES:,} values; {ADVICE}")
    return known[id(node)]


def _refuse_repeats(node: yaml.MappingNode, where: str) -> None:
    """Raise where a name is there twice: PyYAML would keep the last and say nothing."""
    lines: dict[tuple[str, str], int] = {}
    for name, _ in node.value:
        if not isinstance(name, yaml.ScalarNode):
            continue
        key, line = (name.tag, name.value), name.start_mark.line + 1
        if key in lines:
            raise InputError(
                f"{where}: line {line}: '{name.value}' is there already, in line {lines[key]}; "
                "put both into one"
            )
        lines[key] = line


def check_shape(content: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> None:
    """Raise where settings lack a value, or are no settings where the defaults have some.

    Parameters
    ----------
    content, defaults : mapping of str to value
        Settings within settings are mappings, too. Names that have no default are left to others.
    where : str
        The file, for messages.

    Examples
    --------
    >>> check_shape({"model": {"width": None}}, {"model": {"width": 1}}, "a.yaml")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: a.yaml: model.width has no value; leave the line out
    """
    _check_shape(content, defaults, where, "")


def _check_shape(
    content: Mapping[str, Any], defaults: Mapping[str, Any], where: str, path: str
) -> None:
    for name, value in content.items():
        default, key = defaults.get(name), f"{path}{name}"
        if default is None:
            continue
        if value is None:
            raise InputError(f"{where}: {key} has no value; leave the line out")
        if isinstance(default, list) and not isinstance(value, list):
            raise InputError(f"{where}: {key} is {value!r}, expected a list")
        if isinstance(default, Mapping):
            if isinstance(value, Mapping):
                _check_shape(value, default, where, f"{key}.")
            elif not isinstance(value, str):
                raise InputError(f"{where}: {key} is {value!r}, expected settings by name")
