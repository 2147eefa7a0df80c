"""Files as values, for machines that share no disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import make_folder, replacing

Files = dict[str, np.ndarray]  # bytes by the name of the file


def sizes(path: Path) -> dict[str, int]:
    """Return the bytes of a file, or of the files that lie in a folder, by name.

    Hidden ones, which belong to a process, and folders are left out.
    """
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    plain = (one for one in found if one.is_file() and not one.name.startswith("."))
    return {one.name: one.stat().st_size for one in plain}


def packed(folder: Path, names: Sequence[str] | None = None) -> Files:
    """Return files of a folder, by default all of `sizes`; those that are gone by now are left out.

    Raises
    ------
    InputError
        If one cannot be read.
    """
    files: Files = {}
    for name in sizes(folder) if names is None else names:
        try:
            files[name] = np.fromfile(folder / name, np.uint8)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"{folder / name}: cannot be read: {error.strerror}") from error
    return files


def unpack(files: Mapping[str, np.ndarray], folder: Path) -> None:
    """Write files into a folder, in their order, each whole or not at all.

    Raises
    ------
    InputError
        If one cannot be written, or would lie elsewhere.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     unpack({"a.txt": np.frombuffer(b"whole", np.uint8)}, Path(name))
    ...     sizes(Path(name))
    {'a.txt': 5}
    """
    make_folder(folder)
    for name, content in files.items():
        if not name or Path(name).name != name or name.startswith("."):
            raise InputError(f"{folder}: a node sent {name!r}, which is no file of a run")
        with replacing(folder / name) as scratch, scratch.open("wb") as file:
            file.write(np.ascontiguousarray(content).data)
