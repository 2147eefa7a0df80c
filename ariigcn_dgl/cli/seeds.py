"""The seeds of a run folder."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_json


def seed_folders(run: Path) -> list[Path]:
    """Return the folders of all seeds of a run folder, or the one folder if it is a seed's.

    Raises
    ------
    InputError
        If it is no run folder.
    """
    if (run / "run.json").is_file():
        return [run]
    if not (run / "train.json").is_file():
        raise InputError(f"{run}: not a run folder (no train.json): expected what --out named")
    return [run / f"seed{seed}" for seed in read_json(run / "train.json")["seeds"]]
