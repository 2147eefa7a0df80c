"""``ariigcn evaluate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ariigcn_dgl.bundle.opened import opened
from ariigcn_dgl.cli.evaluate_set import AVERAGED, other_data, score_set
from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say, show
from ariigcn_dgl.cli.tables import (
    calibration_table,
    classes_table,
    coverage_table,
    seeds_table,
    targets_table,
)
from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.device import check_device
from ariigcn_dgl.environment import differences
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import refuse_no_place, write_json
from ariigcn_dgl.plugins import differences as package_differences
from ariigcn_dgl.progress import track
from ariigcn_dgl.training.abstain import risk_coverage
from ariigcn_dgl.training.calibration import calibration_errors
from ariigcn_dgl.training.floors import floors
from ariigcn_dgl.training.predict import labelled
from ariigcn_dgl.training.protocol import conducted
from ariigcn_dgl.training.run_spec import RunSpec, load_run_data, read_run_spec
from ariigcn_dgl.training.scoring import Scoring, flat
from ariigcn_dgl.training.seeds import seed_folders
from ariigcn_dgl.training.small_sample import split_warning
from ariigcn_dgl.training.trained import TrainedRun

CPU = "cpu"
Said = Mapping[str, np.ndarray]  # answers by split


def evaluate(
    run: str,
    data: str | None = None,
    json: str | None = None,
    device: str = "cpu",
    absent: list[str] | None = None,
    split: Literal["train", "val", "test"] | None = None,
) -> None:
    """Score a trained run again, from its weights: exactly the scores that training printed.

    Of several seeds the mean of their probabilities is scored as well: what predict answers. Also
    shows how far confidence and accuracy are apart on test (expected calibration error), before
    and after the temperature, and what leaving open the least sure utterances is worth
    (predict --coverage). Ends with code 2 where the scores are not those that training recorded.

    --data OTHER scores the labelled utterances of another data set of the same classes. Modalities
    that the run was not trained with are left out of it; what it lacks counts as missing.

    Parameters
    ----------
    run : str
        Run folder, the folder of one of its seeds, or a bundle, whose data set is to be named.
    data : str
        Where the data set of the training lies now, or another one; default: where it was.
    json : str
        Also write the scores to this file.
    device : str
        Where to compute: cpu, cuda, cuda:1 ... Another than that of the training rounds otherwise,
        which may turn a close decision.
    absent : list of {"text", "audio", "visual"}
        Score the test split alone, with these modalities hidden from all of it, as if no recording
        had them; how that is filled, the training has decided (--training.missing).
    split : {"train", "val", "test"}
        Of another data set: score these dialogues; default: all.
    """
    check_device(device)
    if json is not None:
        refuse_no_place(json)
    with opened(run, note=note) as folder:
        _evaluate(run, seed_folders(folder), data, json, device, absent, split)


def _evaluate(
    run: str,
    folders: Sequence[Path],
    data: str | None,
    json: str | None,
    device: str,
    absent: list[str] | None,
    split: str | None,
) -> None:
    spec = read_run_spec(folders[0].parent)
    torch.set_num_threads(spec["threads"])  # another number rounds otherwise
    runs = [TrainedRun(folder, device) for folder in folders]
    own = _own_data(spec, data, runs)
    if own is None:
        other, name = other_data(runs[0], str(data), split, spec["targets"])
        for sentence in runs[0].doubts(other):
            note(sentence)
        score_set(run, runs, other, absent or [], json, name)
        return
    if split is not None:
        raise InputError(
            f"--split {split}: is for another data set; of the training's own, val and test are "
            "scored"
        )
    if absent:
        score_set(run, runs, own.part("test"), absent, json)
        return
    _score_again(run, runs, spec, own, json, device)


def _score_again(
    run: str,
    runs: Sequence[TrainedRun],
    spec: RunSpec,
    dialogues: Dialogues,
    json: str | None,
    device: str,
) -> None:
    """Score what the runs were trained on, and compare with what training recorded."""
    splits = {s: dialogues.part(s) for s in ("val", "test")}
    scoring = runs[0].scoring
    adapted = {s: runs[0].adapt(x) for s, x in splits.items() if x.num_dialogues}
    parts = {s: x for s, x in adapted.items() if scoring.scorable(x)}
    with shown("evaluate"):
        raw = [
            {s: one.uncalibrated(part) for s, part in parts.items()} for one in track(runs, "seeds")
        ]
    said = [
        {s: scoring.calibrated(p, one.temperature) for s, p in own.items()}
        for one, own in zip(runs, raw, strict=True)
    ]
    results = {
        one.record["seed"]: one.record
        | _scores(scoring, parts, after)
        | _calibration(scoring, parts, before, after, {"temperature": one.temperature})
        for one, before, after in zip(runs, raw, said, strict=True)
    }
    mean_raw, mean = _mean(raw), _mean(said)
    averaged = None
    if len(runs) > 1:
        averaged = _scores(scoring, parts, mean)
        averaged |= _calibration(scoring, parts, mean_raw, mean, {})
    title = f"{runs[0].config.system} ({run}) on {dialogues.name}"
    how = conducted(runs[0].config, spec, results)
    show(seeds_table(results, title, how, averaged, runs[0].config.training.metric))
    for split, part in parts.items() if scoring.classes is not None else ():
        sentence = split_warning(split, part, [scoring.of_classes(own[split]) for own in raw])
        if sentence:
            say(sentence)
    if "test" in parts:
        tests = [r["test"] for r in results.values()]
        if spec["targets"] or not scoring.plain:
            found = floors(dialogues, scoring, runs[0].config.training.label_share)
            show(targets_table(scoring, tests, "test, all scores", found))
        if scoring.classes is not None:
            _show_classes(scoring, parts, tests, results, averaged, mean)
    else:
        print("the test split has no labels: nothing could be scored on it")
    if json is not None:
        together = {} if averaged is None else {AVERAGED: averaged}
        write_json(json, {str(seed): result for seed, result in results.items()} | together)
    for one in runs:
        _compare(one, results[one.record["seed"]], device)


def _show_classes(
    scoring: Scoring,
    parts: Mapping[str, Dialogues],
    tests: Sequence[Mapping[str, Any]],
    results: Mapping[int, Mapping[str, Any]],
    averaged: Mapping[str, Any] | None,
    mean: Said,
) -> None:
    """Show of the classes each one's scores, the calibration, and what answering less is worth."""
    show(classes_table(tests, "test, per class"))
    calibration = averaged and averaged["calibration"]
    show(calibration_table(results, "test, calibration", calibration))
    val, test = (labelled(parts[s], scoring.of_classes(mean[s])) for s in ("val", "test"))
    rows = risk_coverage(val, test, scoring.classes.names if scoring.classes else ())
    by = f", mean of {len(results)} seeds" if len(results) > 1 else ""
    show(coverage_table(rows, f"test, by predict --coverage{by}"))


def _own_data(spec: RunSpec, data: str | None, runs: Sequence[TrainedRun]) -> Dialogues | None:
    """Return what the runs were trained on; None where --data names another data set.

    Raises
    ------
    InputError
        If the data set has changed where it was, or cannot be read there.
    """
    try:
        dialogues = load_run_data(spec, data)
    except InputError as error:
        if data is None:
            raise InputError(f"{error}; if it lies elsewhere now, name it with --data") from error
        return None  # without a modality, or too small for the folds: that of the training is not
    found = fingerprint(dialogues)
    others = [one.folder.path for one in runs if found != one.record["dataset_sha256"]]
    if others and data is None:
        raise InputError(
            f"{spec['data']}: has changed since {others[0]} was trained on it; to score the run on "
            "what it is now, name it with --data"
        )
    return None if others else dialogues


def _compare(run: TrainedRun, result: Mapping[str, Any], device: str) -> None:
    """Say where scores are not those that training recorded, and what may be the reason.

    Raises
    ------
    InputError
        If they differ though the device has not been chosen.
    """
    if run.scoring.classes is not None and "calibration" not in run.record:
        note(
            f"{run.folder.path}: was trained by a version that chose no temperature, so nothing is "
            "calibrated: train it again"
        )
    plugins = read_run_spec(run.folder.path.parent)["plugins"]
    changed = "; ".join(
        filter(None, [differences(run.record["environment"]), package_differences(plugins)])
    )
    if changed:
        note(f"{run.folder.path}: was trained with {changed}")
    different = [split for split in ("val", "test") if result[split] != run.record[split]]
    if not different:
        return
    scoring = run.scoring
    pairs = [
        f"{split} {scoring.title} {flat(result[split])[scoring.metric]:.4f}, recorded "
        f"{flat(run.record[split])[scoring.metric]:.4f}"
        for split in different
    ]
    sentence = (
        f"{run.folder.path}: the scores are not those that training recorded: {'; '.join(pairs)}"
    )
    if device == CPU:  # where they were recorded
        raise InputError(sentence)
    note(f"{sentence} on the CPU")


def _mean(said: Sequence[Said]) -> dict[str, np.ndarray]:
    return {split: np.mean([own[split] for own in said], axis=0) for split in said[0]}


def _calibration(
    scoring: Scoring,
    parts: Mapping[str, Dialogues],
    before: Said,
    after: Said,
    about: dict[str, Any],
) -> dict[str, Any]:
    """Return the errors of the class probabilities as ``run.json`` has them; nothing of others."""
    if scoring.classes is None:
        return {}
    found = dict(about)
    for split, part in parts.items():
        own = labelled(part, scoring.of_classes(before[split]))[0]
        found[split] = calibration_errors(own, *labelled(part, scoring.of_classes(after[split])))
    return {"calibration": found}


def _scores(
    scoring: Scoring, parts: Mapping[str, Dialogues], answers: Said
) -> dict[str, dict[str, Any]]:
    found = {split: scoring.score(part, answers[split]) for split, part in parts.items()}
    return {split: scores.record() for split, scores in found.items() if scores is not None}
