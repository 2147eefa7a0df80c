"""The file of a bundle: tensors as safetensors, everything else as JSON in its header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import open_regular, parse_json, refuse_existing, replacing

SUFFIX = ".ariigcn"
FORMAT = "ariigcn-bundle-1"
# Of runs with other targets than classes: to earlier versions, which cannot apply them, no bundle.
TARGET_FORMAT = "ariigcn-bundle-2"
_FORMATS = "ariigcn-bundle-"
AGAIN = "get it again from where it came from"
_KINDS = ("F16", "F32", "F64", "I64")  # of tensors, as safetensors calls them


@dataclass(frozen=True)
class Content:
    """What a bundle holds.

    Parameters
    ----------
    about : dict
        What JSON can say.
    tensors : mapping of str to array
    """

    about: dict[str, Any]
    tensors: Mapping[str, np.ndarray]


def write_file(path: Path, content: Content) -> None:
    """Write a bundle, whole or not at all.

    Raises
    ------
    InputError
        If the path exists or cannot be written.
    """
    refuse_existing(path)
    # One entry, because safetensors writes several in any order.
    header = {"sha256": _digest(content), "about": content.about}
    entry = TARGET_FORMAT if "targets" in content.about else FORMAT
    with replacing(path) as scratch:
        save_file(dict(content.tensors), scratch, {entry: json.dumps(header)})


def read_file(path: Path) -> Content:
    """Read what `write_file` wrote; run nothing in it.

    Raises
    ------
    InputError
        If it is no bundle, or is not what was written: damaged, truncated or changed.
    """
    open_regular(path).close()  # what safetensors would say of a folder or a pipe helps nobody
    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            entry = _entry(path, metadata)
            names = list(file.keys())
            _refuse_kinds(path, {name: file.get_slice(name).get_dtype() for name in names})
            tensors = {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path}: not a bundle, or damaged or truncated ({error}); {AGAIN}"
        ) from error
    header = parse_json(metadata[entry], str(path))
    about = header.get("about")
    if not isinstance(about, dict):
        raise InputError(f"{path}: damaged: says nothing about itself; {AGAIN}")
    content = Content(about, tensors)
    if header.get("sha256") != _digest(content):
        raise InputError(f"{path}: changed since it was made; {AGAIN}")
    return content


def _entry(path: Path, metadata: Mapping[str, str]) -> str:
    """Return the name of the entry of the header in which a bundle says what it is."""
    entries = [name for name in metadata if name.startswith(_FORMATS)]
    if not entries:
        raise InputError(f"{path}: not a bundle: expected a file that ariigcn bundle made")
    if entries[0] not in (FORMAT, TARGET_FORMAT):
        raise InputError(
            f"{path}: is of the format {entries[0]!r:.40}, this program reads {FORMAT} and "
            f"{TARGET_FORMAT}: a later version of it made this bundle; use that one"
        )
    return entries[0]


def _refuse_kinds(path: Path, kinds: Mapping[str, str]) -> None:
    for name, kind in kinds.items():
        if kind not in _KINDS:
            raise InputError(f"{path}: {name} is of type {kind}, expected {', '.join(_KINDS)}")


def _digest(content: Content) -> str:
    """Return the SHA-256 of all that is said and of every number."""
    said = json.dumps(content.about, sort_keys=True)
    digest = hashlib.sha256(said.encode())
    for name, array in sorted(content.tensors.items()):
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
