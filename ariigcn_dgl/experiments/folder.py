"""The folder of a study: which study it holds, and who may work in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import make_folder, read_json, write_json
from ariigcn_dgl.lock import LOCK_FILE, locked

FILE = "experiment.json"
BUSY = (
    "another ariigcn experiment is working in it, and does not share it; wait for it, or choose "
    "another folder with --out"
)
PATIENCE = 30.0  # seconds: those who share a folder are alone in it for moments


@contextlib.contextmanager
def study_folder(
    path: Path,
    study: str,
    dialogues: Dialogues,
    dataset_sha256: str,
    folds: int | None = None,
    shared: bool = True,
) -> Iterator[Path]:
    """Create or continue the folder of a study.

    Parameters
    ----------
    path : Path
        The folder; its parents are made.
    study : str
        Name of the study.
    dialogues : Dialogues
        With all modalities, as the data set divides them.
    dataset_sha256 : str
        Their fingerprint.
    folds : int, optional
        Of a cross-validation.
    shared : bool
        Whether other processes may work in it, too, each on runs of its own (`Leases`).

    Raises
    ------
    InputError
        If it cannot be created, holds something else, or is in use.
    """
    content = {"study": study, "folds": folds, "dataset": dialogues.name}
    content["dataset_sha256"] = dataset_sha256
    make_folder(path)
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone(path))
        _check(path, content)
        write_json(path / FILE, content)
        if shared:
            stack.close()
        yield path


def alone(path: Path) -> contextlib.AbstractContextManager[None]:
    """Return what keeps other processes out of a study's folder, but for its runs."""
    return locked(path, BUSY, PATIENCE)


def _check(path: Path, content: dict[str, str | int | None]) -> None:
    if not (path / FILE).exists():
        if any(one.name != LOCK_FILE for one in path.iterdir()):
            raise InputError(f"{path}: holds something else; choose another folder with --out")
        return
    found = {"folds": None} | read_json(path / FILE, keys=["study", "dataset", "dataset_sha256"])
    if found["study"] != content["study"]:
        raise InputError(
            f"{path}: holds the study {found['study']}; choose another folder with --out"
        )
    if found["folds"] != content["folds"]:
        raise InputError(
            f"{path}: holds a study of {found['folds'] or 'no'} folds; choose another folder with "
            "--out"
        )
    if found["dataset_sha256"] != content["dataset_sha256"]:
        raise InputError(
            f"{path}: holds a study of {found['dataset']}, with other data than "
            f"{content['dataset']} has now; choose another folder with --out"
        )


def is_study(path: Path) -> bool:
    """Whether a folder is one that `study_folder` made."""
    return (path / FILE).is_file()
