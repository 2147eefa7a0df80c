"""Read arrays of HDF5 files of unknown origin: nothing beside the file, nothing but numbers.

HDF5 can name other files (soft and external links, virtual arrays, arrays kept outside), compute
with libraries found on the disk (filters), and hold references and Python objects. All of that is
refused, and sizes are held against the file's own before anything is allocated.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ariigcn_dgl.data.arrays import numpy_errors
from ariigcn_dgl.data.community.columns import Columns
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular
from ariigcn_dgl.optional import require

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}  # that come with h5py
_EXPECTED = {
    "fiu": "numbers",
    "S": "text of a fixed length",
    "fiuS": "numbers or text of a fixed length",
}


class File:
    """An open HDF5 file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If h5py is not installed, or the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.h5py = require("h5py", "csd")
        self.content = open_regular(path)
        try:
            with numpy_errors(str(path)):
                # Through Python's file: HDF5 opens none by a name.
                self.root = self.h5py.File(self.content, "r")
        except InputError:
            self.content.close()
            raise

    @staticmethod
    def is_hdf5(path: Path) -> bool:
        """Whether a file begins as HDF5 does."""
        try:
            with open_regular(path) as file:
                return file.read(len(_SIGNATURE)) == _SIGNATURE
        except InputError:
            return False

    def __enter__(self) -> File:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with numpy_errors(str(self.path)):
                self.root.close()
        finally:
            self.content.close()

    def has(self, parent: Any, name: str) -> bool:
        """Whether a group has something of that name."""
        return bool(parent.id.links.exists(_key(name)))  # `in` would follow links to other files

    def group(self, parent: Any, name: str) -> Any:
        """Return a group by its name in another; InputError where it is none, or a link."""
        found = self._member(parent, name)
        if not isinstance(found, self.h5py.Group):
            raise InputError(f"{self._where(parent, name)}: is no group, expected one")
        return found

    def array(self, parent: Any, name: str, kinds: str) -> Any:
        """Return an array by its name in a group, not yet read.

        Parameters
        ----------
        parent : h5py.Group
        name : str
        kinds : {"fiu", "S", "fiuS"}
            Of `numpy.dtype.kind`.
        """
        found = self._member(parent, name)
        where = self._where(parent, name)
        if not isinstance(found, self.h5py.Dataset) or found.shape is None:
            raise InputError(f"{where}: is no array, expected one of {_EXPECTED[kinds]}")
        if found.is_virtual or found.external:
            raise InputError(f"{where}: is kept in other files, expected numbers in this one")
        settings = found.id.get_create_plist()
        filters = {settings.get_filter(n)[0] for n in range(settings.get_nfilters())}
        if filters - set(_FILTERS):
            raise InputError(
                f"{where}: is packed by the HDF5 filter {min(filters - set(_FILTERS))}, expected "
                f"{', '.join(_FILTERS.values())} or none: write it again"
            )
        if found.dtype.kind not in kinds:
            raise InputError(f"{where}: has the type {found.dtype}, expected {_EXPECTED[kinds]}")
        return found

    def read(self, parent: Any, name: str, kinds: str, columns: Columns) -> np.ndarray:
        """Return the numbers of an array; its bytes are counted before they are allocated."""
        found = self.array(parent, name, kinds)
        for shape in (found.shape, found.chunks or ()):
            columns.afford(math.prod(shape) * found.dtype.itemsize)
        return np.asarray(found[()])

    def _member(self, parent: Any, name: str) -> Any:
        if not self.has(parent, name):
            raise InputError(f"{self._where(parent, name)}: is missing")
        if parent.id.links.get_info(_key(name)).type != self.h5py.h5l.TYPE_HARD:
            raise InputError(f"{self._where(parent, name)}: is a link to elsewhere: not followed")
        return parent[name]

    def _where(self, parent: Any, name: str) -> str:
        inside = str(parent.name).strip("/")
        return f"{self.path}: {f'{inside}/{name}' if inside else name}"[:300]


def _key(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
