"""Bring arrays from files to the dtypes of `Dialogues`; report damaged files in one sentence."""

from __future__ import annotations

import lzma
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ariigcn_dgl.data.pickles import PICKLE_ADVICE
from ariigcn_dgl.errors import InputError

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
    """Return the array of one .npy file; pickled objects are refused.

    Raises
    ------
    InputError
        If the file is missing, damaged, truncated or holds Python objects.
    """
    with numpy_errors(str(path)), path.open("rb") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def to_float32(array: np.ndarray, where: str) -> np.ndarray:
    """Return features of any real number type as a writable C-contiguous float32 array."""
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


def to_strings(array: np.ndarray, where: str) -> tuple[str, ...]:
    """Return a 1-D array of text as a tuple of str."""
    if array.ndim != 1 or array.dtype.kind != "U":
        raise InputError(f"{where}: {array.dtype} array of shape {array.shape}, expected 1-D text")
    return tuple(array.tolist())
