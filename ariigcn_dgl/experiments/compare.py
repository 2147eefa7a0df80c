"""Settings against the baseline, by their predictions of the test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ariigcn_dgl.experiments.predictions import TestPredictions
from ariigcn_dgl.experiments.results import Comparison, RowResult
from ariigcn_dgl.experiments.statistics import holm, permutation_p


def compared(
    rows: Sequence[RowResult], found: Mapping[str, Sequence[TestPredictions]], baseline: str
) -> tuple[RowResult, ...]:
    """Return the rows with their comparison to the baseline.

    Seeds that one of the two has not finished are left out of both.

    Parameters
    ----------
    rows : sequence of RowResult
    found : mapping of setting's name to sequence of TestPredictions
        Of its finished seeds.
    baseline : str
        Name of a row.
    """
    theirs = {one.seed: one for one in found.get(baseline, ())}
    tested: dict[str, tuple[float, float]] = {}
    for row in rows:
        ours = {one.seed: one for one in found.get(row.name, ())}
        seeds = sorted(ours.keys() & theirs.keys())
        if row.name == baseline or not seeds:
            continue
        first = theirs[seeds[0]]
        p = permutation_p(
            first.labels,
            np.unique(first.dialogues, return_inverse=True)[1],
            np.stack([ours[seed].classes for seed in seeds]),
            np.stack([theirs[seed].classes for seed in seeds]),
        )
        scores = [[one[s].scores.weighted_f1 for s in seeds] for one in (ours, theirs)]
        difference = np.subtract(*scores).mean()
        tested[row.name] = float(difference), p
    corrected = dict(zip(tested, holm([p for _, p in tested.values()]), strict=True))
    return tuple(
        replace(row, comparison=Comparison(*tested[row.name], corrected[row.name]))
        if row.name in tested
        else row
        for row in rows
    )
