"""Writing files so that they are whole or not there."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from ariigcn_dgl.errors import InputError


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`, renamed to it where the block succeeds.

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
    except (SafetensorError, RuntimeError) as error:  # safetensors' and torch.save's OSError
        if not _is_write_error(error):
            raise
        raise InputError(f"{path}: cannot be written: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)


def _is_write_error(error: Exception) -> bool:
    text = str(error)
    return isinstance(error, SafetensorError) or "write" in text or "iostream" in text


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read JSON.

    Raises
    ------
    InputError
        If the file is missing or is not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid JSON, the file is damaged: {error}") from error


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
