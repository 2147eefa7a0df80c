"""``ariigcn evaluate`` on what no training has scored: other dialogues, or without a modality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say, show
from ariigcn_dgl.cli.tables import classes_table, scores_table, targets_table
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.missing import without_modalities
from ariigcn_dgl.data.source import load_for
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.manifest import refuse_other_extraction
from ariigcn_dgl.files import write_json
from ariigcn_dgl.progress import track
from ariigcn_dgl.training.scoring import Scoring
from ariigcn_dgl.training.small_sample import split_warning
from ariigcn_dgl.training.trained import TrainedRun

AVERAGED, TEST = "averaged", "test"


def other_data(
    run: TrainedRun, data: str, split: str | None, targets: list[str] | None
) -> tuple[Dialogues, str]:
    """Return a data set that a run was not trained on, as the run takes it, and what to call it.

    Parameters
    ----------
    run : TrainedRun
    data : str
        Its path, or "synthetic".
    split : str, optional
        Its dialogues of this split only.
    targets : list of str, optional
        What the run was trained for; where the set has not all of it, what it declares is scored.

    Raises
    ------
    InputError
        If it cannot be read, was extracted otherwise, or does not fit the run.
    """
    found = load_for(data, targets=targets)
    known = [name for name in found.features if name in run.widths]
    if not known:
        raise InputError(
            f"{data}: has {', '.join(found.features)}, but {run.folder.path} was trained with "
            f"{', '.join(run.widths)}"
        )
    refuse_other_extraction(run.folder.path.parent, data, known)
    part = found if split is None else found.part(split)
    adapted = run.adapt(part.with_modalities(known))
    note(f"{data}: is not the data set that the run was trained on ({run.record['dataset']})")
    if split is not None and found.divided:
        note(f"{data}: splits: {found.divided}; --split {split} scores what is {split} of these")
    for name in [m for m in found.features if m not in known]:
        note(f"{data}: its {name} is left out: the run was not trained with it")
    for name in [m for m in run.widths if m not in known]:
        note(f"{data}: has no {name}; treated as missing")
    return adapted, data if split is None else f"{data}, {split}"


def score_set(
    name: str,
    runs: Sequence[TrainedRun],
    dialogues: Dialogues,
    absent: Sequence[str],
    json: str | None,
    data: str | None = None,
) -> None:
    """Score the labelled utterances of some dialogues; show, and write to ``json``, what was found.

    Parameters
    ----------
    name : str
        Of the run, for the title.
    runs : sequence of TrainedRun
        All seeds; of several the mean of their probabilities is scored, too.
    dialogues : Dialogues
    absent : sequence of str
        Modalities to hide; said wherever a score stands.
    json : str or None
        File for the scores.
    data : str, optional
        The data set that the dialogues are, if not the test split of the training.
    """
    scored = TEST if data is None else data
    hidden = without_modalities(dialogues, absent) if absent else dialogues
    part = runs[0].adapt(hidden)
    scoring = runs[0].scoring
    count = int(part.labelled.sum())
    if not scoring.scorable(part):
        raise InputError(f"{dialogues.name}: {scored} has no labels to score")
    with shown("evaluate"):
        said = {str(one.record["seed"]): one.probabilities(part) for one in track(runs, "seeds")}
    of_seeds = [_record(scoring, part, p) for p in said.values()]
    everyone = dict(said)
    if len(runs) > 1:
        everyone[AVERAGED] = np.mean(list(said.values()), axis=0)
    found = {seed: scoring.score(part, p) for seed, p in everyone.items()}
    scores = {seed: one for seed, one in found.items() if one is not None}
    lack = f", {', '.join(absent)} absent" if absent else ""
    title = f"{runs[0].config.system} ({name}) on {dialogues.name}{lack}"
    unit = "percent" if scoring.plain else "accuracies and F1 in percent"
    caption = f"{scored}, {count} labelled utterances; {unit}"
    show(scores_table(scores, title, caption, scoring))
    if not scoring.plain:
        show(targets_table(scoring, of_seeds, f"{scored}, all scores{lack}"))
    if scoring.classes is not None:
        warning = split_warning(scored, part, [scoring.of_classes(p) for p in said.values()])
        if warning:
            say(warning)
        show(classes_table(of_seeds, f"{scored}, per class{lack}"))
    if json is not None:
        about: dict[str, Any] = {"absent": list(absent)} if absent else {}
        about |= {} if data is None else {"data": data, "utterances": count}
        key = TEST if data is None else "scores"
        write_json(json, {seed: about | {key: one.record()} for seed, one in scores.items()})


def _record(scoring: Scoring, part: Dialogues, answers: np.ndarray) -> dict[str, Any]:
    scores = scoring.score(part, answers)
    return {} if scores is None else scores.record()
