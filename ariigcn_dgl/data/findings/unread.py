"""What lies beside a data set as features do, and is not read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ariigcn_dgl.data.arrays import Header, check_header, numpy_errors
from ariigcn_dgl.data.dialogues import MODALITIES
from ariigcn_dgl.data.findings.finding import Finding
from ariigcn_dgl.data.folder import HEADER
from ariigcn_dgl.data.npz import wanted_arrays
from ariigcn_dgl.data.plain import TABLES
from ariigcn_dgl.data.targets import LABEL
from ariigcn_dgl.errors import InputError

_NPY = ".npy"


def examine_unread(path: Path, rows: int, targets: Sequence[str] | None) -> Iterator[Finding]:
    """Yield what there is to say about arrays and files that a reader passes over.

    Parameters
    ----------
    path : Path
        A data set that was read.
    rows : int
        Number of its utterances.
    targets : sequence of str or None
        Names of those that were read, where they were asked for.
    """
    if path.is_dir():
        if any((path / name).exists() for name in TABLES) and not (path / HEADER).exists():
            yield from _files(path)
    elif path.suffix.lower() == ".npz":
        yield from _arrays(path, rows, list(targets or [LABEL]))


def _files(path: Path) -> Iterator[Finding]:
    for file in sorted(path.iterdir()):
        stem, suffix = file.stem.lower(), file.suffix
        alike = stem in MODALITIES or suffix.lower() == _NPY
        if file.is_file() and alike and suffix != _NPY:
            yield Finding(
                "warning",
                "files",
                f"not read: {file.name}",
                f"features are read of files of NumPy: save them as {stem}{_NPY}",
            )


def _arrays(path: Path, rows: int, targets: Sequence[str]) -> Iterator[Finding]:
    with zipfile.ZipFile(path) as archive:
        members = {one.filename.removesuffix(_NPY): one for one in archive.infolist()}
        for name in sorted(members.keys() - wanted_arrays(set(members), targets)):
            header = _header(archive, members[name])
            if header is None or header.dtype.kind not in "fiub" or len(header.shape) < 2:
                continue
            if header.shape[0] == rows:
                yield Finding(
                    "note" if name.endswith("_label") else "warning",
                    "arrays",
                    f"not read: {name} {header.shape} {header.dtype}",
                    "features are the arrays text, audio and visual, and others that have "
                    f"{name}_mask (N,) bool beside them; --targets names what is to be predicted",
                )


def _header(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header | None:
    """Return what the header of an array says; None where it is none that could be read."""
    try:
        with numpy_errors(member.filename), archive.open(member) as content:
            return check_header(content, member.file_size)
    except InputError:
        return None
