"""Settings tested once more without each of their modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ariigcn_dgl.experiments.compare import comparison, corrected
from ariigcn_dgl.experiments.predictions import TestPredictions
from ariigcn_dgl.experiments.results import Absence, Comparison, RowResult
from ariigcn_dgl.experiments.row_result import Part
from ariigcn_dgl.training.scoring import Scoring


def with_absences(
    rows: Sequence[RowResult],
    parts: Mapping[str, Sequence[Part]],
    baseline: str,
    scoring: Scoring,
) -> tuple[RowResult, ...]:
    """Return the rows with their scores without each modality, nothing trained again.

    Every setting is compared with the baseline that lacks the same modality; p-values are corrected
    for all comparisons of all modalities.

    Parameters
    ----------
    rows : sequence of RowResult
    parts : mapping of setting's name to sequence of Part
        The setting in every fold.
    baseline : str
        Name of a row.
    scoring : Scoring
        Of the study.
    """
    found = {
        (row.name, modality): _predictions(parts[row.name], modality, scoring)
        for row in rows
        for modality in (row.modalities if len(row.modalities) > 1 else ())
    }
    compared = {
        (name, modality): comparison(ours, found.get((baseline, modality), ()))
        for (name, modality), ours in found.items()
        if name != baseline
    }
    finished = corrected({key: one for key, one in compared.items() if one is not None})
    return tuple(replace(row, absences=_absences(row, found, finished)) for row in rows)


def _absences(
    row: RowResult,
    found: Mapping[tuple[str, str], Sequence[TestPredictions]],
    compared: Mapping[tuple[str, str], Comparison],
) -> tuple[Absence, ...]:
    return tuple(
        Absence(
            modality,
            tuple(one.seed for one in seeds),
            tuple(one.scores.record() for one in seeds),
            compared.get((name, modality)),
        )
        for (name, modality), seeds in found.items()
        if name == row.name and seeds
    )


def _predictions(parts: Sequence[Part], modality: str, scoring: Scoring) -> list[TestPredictions]:
    """Return what each finished seed says without a modality, of the test splits of all folds."""
    tests = [part.row.dialogues.part("test") for part in parts]
    found = []
    for runs in zip(*(part.seeds for part in parts), strict=False):  # no seeds: a problem
        if all(run.status == "done" for run in runs):
            of_folds = zip(runs, tests, strict=True)
            without = [
                TestPredictions.without(run, scoring, modality, test) for run, test in of_folds
            ]
            found.append(TestPredictions.pooled(without))
    return found
