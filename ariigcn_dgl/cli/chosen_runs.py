"""The seeds of a run folder that ``--seed`` names, or all."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.seeds import seed_folders
from ariigcn_dgl.training.trained import TrainedRun


def chosen_runs(run: Path, seed: int | None, device: str = "cpu") -> list[TrainedRun]:
    """Return all seeds of a run folder, or the one that is named."""
    runs = [TrainedRun(folder, device) for folder in seed_folders(run)]
    chosen = [run for run in runs if seed in (None, run.record["seed"])]
    if chosen:
        return chosen
    found = ", ".join(str(run.record["seed"]) for run in runs)
    raise InputError(f"--seed {seed}: {run} has no such seed, it has {found}")


def best_run(runs: list[TrainedRun]) -> TrainedRun:
    """Return the one with the best validation score."""
    return max(runs, key=lambda one: one.scoring.merit(one.record["val"]))
