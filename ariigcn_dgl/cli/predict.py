"""``ariigcn predict``."""

from __future__ import annotations

import sys
from pathlib import Path

from ariigcn_dgl.cli.seeds import seed_folders
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.run_folder import write_predictions
from ariigcn_dgl.training.trained import TrainedRun


def predict(run: str, data: str, out: str, seed: int | None = None) -> None:
    """Label dialogues, with or without known labels: one JSON line per utterance.

    Parameters
    ----------
    run : str
        Run folder, or the folder of one of its seeds.
    data : str
        The dialogues (see: ariigcn data check --help); all splits are labelled.
    out : str
        New file of JSON lines: dialogue, utterance, speaker, label, prediction, probabilities.
    seed : int
        Which seed's model; default: the one with the best validation score.
    """
    if Path(out).exists():
        raise InputError(f"{out}: exists already; choose another name or remove it first")
    trained = _choose([TrainedRun(folder) for folder in seed_folders(Path(run))], seed, run)
    source = load_source(data)
    dialogues = trained.adapt(source)
    for modality in trained.widths.keys() - source.widths.keys():
        print(f"{data}: has no {modality}; treated as missing", file=sys.stderr)
    write_predictions(Path(out), dialogues, trained.probabilities(dialogues), trained.label_names)
    print(f"{dialogues.num_utterances} utterances labelled: {out}")


def _choose(runs: list[TrainedRun], seed: int | None, name: str) -> TrainedRun:
    if seed is None:
        return max(runs, key=lambda run: run.record["val"]["weighted_f1"])
    for run in runs:
        if run.record["seed"] == seed:
            return run
    found = ", ".join(str(run.record["seed"]) for run in runs)
    raise InputError(f"--seed {seed}: {name} has no such seed, it has {found}")
