"""What the files of a folder were when it was finished: their hashes, written last."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_json, remove_file, sha256_of, write_json

SEAL_FILE = "seal.json"
FORMAT = "ariigcn-seal-1"
_SHOWN = 12  # digits of a hash that tell two files apart


def seal(folder: Path, names: Sequence[str]) -> None:
    """Write the hashes of files beside them; those of other files stay as they are.

    Parameters
    ----------
    folder : Path
    names : sequence of str
        Of files in it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "a.txt").write_text("whole")
    ...     seal(Path(name), ["a.txt"])
    ...     is_sealed(Path(name)), list(sealed(Path(name)))
    (True, ['a.txt'])
    """
    known = sealed(folder) if is_sealed(folder) else {}
    found = {name: sha256_of(folder / name) for name in names}
    write_json(folder / SEAL_FILE, {"format": FORMAT, "sha256": known | found})


def unseal(folder: Path) -> None:
    """Say that the files of a folder are about to change."""
    remove_file(folder / SEAL_FILE)


def is_sealed(folder: Path) -> bool:
    """Whether a folder was finished."""
    return (folder / SEAL_FILE).is_file()


def sealed(folder: Path) -> dict[str, str]:
    """Return the hashes of a folder's files, by name.

    Raises
    ------
    InputError
        If the folder has no seal, or a damaged one.
    """
    path = folder / SEAL_FILE
    hashes = read_json(path, keys=["sha256"], expected_format=FORMAT)["sha256"]
    if not isinstance(hashes, dict) or not all(isinstance(x, str) for x in hashes.values()):
        raise InputError(f"{path}: damaged: 'sha256' is no table of hashes")
    for name in hashes:
        if name in ("", "..") or Path(name).name != name:  # no seal leads to files elsewhere
            raise InputError(f"{path}: damaged: names {name!r}, which is no file beside it")
    return hashes


def lost(folder: Path) -> list[str]:
    """Return the sealed files that are gone; of a folder without a seal none are known.

    Raises
    ------
    InputError
        If the seal is damaged.
    """
    names = sealed(folder) if is_sealed(folder) else ()
    return [name for name in names if not os.path.lexists(folder / name)]


def refuse_lost(folder: Path, way_out: str) -> None:
    """Raise where a sealed file is gone, also one that nobody is about to read.

    Parameters
    ----------
    folder : Path
    way_out : str
        What to do about it.

    Raises
    ------
    InputError
        If one is gone, or the seal is damaged.
    """
    for name in lost(folder):
        raise gone(folder / name, way_out)


def gone(path: Path, way_out: str) -> InputError:
    """Return what to raise where a sealed file is gone."""
    return InputError(f"{path}: no such file, but {SEAL_FILE} beside it names it; {way_out}")


def verify(path: Path, way_out: str) -> None:
    """Raise where a file is not the one that was sealed.

    Parameters
    ----------
    path : Path
        In a sealed folder.
    way_out : str
        What to do about it.

    Raises
    ------
    InputError
        If it has changed, cannot be read, or is not among the sealed ones.
    """
    expected = sealed(path.parent).get(path.name)
    if expected is None:
        raise InputError(f"{path}: is not named in {SEAL_FILE} beside it; {way_out}")
    if not os.path.lexists(path):
        raise gone(path, way_out)
    compare(path, expected, SEAL_FILE, way_out)


def compare(path: Path, expected: str, witness: str, way_out: str) -> None:
    """Raise where a file does not have the hash that another one, the `witness`, says.

    Raises
    ------
    InputError
        If it has changed or cannot be read.
    """
    try:
        found = sha256_of(path)
    except InputError as error:
        raise InputError(f"{error}; {way_out}") from error
    if found != expected:
        raise InputError(
            f"{path}: changed or truncated since it was written (SHA-256 {found[:_SHOWN]}…, "
            f"{witness} says {expected[:_SHOWN]}…); {way_out}"
        )
