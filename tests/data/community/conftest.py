"""A tiny file in the layout of MMGCN, to read or to damage, and how Python 2 wrote pickles."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Fields = dict[str, Any]
NAMES = ("ids", "speakers", "labels", "text", "audio", "visual", "sentences", "train", "test")


def rows(count: int, width: int, start: float) -> list[np.ndarray]:
    """Return feature rows of ones, twos, ... so that no two are the same."""
    return [np.full(width, start + turn, np.float32) for turn in range(count)]


@pytest.fixture
def fields() -> Fields:
    """Three dialogues of 2, 3 and 1 utterances; the last one is of session 5."""
    lengths = {"Ses01F_impro01": 2, "Ses02M_impro02": 3, "Ses05F_impro01": 1}
    return {
        "ids": {key: [f"{key}_u{turn}" for turn in range(n)] for key, n in lengths.items()},
        "speakers": {key: ["F", "M", "F"][:n] for key, n in lengths.items()},
        "labels": {key: [5, 0, 2][:n] for key, n in lengths.items()},
        "text": {key: rows(n, 4, 10 * n) for key, n in lengths.items()},
        "audio": {key: rows(n, 3, 20 * n) for key, n in lengths.items()},
        "visual": {key: rows(n, 2, 30 * n) for key, n in lengths.items()},
        "sentences": {key: ["words"] * n for key, n in lengths.items()},
        "train": ["Ses01F_impro01", "Ses02M_impro02"],
        "test": ["Ses05F_impro01"],
    }


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write the fields as a tuple, or any other value, to a pickle."""

    def write(value: Any, name: str = "features.pkl", protocol: int = 4) -> Path:
        if isinstance(value, dict) and set(value) == set(NAMES):
            value = tuple(value[name] for name in NAMES)
        path = tmp_path / name
        path.write_bytes(pickle.dumps(value, protocol))
        return path

    return write


@pytest.fixture
def python2_dumps() -> Callable[..., bytes]:
    """Write a pickle as Python 2 did: text as bytes, NumPy under its old module names."""
    return _dumps


def _dumps(value: Any, protocol: int = 2) -> bytes:
    head = b"\x80\x02" if protocol == 2 else b""
    return head + _emit(value, protocol) + b"."


def _emit(value: Any, protocol: int) -> bytes:
    if isinstance(value, np.ndarray):
        return _array(value, protocol)
    if isinstance(value, (str, bytes)):
        return _text(value if isinstance(value, bytes) else value.encode("latin1"), protocol)
    if isinstance(value, (bool, type(None))):
        return {True: b"I01\n", False: b"I00\n", None: b"N"}[value]
    if isinstance(value, int):
        return b"I%d\n" % value
    if isinstance(value, float):
        return b"F%s\n" % repr(value).encode() if protocol == 0 else b"G" + struct.pack(">d", value)
    items = b"".join(_emit(item, protocol) for item in _flat(value))
    if isinstance(value, set):
        return b"c__builtin__\nset\n((" + items + b"ltR"
    return b"(" + items + {list: b"l", tuple: b"t", dict: b"d"}[type(value)]


def _flat(value: Any) -> list[Any]:
    return [part for pair in value.items() for part in pair] if isinstance(value, dict) else value


def _text(raw: bytes, protocol: int) -> bytes:
    if protocol == 0:
        escaped = raw.decode("latin1").encode("unicode_escape").replace(b"'", b"\\'")
        return b"S'" + escaped + b"'\n"
    return b"T" + struct.pack("<I", len(raw)) + raw


def _array(array: np.ndarray, protocol: int) -> bytes:
    kind = array.dtype.newbyteorder("<")
    code = _text(kind.str[1:].encode(), protocol)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt"
        + _text(b"b", protocol)
        + b"tR(I1\n"
        + _emit(array.shape, protocol)
        + b"cnumpy\ndtype\n("
        + code
        + b"I0\nI1\ntR(I3\n"
        + _text(b"<", protocol)
        + b"NNNI-1\nI-1\nI0\ntbI00\n"
        + _text(array.astype(kind).tobytes(), protocol)
        + b"tb"
    )
