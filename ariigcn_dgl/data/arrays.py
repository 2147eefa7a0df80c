"""Bring arrays from files to the dtypes of `Dialogues`; report damaged files in one sentence."""

from __future__ import annotations

import json
import lzma
import math
import os
import struct
import sys
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np
from safetensors import SafetensorError, safe_open

from ariigcn_dgl.data import mapped
from ariigcn_dgl.data.mapped import blocks, is_mapped, map_array
from ariigcn_dgl.data.names import names_of
from ariigcn_dgl.data.pickles import PICKLE_ADVICE
from ariigcn_dgl.data.ragged import Ragged, undivided
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular

# What safetensors calls the types that NumPy has.
_SAFETENSORS_TYPES = {"BOOL", "F64", "F32", "F16", "I64", "I32", "I16", "I8"} | {
    *("U64", "U32", "U16", "U8"),
}

# Everything numpy.load, the zip layer and the decompressors raise on damaged bytes.
_DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    TypeError,
    SyntaxError,
    RuntimeError,
    MemoryError,
    OverflowError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


@contextmanager
def numpy_errors(where: str) -> Iterator[None]:
    """Turn what NumPy raises on a damaged or pickled file into an `InputError` about `where`."""
    try:
        with warnings.catch_warnings():
            # NumPy warns about headers written by Python 2, which it reads correctly.
            warnings.simplefilter("ignore", UserWarning)
            yield
    except InputError:
        raise
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{where}: cannot be read: {error.strerror}") from error
        if "allow_pickle" in str(error):
            raise InputError(f"{where}: holds Python objects: {PICKLE_ADVICE}") from error
        raise InputError(
            f"{where}: damaged or truncated: {error or type(error).__name__}"
        ) from error


def read_npy(path: Path) -> np.ndarray:
    """Return the array of one .npy file, a large one mapped; pickled objects are refused.

    Raises
    ------
    InputError
        If the file is missing, damaged, truncated or holds Python objects.
    """
    with numpy_errors(str(path)), open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        header = check_header(file, size)
        if header.mappable:
            return map_array(file, path, file.tell(), header.dtype, header.shape)
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


class Header(NamedTuple):
    """What the header of a .npy file says."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype

    @property
    def mappable(self) -> bool:
        """Whether the array is large, and lies in the file as it would in memory."""
        large = math.prod(self.shape) * self.dtype.itemsize >= mapped.LEAST_BYTES
        as_is = self.dtype in (np.dtype("<f4"), np.dtype(f"<U{self.dtype.itemsize // 4}"))
        return large and as_is and not self.fortran_order


def check_header(file: IO[bytes], size: int) -> Header:
    """Hold the header of a .npy file against its size, before what it names gets memory.

    Parameters
    ----------
    file : binary file
        At its beginning.
    size : int
        Its bytes.

    Raises
    ------
    ValueError
        If header and size disagree, or what the header names is a pickle.
    """
    version = np.lib.format.read_magic(file)  # 3.0 differs from 2.0 in its text's encoding only
    read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    shape, fortran_order, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("object array: allow_pickle is False")
    expected = file.tell() + math.prod(shape) * dtype.itemsize
    if size != expected:
        raise ValueError(
            f"the header says shape {shape} ({dtype}), {expected:,} bytes; there are {size:,}"
        )
    return Header(shape, fortran_order, dtype)


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a safetensors file, large ones of float32 mapped.

    Of a regular file, as `ariigcn_dgl.seal.compare` has found it: a pipe would block.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds a type that NumPy has not.
    """
    with _safetensors(path) as (file, raw, start, entries):
        return {
            name: _read_tensor(file, name, path, raw, start, entries[name])
            for name in file.keys()  # noqa: SIM118
        }


def map_safetensors(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return some arrays of a safetensors file, of any size, all of them mapped.

    Raises
    ------
    InputError
        If the file is missing or damaged, or an array is missing or of a type not `_MAPPABLE`.
    """
    found = {}
    with _safetensors(path) as (_, raw, start, entries):
        for name in names:
            entry = entries.get(name, {"dtype": "nothing"})
            if entry["dtype"] not in _MAPPABLE:
                known = ", ".join(_MAPPABLE)
                raise InputError(f"{path}: {name}: found {entry['dtype']}, expected {known}")
            dtype, first = np.dtype(_MAPPABLE[entry["dtype"]]), start + entry["data_offsets"][0]
            found[name] = map_array(raw, path, first, dtype, tuple(entry["shape"]))
    return found


_MAPPABLE = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "U8": "|u1", "BOOL": "|u1"}


@contextmanager
def _safetensors(path: Path) -> Iterator[tuple[safe_open, BinaryIO, int, dict[str, Any]]]:
    """Yield a file as safetensors and as bytes, where its arrays begin, and what they are."""
    try:
        with numpy_errors(str(path)), safe_open(path, "np") as file, path.open("rb") as raw:
            length = int.from_bytes(raw.read(8), "little")
            entries = json.loads(raw.read(length))  # which safetensors has checked
            yield file, raw, 8 + length, entries
    except SafetensorError as error:
        raise InputError(f"{path}: not a safetensors file: {error}") from error


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as `safetensors.numpy.save_file` does, to the byte, some rows at a time.

    Parameters
    ----------
    path : Path
    arrays : mapping of str to array
        Of bool, or of numbers of the machine's byte order.
    """
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    entries, end = {}, 0
    for name in names:
        array = arrays[name]
        kind = "BOOL" if array.dtype.kind == "b" else f"{array.dtype.kind}{8 * array.itemsize}"
        start, end = end, end + array.nbytes
        shape = list(array.shape)
        entries[name] = {"dtype": kind.upper(), "shape": shape, "data_offsets": [start, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for name in names:
            for _, block in blocks(arrays[name]):
                file.write(np.ascontiguousarray(block).data)


def _read_tensor(
    file: safe_open, name: str, path: Path, raw: BinaryIO, start: int, entry: dict[str, Any]
) -> np.ndarray:
    first, end = entry["data_offsets"]
    if entry["dtype"] == "F32" and end - first >= mapped.LEAST_BYTES:
        return map_array(raw, path, start + first, np.dtype("<f4"), tuple(entry["shape"]))
    found = file.get_slice(name).get_dtype()
    if found not in _SAFETENSORS_TYPES:
        raise InputError(
            f"{path}: {name}: has the type {found}, which NumPy has not; save it as F32 or F16"
        )
    return file.get_tensor(name)


def to_float32(array: np.ndarray, where: str) -> np.ndarray:
    """Return features of any real number type as a C-contiguous float32 array.

    It is writable but where it is mapped.
    """
    if is_mapped(array) and array.dtype == np.float32:
        return array
    if array.dtype.kind not in "fiu":
        raise InputError(
            f"{where}: {array.dtype} array, expected real numbers (float32 or float16)"
        )
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which `check` reports
        return np.require(array, np.float32, ["C", "W"])


def to_int64(array: np.ndarray, where: str) -> np.ndarray:
    """Return a 1-D array of whole numbers as int64."""
    if array.ndim != 1 or array.dtype.kind not in "iu" or not np.can_cast(array.dtype, np.int64):
        raise InputError(
            f"{where}: {array.dtype} array of shape {array.shape}, expected 1-D int64 numbers"
        )
    return np.require(array, np.int64, ["C", "W"])


def to_mask(array: np.ndarray, where: str) -> np.ndarray:
    """Return an array of bool, or of whole numbers 0 and 1, as bool."""
    if array.dtype.kind in "iu" and np.isin(array, (0, 1)).all():
        array = array.astype(np.bool_)
    if array.dtype.kind != "b":
        raise InputError(f"{where}: {array.dtype} array, expected bool, or numbers 0 and 1")
    return np.require(array, requirements=["C", "W"])


def to_ragged(rows: np.ndarray, ptr: np.ndarray, where: str) -> Ragged:
    """Return sequences of float32 rows, (P, D), and where each begins, (N + 1,) whole numbers.

    `where` is that of the latter, for messages.
    """
    ptr = to_int64(ptr, where)
    if rows.ndim != 2:
        raise InputError(f"{where}: of rows of shape {rows.shape}, expected 2-D: (rows, width)")
    wrong = undivided(ptr, len(rows))
    if wrong:
        raise InputError(f"{where}: {wrong}")
    return Ragged(rows, ptr)


def to_strings(array: np.ndarray, where: str) -> Sequence[str]:
    """Return a 1-D array of text as a tuple of str, or `Names` of very many."""
    if array.ndim != 1 or array.dtype.kind != "U":
        raise InputError(f"{where}: {array.dtype} array of shape {array.shape}, expected 1-D text")
    # Numbers beyond the last letter, which bytes of a damaged file can be, make no text at all.
    for _, block in blocks(array):
        letters = np.frombuffer(np.ascontiguousarray(block).tobytes(), np.uint32)
        if letters.max(initial=0) > sys.maxunicode:
            raise InputError(f"{where}: damaged: holds {letters.max():#x}, which is no letter")
    return names_of((name for _, block in blocks(array) for name in block.tolist()), len(array))
