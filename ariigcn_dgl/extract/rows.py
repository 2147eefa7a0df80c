"""Features of many utterances, row by row: what would fill the memory lies in a file."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
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
    folder : Path, optional
        Where they lie in a file if they are many (`ariigcn_dgl.data.mapped.LEAST_BYTES`): one
        without a name, so that nobody else can write into it, and nothing is left of it. Default:
        they lie in memory.

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

    def __init__(self, count: int, width: int, folder: Path | None = None) -> None:
        self.shape = (count, width)
        self.mask = np.zeros(count, np.bool_)
        size = math.prod(self.shape) * TYPE.itemsize
        self.folder = folder if size >= mapped.LEAST_BYTES else None
        if self.folder is None:
            self.array = np.zeros(self.shape, TYPE)
            return
        make_folder(self.folder)
        with self.written():
            self.file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115  # `features` closes
            self.file.truncate(size)  # zeros, which take no room

    def put(self, numbers: Sequence[int], rows: Iterable[np.ndarray | None]) -> None:
        """Put rows at their places; None: there is none.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        there = [(n, row) for n, row in zip(numbers, rows, strict=True) if row is not None]
        self.mask[[n for n, _ in there]] = True
        if self.folder is None:
            for n, row in there:
                self.array[n] = row
            return
        with self.written():
            for n, row in there:
                self.file.seek(n * self.shape[1] * TYPE.itemsize)
                self.file.write(np.ascontiguousarray(row, TYPE).data)

    def features(self) -> np.ndarray:
        """Return all rows, (N, width) float32, those of a file mapped; nothing is put afterwards.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        if self.folder is None:
            return self.array
        with self.written(), self.file:
            self.file.flush()
            return map_array(self.file, self.folder, 0, TYPE, self.shape)

    @contextlib.contextmanager
    def written(self) -> Iterator[None]:
        """Turn what the system says of the file into an `InputError`."""
        try:
            yield
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be written: {error.strerror}") from error
