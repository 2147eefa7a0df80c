"""The seeds of a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_json

PLAN_FILE = "train.json"
PLAN_KEYS = ("data", "dataset_sha256", "preset", "seeds", "device")


def seed_folders(run: Path) -> list[Path]:
    """Return the folders of all seeds of a run folder, or the one folder if it is a seed's.

    Raises
    ------
    InputError
        If it is no run folder.
    """
    if (run / "run.json").is_file():
        return [run]
    return [run / f"seed{seed}" for seed in read_plan(run)["seeds"]]


def read_plan(run: Path) -> dict[str, Any]:
    """Read what a run folder trains: data set, its hash, preset, seeds and device.

    Raises
    ------
    InputError
        If it is no run folder, or its plan is damaged.
    """
    if not (run / PLAN_FILE).is_file():
        raise InputError(f"{run}: not a run folder (no {PLAN_FILE}): expected what --out named")
    return read_json(run / PLAN_FILE, keys=PLAN_KEYS)
