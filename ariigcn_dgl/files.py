"""Writing files so that they are whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ariigcn_dgl.errors import InputError

_CHUNK_BYTES = 1 << 20


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`, to be made a file or a folder, renamed if all goes well.

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
        os.replace(scratch, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    except SafetensorError as error:  # safetensors' OSError
        raise InputError(f"{path}: cannot be written: {error}") from error
    finally:
        if scratch.is_dir():
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            scratch.unlink(missing_ok=True)


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
        raise InputError(
            f"{path}: the output folder exists already; choose another with --out, or continue it "
            f"with: ariigcn train --resume {path}"
        )
    try:
        path.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be created: {error.strerror}") from error
    return path
