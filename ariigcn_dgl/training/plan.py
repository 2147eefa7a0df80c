"""What a run folder trains: data set, its hash, modalities, fold, preset, seeds and device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.folds import Fold
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_json

PLAN_FILE = "train.json"
PLAN_KEYS = ("data", "dataset_sha256", "preset", "seeds", "device")


def read_plan(run: Path) -> dict[str, Any]:
    """Read the plan of a run folder; without `modalities` all are used, without `fold` the splits.

    Raises
    ------
    InputError
        If it is no run folder, or its plan is damaged.
    """
    if not (run / PLAN_FILE).is_file():
        raise InputError(f"{run}: not a run folder (no {PLAN_FILE}): expected what --out named")
    return {"modalities": None, "fold": None} | read_json(run / PLAN_FILE, keys=PLAN_KEYS)


def planned_dialogues(plan: dict[str, Any], source: str | None = None) -> Dialogues:
    """Return the dialogues that a plan trains and tests on.

    Parameters
    ----------
    plan : dict
        What `read_plan` returned.
    source : str, optional
        Where the data set lies now; default: where it was.
    """
    fold = None if plan["fold"] is None else Fold(**plan["fold"])
    return load_source(source or plan["data"], plan["modalities"], fold)
