"""What a folder holds: its bits but for times, half-written files, what was left behind."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ariigcn_dgl.files import SCRATCH
from ariigcn_dgl.seal import SEAL_FILE, sealed
from ariigcn_dgl.training.checkpoint import read_checkpoint

TIMES = "seconds"


def content(folder: Path) -> dict[str, str]:
    """Return a hash of each file, by its name in the folder, and "folder" of each folder.

    Times that something took are left out; of a seal, which hashes them too, the names remain.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = "folder" if path.is_dir() else hashlib.sha256(_bits(path)).hexdigest()
    return found


def _bits(path: Path) -> bytes:
    if path.name == SEAL_FILE:
        return json.dumps(sorted(sealed(path.parent))).encode()
    if path.suffix == ".json":
        return json.dumps(_without_times(json.loads(path.read_text()))).encode()
    if path.name == "results.csv":
        rows = csv.DictReader(io.StringIO(path.read_text()))
        return repr([{k: v for k, v in row.items() if k != TIMES} for row in rows]).encode()
    return path.read_bytes()


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k != TIMES}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


def scratches(folder: Path) -> list[str]:
    """Return the hidden files and folders of processes that were stopped while they wrote."""
    found = (path for path in folder.rglob("*") if SCRATCH.fullmatch(path.name))
    return [str(path.relative_to(folder)) for path in found]


def half_written(folder: Path) -> list[str]:
    """Return the files under their final names that end too early."""
    final = (p for p in folder.rglob("*") if p.is_file() and not _in_scratch(p, folder))
    return [str(path.relative_to(folder)) for path in final if not _whole(path)]


def _in_scratch(path: Path, folder: Path) -> bool:
    return any(SCRATCH.fullmatch(part) for part in path.relative_to(folder).parts)


def _whole(path: Path) -> bool:
    try:
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".jsonl":
            text = path.read_text()
            [json.loads(line) for line in text.splitlines()]
            return not text or text.endswith("\n")
        elif path.suffix == ".safetensors":
            with safe_open(path, "numpy"):
                pass
        elif path.suffix == ".pt":
            read_checkpoint(path)
    except (ValueError, SafetensorError):
        return False
    return True
