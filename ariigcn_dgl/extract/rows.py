"""Features of many utterances, row by row: what would fill the memory lies in a file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ariigcn_dgl.data import mapped
from ariigcn_dgl.data.mapped import map_array
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import make_folder

TYPE = np.dtype("<f4")


class Rows:
    """Rows of features, zeros where none was put, and where there is one.

    Parameters
    ----------
    count, width : int
        Of the rows, and of each.
    path : Path, optional
        File in which they lie where they are many (`ariigcn_dgl.data.mapped.LEAST_BYTES`); one that
        is there is replaced. Default: they lie in memory.

    Raises
    ------
    InputError
        If the file cannot be written.

    Examples
    --------
    >>> rows = Rows(2, 3)
    >>> rows.put([1], [np.ones(3)])
    >>> rows.features().tolist(), rows.mask.tolist()
    ([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], [False, True])
    """

    def __init__(self, count: int, width: int, path: Path | None = None) -> None:
        self.shape = (count, width)
        self.mask = np.zeros(count, np.bool_)
        large = math.prod(self.shape) * TYPE.itemsize >= mapped.LEAST_BYTES
        self.path = path if large else None
        self.array = np.zeros(self.shape if self.path is None else (0, width), TYPE)
        if self.path is not None:
            make_folder(self.path.parent)
            try:
                with self.path.open("wb") as file:
                    file.truncate(math.prod(self.shape) * TYPE.itemsize)  # zeros, of no blocks
            except OSError as error:
                raise self._unwritten(error) from error

    def put(self, numbers: Sequence[int], rows: Iterable[np.ndarray | None]) -> None:
        """Put rows at their places; None: there is none.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        there = [(n, row) for n, row in zip(numbers, rows, strict=True) if row is not None]
        self.mask[[n for n, _ in there]] = True
        if self.path is None:
            for n, row in there:
                self.array[n] = row
            return
        try:
            with self.path.open("r+b") as file:
                for n, row in there:
                    file.seek(n * self.shape[1] * TYPE.itemsize)
                    file.write(np.ascontiguousarray(row, TYPE).data)
        except OSError as error:
            raise self._unwritten(error) from error

    def features(self) -> np.ndarray:
        """Return all rows, (N, width) float32; those of a file mapped, when nothing is put more."""
        if self.path is None:
            return self.array
        with self.path.open("rb") as file:
            return map_array(file, self.path, 0, TYPE, self.shape)

    def _unwritten(self, error: OSError) -> InputError:
        return InputError(f"{self.path}: cannot be written: {error.strerror}")
