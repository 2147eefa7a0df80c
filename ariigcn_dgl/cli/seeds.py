"""The seeds of a run folder."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.training.run_spec import read_run_spec


def seed_folders(run: Path) -> list[Path]:
    """Return the folders of all seeds of a run folder, or the one folder if it is a seed's.

    Raises
    ------
    InputError
        If it is no run folder.
    """
    if (run / "run.json").is_file():
        return [run]
    return [run / f"seed{seed}" for seed in read_run_spec(run)["seeds"]]
