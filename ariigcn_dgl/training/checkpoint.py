"""The checkpoint that an interrupted training goes on from, a file with its own hash.

torch.load notices some damage only: a changed weight is read as it is.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from ariigcn_dgl.files import replacing

_HEAD = b"ariigcn-state-1 "  # then the hash of what follows the line
_HASH_DIGITS = 64  # of a SHA-256 in hexadecimal


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state of tensors, numbers and texts, whole or not at all."""
    # Through memory: on a full disk torch.save raises errors that do not say so.
    buffer = io.BytesIO()
    torch.save(state, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    with replacing(path) as scratch, scratch.open("wb") as file:
        file.write(_HEAD + digest.encode("ascii") + b"\n")
        file.write(buffer.getvalue())  # no copy, and no view that outlives the buffer


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read what `write_checkpoint` wrote; run nothing in it.

    Raises
    ------
    ValueError
        If it is damaged or something else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_checkpoint(Path(folder, "state.pt"), {"step": 3})
    ...     read_checkpoint(Path(folder, "state.pt"))
    {'step': 3}
    """
    try:
        content = _without_head(path.read_bytes())
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds for a damaged file
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path}: holds {type(state).__name__}")
    return state


def _without_head(content: bytes) -> bytes:
    end = len(_HEAD) + _HASH_DIGITS + 1
    head, rest = content[:end], content[end:]
    if head != _HEAD + hashlib.sha256(rest).hexdigest().encode("ascii") + b"\n":
        raise ValueError("the hash is another one")
    return rest
