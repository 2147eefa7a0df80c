"""Large features stay in their file: rows are read where they are looked at, and given back.

A mapped array is a NumPy array like any other, but one cannot write to it, and what was looked at
counts as memory of this process until it is given back, which `take` and `blocks` do. The system
keeps as much of the file in memory as it has room for, once for all processes.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ariigcn_dgl.errors import InputError

LEAST_BYTES = 64 << 20  # of an array; what is smaller is read, and then the file may change
BLOCK_BYTES = 16 << 20  # of rows that are looked at together


class FileMap(mmap.mmap):
    """A file that can be looked at like memory; `open_map` makes one."""

    path: str
    file: tuple[int, int]  # what has another name by now is still the same
    stamp: tuple[int, int]

    def unchanged(self) -> None:
        """Raise `InputError` where somebody has written to the file since it was opened."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:  # or another one has its name: this one is still there
            return
        if (found.st_dev, found.st_ino) == self.file and _stamp(found) != self.stamp:
            raise InputError(
                f"{self.path}: has changed while it was in use: what was computed is of neither "
                "version; leave it alone meanwhile and begin again"
            )

    def give_back(self) -> None:
        """Let the system count the pages as its own again; they are read anew when needed."""
        self.unchanged()
        self.madvise(mmap.MADV_DONTNEED)


def _stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_mtime_ns, found.st_size


def map_array(
    file: BinaryIO, path: Path, offset: int, dtype: np.dtype, shape: tuple[int, ...]
) -> np.ndarray:
    """Return an array that lies in a file, in C order, without reading it.

    Parameters
    ----------
    file : binary file
        Open; it may be closed afterwards.
    path : Path
        Its name, for messages.
    offset : int
        Of the first element, in bytes.
    dtype, shape
        Of the array.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     _ = file.write(np.arange(6, dtype="<f4").tobytes())
    ...     file.flush()
    ...     mapped = map_array(file, Path("a"), 8, np.dtype("<f4"), (2, 2))
    >>> mapped.tolist(), is_mapped(mapped), is_mapped(mapped[1:]), is_mapped(mapped + 1)
    ([[2.0, 3.0], [4.0, 5.0]], True, True, False)
    """
    file_map = FileMap(file.fileno(), 0, access=mmap.ACCESS_READ)
    found = os.fstat(file.fileno())
    file_map.path = str(path)
    file_map.file, file_map.stamp = (found.st_dev, found.st_ino), _stamp(found)
    return np.ndarray(shape, dtype, buffer=file_map, offset=offset)


def map_of(array: np.ndarray) -> FileMap | None:
    """Return the map that an array, or what it is a view of, lies in; None of one in memory."""
    base: object = array
    while isinstance(base, (np.ndarray, memoryview)):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    return base if isinstance(base, FileMap) else None


def is_mapped(array: np.ndarray) -> bool:
    """Whether an array lies in a file."""
    return map_of(array) is not None


def take(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return rows of an array, as a copy in memory.

    Parameters
    ----------
    array : (N, ...) array
    rows : (K,) int or (N,) bool array

    Raises
    ------
    InputError
        If the array is mapped and its file has changed.
    """
    found = array[rows]
    file_map = map_of(array)
    if file_map is not None:
        # At once: for a row of a kilobyte the system may have shown a megabyte around it.
        file_map.give_back()
    return found


def blocks(array: np.ndarray, itemsize: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield an array's rows, some at a time and in order, each with their place.

    Parameters
    ----------
    array : (N, ...) array
    itemsize : int, optional
        Bytes of an element in what the caller makes of it; default: in the array.

    Raises
    ------
    InputError
        If the array is mapped and its file has changed.

    Examples
    --------
    >>> [(rows, block.shape) for rows, block in blocks(np.zeros((3, 2)))]
    [(slice(0, 3, None), (3, 2))]
    """
    width = int(np.prod(array.shape[1:])) * (itemsize or array.itemsize)
    step = max(1, BLOCK_BYTES // max(width, 1))
    file_map = map_of(array)
    for start in range(0, len(array), step):
        rows = slice(start, min(start + step, len(array)))
        yield rows, array[rows]
        if file_map is not None:
            file_map.give_back()
