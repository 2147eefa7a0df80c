"""Seeds: those that --seeds names, and those of a run folder with their summary."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import write_json
from ariigcn_dgl.seal import gone, lost, seal
from ariigcn_dgl.training.run_folder import RUN_FILE, resume_command, way_out
from ariigcn_dgl.training.run_record import LARGEST_SEED
from ariigcn_dgl.training.run_spec import read_run_spec
from ariigcn_dgl.training.scoring import flat

SUMMARY_FILE = "summary.json"


def check_seeds(seeds: Sequence[int]) -> list[int]:
    """Return seeds as numbers of Python; InputError unless they are different, at least one.

    Examples
    --------
    >>> check_seeds(range(2))
    [0, 1]
    >>> check_seeds([0, 0])
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --seeds 0 0: expected different numbers from 0 to 4294967295
    """
    try:
        plain = [operator.index(seed) for seed in seeds if not isinstance(seed, bool)]
    except TypeError:  # no whole numbers, or nothing that could hold some
        plain = []
    different = plain and len(set(plain)) == len(seeds)
    if not different or min(plain) < 0 or max(plain) > LARGEST_SEED:
        found = " ".join(map(str, seeds)) if isinstance(seeds, Iterable) else seeds
        raise InputError(f"--seeds {found}: expected different numbers from 0 to {LARGEST_SEED}")
    return plain


def seed_folders(run: Path) -> list[Path]:
    """Return the folders of all seeds of a run folder, or the one folder if it is a seed's.

    Raises
    ------
    InputError
        If it is no run folder, or a file that was sealed in it is gone.
    """
    if (run / RUN_FILE).is_file() or RUN_FILE in lost(run):
        _refuse_lost(run.parent)
        return [run]
    _refuse_lost(run)
    return [run / f"seed{seed}" for seed in read_run_spec(run)["seeds"]]


def _refuse_lost(run: Path) -> None:
    for name in lost(run):
        again = f"write it again with: {resume_command(run)}"
        raise gone(run / name, again if name == SUMMARY_FILE else way_out(run))


def write_summary(run: Path, records: Mapping[int, Mapping[str, Any]]) -> None:
    """Write the main scores of all seeds of a run folder; `records` are their ``run.json``."""
    write_json(run / SUMMARY_FILE, {str(seed): _summary(one) for seed, one in records.items()})
    seal(run, [SUMMARY_FILE])


def _summary(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "best_epoch": record["best_epoch"],
        "seconds": record["seconds"],
        **{split: flat(record[split]) for split in ("val", "test") if record[split]},
    }
