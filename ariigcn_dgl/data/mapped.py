"""Large features stay in their file: rows are read where they are looked at, and given back.

A mapped array is a NumPy array like any other, but one cannot write to it, and what was looked at
counts as memory of this process until it is given back, which `take` and `blocks` do. The system
keeps as much of the file in memory as it has room for, once for all processes.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

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


class Piece(Protocol):
    """Some of the rows of a `Stacked`."""

    @property
    def count(self) -> int:
        """How many."""

    @property
    def sha256(self) -> str:
        """The hash of the file that they lie in, or ""."""

    def array(self) -> np.ndarray:
        """Return them, (count, D) float32; mapped, or in memory."""


class Known(NamedTuple):
    """What was measured before of some rows of each piece: see `ariigcn_dgl.data.columns`.

    Parameters
    ----------
    rows : (N,) bool array
        Which.
    counts : (pieces,) int64 array
    mean, std, largest : (pieces, D) float64 array
    """

    rows: np.ndarray
    counts: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    largest: np.ndarray


class Stacked:
    """Rows that lie in several files, to be read like one array, not to be written to.

    One can ask for a row, a slice, or rows by their numbers or by bool; what is found is a copy.
    NumPy's functions make it an array first, all of it, in memory.

    Parameters
    ----------
    pieces : sequence of Piece
        At least one.
    width : int
        D.
    known : Known, optional

    Attributes
    ----------
    ptr : (pieces + 1,) int64 array
        Rows of piece p are ``ptr[p]:ptr[p + 1]``.
    sha256 : str
        Of all pieces, one after another.
    """

    dtype = np.dtype(np.float32)
    itemsize = dtype.itemsize
    ndim = 2

    def __init__(self, pieces: Sequence[Piece], width: int, known: Known | None = None) -> None:
        self.pieces = pieces
        counts = [piece.count for piece in pieces]
        self.ptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.shape = (int(self.ptr[-1]), width)
        self.nbytes = self.shape[0] * width * self.itemsize
        self.sha256 = " ".join(piece.sha256 for piece in pieces)
        self.known = known
        self._looked_at: set[FileMap] = set()  # and not given back yet
        self._bytes = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: Any) -> np.ndarray:
        if isinstance(which, tuple):
            rows, columns = which
            return np.asarray(self[rows][..., columns])
        chosen = self._numbers(which)
        rows = chosen.ravel()
        found = np.empty((rows.size, self.shape[1]), self.dtype)
        of_piece = np.searchsorted(self.ptr, rows, side="right") - 1
        for number in np.unique(of_piece).tolist():
            here = of_piece == number
            array = self.pieces[number].array()
            found[here] = array[rows[here] - self.ptr[number]]
            if (file_map := map_of(array)) is not None:
                file_map.unchanged()
                self._looked_at.add(file_map)
        self._bytes += found.nbytes
        if self._bytes >= BLOCK_BYTES:  # not at once: a batch has a few rows of each of many files
            for file_map in self._looked_at:
                file_map.give_back()
            self._looked_at.clear()
            self._bytes = 0
        return found.reshape(*chosen.shape, self.shape[1])

    def _numbers(self, which: Any) -> np.ndarray:
        if isinstance(which, slice):
            return np.arange(*which.indices(len(self)))
        rows = np.asarray(which)
        if rows.dtype == np.bool_:
            if rows.shape != (len(self),):
                raise IndexError(f"bool array of shape {rows.shape} for {len(self)} rows")
            return np.flatnonzero(rows)
        if rows.size and not (-len(self) <= rows.min() and rows.max() < len(self)):
            raise IndexError(f"row {rows.min()} or {rows.max()} of {len(self)}")
        return np.where(rows < 0, rows + len(self), rows).astype(np.int64)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def blocks(self, itemsize: int | None) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield what the function `blocks` yields."""
        for first, piece in zip(self.ptr.tolist(), self.pieces, strict=False):
            for rows, block in blocks(piece.array(), itemsize):
                yield slice(first + rows.start, first + rows.stop), block


def take(array: np.ndarray | Stacked, rows: np.ndarray) -> np.ndarray:
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
    if isinstance(array, Stacked):
        return array[rows]  # copies already, of files that it gives back
    found = array[rows]
    file_map = map_of(array)
    if file_map is not None:
        # At once: for a row of a kilobyte the system may have shown a megabyte around it.
        file_map.give_back()
    return found


def blocks(
    array: np.ndarray | Stacked, itemsize: int | None = None
) -> Iterator[tuple[slice, np.ndarray]]:
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
    if isinstance(array, Stacked):
        yield from array.blocks(itemsize)
        return
    width = int(np.prod(array.shape[1:])) * (itemsize or array.itemsize)
    step = max(1, BLOCK_BYTES // max(width, 1))
    file_map = map_of(array)
    for start in range(0, len(array), step):
        rows = slice(start, min(start + step, len(array)))
        yield rows, array[rows]
        if file_map is not None:
            file_map.give_back()
