"""What a run folder trains, and how: data set, modalities, fold, preset, seeds, device, threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.folds import Fold
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.manifest import AUDIO_ENCODER, MANIFEST, keep_manifest
from ariigcn_dgl.files import read_json, write_json
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import is_sealed, lost, seal, unseal, verify
from ariigcn_dgl.training.records import PlanRecord
from ariigcn_dgl.training.run_config import CONFIG_FILE, RunConfig, read_config, write_config

PLAN_FILE = "train.json"
# What a plan that does not say otherwise means.
USUAL = {
    "modalities": None,
    "fold": None,
    "cuda_graphs": False,
    "threads": 1,
    "environment": {},
}


def write_plan(run: Path, plan: dict[str, Any], config: RunConfig) -> None:
    """Write into a folder all that decides a run, and seal it.

    Parameters
    ----------
    run : Path
        A folder, new or of a run that is to begin anew.
    plan : dict
        As of `read_plan`.
    config : RunConfig
        Resolved for the data set.
    """
    unseal(run)
    write_config(run / CONFIG_FILE, config)
    write_json(run / PLAN_FILE, plan)
    keep_manifest(plan["data"], run)
    extracted = [name for name in (MANIFEST, AUDIO_ENCODER) if (run / name).is_file()]
    seal(run, [CONFIG_FILE, PLAN_FILE, *extracted])


def read_plan(run: Path) -> dict[str, Any]:
    """Read the plan of a run folder; without `modalities` all are used, without `fold` the splits.

    Raises
    ------
    InputError
        If it is no run folder, or its plan is damaged.
    """
    if not (run / PLAN_FILE).is_file() and PLAN_FILE not in lost(run):
        raise InputError(f"{run}: not a run folder (no {PLAN_FILE}): expected what --out named")
    if not is_sealed(run):
        raise InputError(
            f"{run}: has no seal.json: another version of this program made it, or a file was "
            "lost; use that version, or train again"
        )
    _verify(run / PLAN_FILE)
    return USUAL | conform(read_json(run / PLAN_FILE), PlanRecord, str(run / PLAN_FILE))


def read_settings(run: Path) -> RunConfig:
    """Read the settings of a run folder.

    Raises
    ------
    InputError
        If they are damaged, or not those that it was begun with.
    """
    if is_sealed(run):
        _verify(run / CONFIG_FILE)
    return read_config(run / CONFIG_FILE)


def _verify(path: Path) -> None:
    verify(path, f"put the right file there, or delete {path.parent} and train again")


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
