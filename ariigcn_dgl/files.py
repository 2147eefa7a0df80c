"""Writing files so that they are whole or not there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ariigcn_dgl.errors import InputError

_CHUNK_BYTES = 1 << 20
_SCRATCH = re.compile(r"\.(.+)\.[0-9a-f]{32}\.tmp", re.DOTALL)  # names that `replacing` makes


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`, to be made a file or a folder, renamed if all goes well.

    What was written is on the disk before it is renamed, and the name after it: when the block has
    ended, not even a loss of power takes it back. Files are readable by whom the umask says.

    Raises
    ------
    InputError
        If it cannot be written: no space, no permission, no such folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder) / "a.txt") as scratch:
    ...         _ = scratch.write_text("whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    path = Path(path)
    scratch = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield scratch
        _settle(scratch)
        os.replace(scratch, path)
        _sync(path.parent)
    except InputError as error:  # about a file in a folder: by the name that it was to have
        raise InputError(str(error).replace(str(scratch), str(path))) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    except SafetensorError as error:  # safetensors' OSError
        raise InputError(f"{path}: cannot be written: {error}") from error
    finally:
        _remove(scratch)


def _settle(path: Path) -> None:
    """Give a new file, or all of a new folder, the usual permissions, and put it on the disk."""
    if path.is_dir():
        for one in path.iterdir():
            _settle(one)
    else:
        path.chmod(0o666 & ~_umask())  # some libraries keep what they write from everybody else
    _sync(path)


def _umask() -> int:
    mask = os.umask(0o077)  # there is no other way to ask
    os.umask(mask)
    return mask


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that knows no fsync of folders
            raise
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a file or folder if that is possible: where nothing can be written, nothing is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what processes that were killed in `replacing` left in a folder.

    Only while no other process can be writing there: under a lock.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, f".a.txt.{'0' * 32}.tmp").touch()
    ...     sweep(Path(folder))
    ...     list(Path(folder).iterdir())
    []
    """
    for path in folder.glob(".*.tmp"):
        if _SCRATCH.fullmatch(path.name):
            _remove(path)


def scratches_of(path: Path) -> list[Path]:
    """Return what `replacing` has made of a path, by this process or another, dead or alive."""
    found = ((one, _SCRATCH.fullmatch(one.name)) for one in path.parent.iterdir())
    return [one for one, match in found if match and match[1] == path.name]


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, with or without a byte order mark.

    Raises
    ------
    InputError
        If the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8"
        ) from error


def parse_json(text: str, where: str) -> dict[str, Any]:
    """Return the JSON object in `text`.

    Raises
    ------
    InputError
        If the text is not JSON, or is JSON but not an object.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value


def read_json(path: str | Path, keys: Sequence[str] = ()) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises
    ------
    InputError
        If the file is missing, holds something else, or lacks one of `keys`.
    """
    content = parse_json(read_text(Path(path)), str(path))
    for key in keys:
        if key not in content:
            raise InputError(f"{path}: damaged: lacks '{key}'")
    return content


def refuse_existing(path: Path) -> None:
    """Raise `InputError` if something is at the path already, or the folder it is to lie in is not.

    For before a long computation; what writes the result checks again.
    """
    if os.path.lexists(path):
        raise InputError(f"{path}: exists already; choose another name or remove it first")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: cannot be written: No such file or directory")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits; OSError if it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def new_folder(path: str | Path) -> Path:
    """Create a folder for results.

    Raises
    ------
    InputError
        If it exists or cannot be created.
    """
    path = Path(path)
    if os.path.lexists(path):
        raise InputError(f"{path}: exists already; choose another name or remove it first")
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be created: {error.strerror}") from error
    return path
