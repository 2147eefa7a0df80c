"""What an extraction has done so far, kept on the disk, so that one that is stopped goes on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ariigcn_dgl.files import make_folder, replacing

SAYS = "says"  # key of what is no array


@dataclass(frozen=True)
class Kept:
    """Arrays in a folder, each set of them in a file that is named after what decides it.

    Parameters
    ----------
    folder : Path
        Made when there is something to keep.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept = Kept(Path(folder) / "kept")
    ...     kept.put({"film": "a"}, {"x": np.zeros(2)}, ["said"])
    ...     kept.get({"film": "a"}), kept.get({"film": "b"})
    (({'x': array([0., 0.])}, ['said']), None)
    """

    folder: Path

    def _path(self, decides: Any) -> Path:
        text = json.dumps(decides, sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.safetensors"

    def has(self, decides: Any) -> bool:
        """Return whether something is kept of what this decides."""
        return self._path(decides).is_file()

    def put(self, decides: Any, arrays: Mapping[str, np.ndarray], says: Any = None) -> None:
        """Keep arrays, and with them anything that JSON knows."""
        make_folder(self.folder)
        whole = {name: np.ascontiguousarray(x) for name, x in arrays.items()}
        with replacing(self._path(decides)) as scratch:
            save_file(whole, scratch, {SAYS: json.dumps(says)})

    def get(self, decides: Any) -> tuple[dict[str, np.ndarray], Any] | None:
        """Return what was kept, None where nothing whole is."""
        try:
            with safe_open(self._path(decides), "numpy") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return arrays, json.loads((file.metadata() or {})[SAYS])
        except (OSError, SafetensorError, KeyError, ValueError):  # damaged: made once more
            return None


@contextlib.contextmanager
def kept_beside(out: Path) -> Iterator[Kept]:
    """Yield what is kept until something is at a path; then it goes away.

    Parameters
    ----------
    out : Path
        What is to be written within; the folder beside it is hidden: ``.NAME.partial``.
    """
    kept = Kept(out.absolute().with_name(f".{out.absolute().name}.partial"))
    try:
        if os.path.lexists(out):  # by a process that was killed just then
            shutil.rmtree(kept.folder, ignore_errors=True)
        yield kept
    finally:
        if os.path.lexists(out):
            shutil.rmtree(kept.folder, ignore_errors=True)
