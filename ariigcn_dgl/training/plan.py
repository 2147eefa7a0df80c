"""What a run folder trains: data set, its hash, modalities, preset, seeds and device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_json

PLAN_FILE = "train.json"
PLAN_KEYS = ("data", "dataset_sha256", "preset", "seeds", "device")


def read_plan(run: Path) -> dict[str, Any]:
    """Read the plan of a run folder; without `modalities` in it, all are used.

    Raises
    ------
    InputError
        If it is no run folder, or its plan is damaged.
    """
    if not (run / PLAN_FILE).is_file():
        raise InputError(f"{run}: not a run folder (no {PLAN_FILE}): expected what --out named")
    return {"modalities": None} | read_json(run / PLAN_FILE, keys=PLAN_KEYS)
