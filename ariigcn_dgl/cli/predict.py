"""``ariigcn predict``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ariigcn_dgl.cli.predict_stream import answers
from ariigcn_dgl.cli.seeds import seed_folders
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.run_folder import write_predictions
from ariigcn_dgl.training.trained import TrainedRun


def predict(
    run: str,
    data: str | None = None,
    out: str | None = None,
    seed: int | None = None,
    modalities: list[str] | None = None,
    stream: bool = False,
) -> None:
    """Label dialogues, with or without known labels: one JSON line per utterance.

    With --data DATA --out FILE a data set is labelled. With --stream each line of the standard
    input is answered on the standard output before the next is read, for conversations that are
    still going on: the run must have been trained with --model.causal true. A line is
    {"dialogue": "d1", "speaker": "Ann", "features": {"text": [0.1, ...], "audio": [...]}}, with
    any of the trained modalities; a line that cannot be used is answered with its number and the
    error, and counts as not said.

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
    modalities : list of {"text", "audio", "visual"}
        Use these only; default: all that are there. The others count as missing.
    stream : bool
        Answer the standard input line by line.
    """
    if stream == (data is not None):
        raise InputError("give either --data with --out, or --stream")
    if stream:
        _predict_stream(run, seed)
    elif out is None:
        raise InputError("--data: needs --out, the file to write")
    else:
        _predict_data(run, data, Path(out), seed, modalities)


def _predict_data(
    run: str, data: str, out: Path, seed: int | None, modalities: list[str] | None
) -> None:
    if out.exists():
        raise InputError(f"{out}: exists already; choose another name or remove it first")
    trained = _choose(run, seed)
    source = load_source(data, modalities)
    dialogues = trained.adapt(source)
    for modality in [m for m in trained.widths if m not in source.widths]:
        print(f"{data}: has no {modality}; treated as missing", file=sys.stderr)
    write_predictions(out, dialogues, trained.probabilities(dialogues), trained.label_names)
    used = ", ".join(source.widths)
    print(f"{dialogues.num_utterances} utterances labelled, from {used}: {out}")


def _predict_stream(run: str, seed: int | None) -> None:
    lines = refused = 0
    for answer in answers(_choose(run, seed), sys.stdin.buffer):
        print(json.dumps(answer, ensure_ascii=False), flush=True)
        lines += 1
        refused += "error" in answer
    if refused:
        raise InputError(f"{refused} of {lines} lines were not used; see the errors in the answers")


def _choose(name: str, seed: int | None) -> TrainedRun:
    """Return the run of one seed of a run folder."""
    runs = [TrainedRun(folder) for folder in seed_folders(Path(name))]
    if seed is None:
        return max(runs, key=lambda run: run.record["val"]["weighted_f1"])
    for run in runs:
        if run.record["seed"] == seed:
            return run
    found = ", ".join(str(run.record["seed"]) for run in runs)
    raise InputError(f"--seed {seed}: {name} has no such seed, it has {found}")
