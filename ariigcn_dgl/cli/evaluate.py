"""``ariigcn evaluate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from ariigcn_dgl.cli.seeds import seed_folders
from ariigcn_dgl.cli.tables import classes_table, seeds_table
from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import write_json
from ariigcn_dgl.training.plan import planned_dialogues, read_plan
from ariigcn_dgl.training.predict import score_probabilities
from ariigcn_dgl.training.trained import TrainedRun


def evaluate(run: str, data: str | None = None, json: str | None = None) -> None:
    """Score a trained run again, from its weights: exactly the scores that training printed.

    Parameters
    ----------
    run : str
        Run folder, or the folder of one of its seeds.
    data : str
        Where the data set of the training lies now; default: where it was.
    json : str
        Also write the scores to this file.
    """
    folders = seed_folders(Path(run))
    plan = read_plan(folders[0].parent)
    source = data or plan["data"]
    dialogues = planned_dialogues(plan, source)
    found = fingerprint(dialogues)
    results = {}
    for folder in folders:
        trained = TrainedRun(folder)
        if found != trained.record["dataset_sha256"]:
            raise InputError(
                f"{source}: is not the data set that {folder} was trained on "
                f"({trained.record['dataset']}): to label other dialogues use ariigcn predict"
            )
        results[trained.record["seed"]] = trained.record | _scores(trained, dialogues)
    console = Console()
    console.print(seeds_table(results, f"{trained.config.system} ({run}) on {dialogues.name}"))
    console.print(classes_table([r["test"] for r in results.values()], "test, per class"))
    if json is not None:
        write_json(json, {str(seed): result for seed, result in results.items()})


def _scores(trained: TrainedRun, dialogues: Dialogues) -> dict[Literal["val", "test"], Any]:
    scores = {}
    for split in ("val", "test"):
        part = trained.adapt(dialogues.select(dialogues.indices(split)))
        probabilities = trained.probabilities(part)
        scores[split] = asdict(score_probabilities(part, probabilities, part.label_names))
    return scores
