"""``ariigcn evaluate``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.cli.device import check_device
from ariigcn_dgl.cli.say import show
from ariigcn_dgl.cli.seeds import seed_folders
from ariigcn_dgl.cli.tables import classes_table, seeds_table
from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import write_json
from ariigcn_dgl.training.plan import planned_dialogues, read_plan
from ariigcn_dgl.training.predict import score_probabilities
from ariigcn_dgl.training.trained import TrainedRun


def evaluate(
    run: str, data: str | None = None, json: str | None = None, device: str = "cpu"
) -> None:
    """Score a trained run again, from its weights: exactly the scores that training printed.

    Of several seeds the mean of their probabilities is scored as well: what predict answers.

    Parameters
    ----------
    run : str
        Run folder, or the folder of one of its seeds.
    data : str
        Where the data set of the training lies now; default: where it was.
    json : str
        Also write the scores to this file.
    device : str
        Where to compute: cpu, cuda, cuda:1 ... Another than that of the training rounds otherwise,
        which may turn a close decision.
    """
    check_device(device)
    folders = seed_folders(Path(run))
    plan = read_plan(folders[0].parent)
    source = data or plan["data"]
    dialogues = planned_dialogues(plan, source)
    found = fingerprint(dialogues)
    runs = [TrainedRun(folder, device) for folder in folders]
    for one in runs:
        if found != one.record["dataset_sha256"]:
            raise InputError(
                f"{source}: is not the data set that {one.folder.path} was trained on "
                f"({one.record['dataset']}): to label other dialogues use ariigcn predict"
            )
    splits = {s: dialogues.select(dialogues.indices(s)) for s in ("val", "test")}
    parts = {s: runs[0].adapt(x) for s, x in splits.items() if (x.labels >= 0).any()}
    said = [{s: one.probabilities(part) for s, part in parts.items()} for one in runs]
    results = {
        one.record["seed"]: one.record | _scores(parts, own)
        for one, own in zip(runs, said, strict=True)
    }
    mean = {s: np.mean([own[s] for own in said], axis=0) for s in parts}
    averaged = _scores(parts, mean) if len(runs) > 1 else None
    title = f"{runs[0].config.system} ({run}) on {dialogues.name}"
    show(seeds_table(results, title, averaged))
    if "test" in parts:
        show(classes_table([r["test"] for r in results.values()], "test, per class"))
    else:
        print("the test split has no labels: nothing could be scored on it")
    if json is not None:
        together = {} if averaged is None else {"averaged": averaged}
        write_json(json, {str(seed): result for seed, result in results.items()} | together)


def _scores(
    parts: Mapping[str, Dialogues], probabilities: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    return {
        split: asdict(score_probabilities(part, probabilities[split], part.label_names))
        for split, part in parts.items()
    }
