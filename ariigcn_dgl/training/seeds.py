"""Seeds: those that --seeds names, and those of a run folder with their summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import command
from ariigcn_dgl.files import write_json
from ariigcn_dgl.seal import gone, lost, seal
from ariigcn_dgl.training.metrics import HEADLINE
from ariigcn_dgl.training.run_folder import LARGEST_SEED, way_out
from ariigcn_dgl.training.run_spec import read_run_spec

SUMMARY_FILE = "summary.json"
_RECORD = "run.json"


def check_seeds(seeds: Sequence[int]) -> None:
    """Raise `InputError` unless these are different seeds, at least one.

    Examples
    --------
    >>> check_seeds([0, 0])
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --seeds 0 0: expected different numbers from 0 to 4294967295
    """
    different = seeds and len(set(seeds)) == len(seeds)
    if not different or min(seeds) < 0 or max(seeds) > LARGEST_SEED:
        found = " ".join(map(str, seeds))
        raise InputError(f"--seeds {found}: expected different numbers from 0 to {LARGEST_SEED}")


def seed_folders(run: Path) -> list[Path]:
    """Return the folders of all seeds of a run folder, or the one folder if it is a seed's.

    Raises
    ------
    InputError
        If it is no run folder, or a file that was sealed in it is gone.
    """
    if (run / _RECORD).is_file() or _RECORD in lost(run):
        _refuse_lost(run.parent)
        return [run]
    _refuse_lost(run)
    return [run / f"seed{seed}" for seed in read_run_spec(run)["seeds"]]


def _refuse_lost(run: Path) -> None:
    for name in lost(run):
        again = f"write it again with: {command(['ariigcn', 'train', '--resume', str(run)])}"
        raise gone(run / name, again if name == SUMMARY_FILE else way_out(run))


def write_summary(run: Path, records: Mapping[int, Mapping[str, Any]]) -> None:
    """Write the main scores of all seeds of a run folder; `records` are their ``run.json``."""
    write_json(run / SUMMARY_FILE, {str(seed): _summary(one) for seed, one in records.items()})
    seal(run, [SUMMARY_FILE])


def _summary(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "best_epoch": record["best_epoch"],
        "seconds": record["seconds"],
        **{
            split: {name: record[split][name] for name in HEADLINE}
            for split in ("val", "test")
            if record[split]
        },
    }
