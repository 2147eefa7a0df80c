"""Settings against the baseline, by their predictions of the test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ariigcn_dgl.experiments.predictions import TestPredictions
from ariigcn_dgl.experiments.results import Comparison, RowResult
from ariigcn_dgl.experiments.statistics import difference_interval, holm, permutation_p

Key = TypeVar("Key")


def compared(
    rows: Sequence[RowResult], found: Mapping[str, Sequence[TestPredictions]], baseline: str
) -> tuple[RowResult, ...]:
    """Return the rows with their comparison to the baseline, or to the row that they name.

    Seeds that one of the two has not finished are left out of both.

    Parameters
    ----------
    rows : sequence of RowResult
    found : mapping of setting's name to sequence of TestPredictions
        Of its finished seeds.
    baseline : str
        Name of a row.
    """
    tested: dict[str, Comparison] = {}
    for row in rows:
        one = comparison(found.get(row.name, ()), found.get(row.against or baseline, ()))
        if row.name != baseline and one is not None:
            tested[row.name] = one
    finished = corrected(tested)
    return tuple(
        replace(row, comparison=finished[row.name]) if row.name in finished else row for row in rows
    )


def corrected(tested: Mapping[Key, Comparison]) -> dict[Key, Comparison]:
    """Return the comparisons with p-values corrected for all of them (Holm)."""
    p_values = holm([one.p for one in tested.values()])
    return {
        key: replace(one, p_holm=p) for (key, one), p in zip(tested.items(), p_values, strict=True)
    }


def comparison(
    ours: Sequence[TestPredictions], theirs: Sequence[TestPredictions]
) -> Comparison | None:
    """Return the comparison of the seeds that two settings share, not yet corrected.

    None where they share no seed.
    """
    of_seed = [{one.seed: one for one in both} for both in (ours, theirs)]
    seeds = sorted(of_seed[0].keys() & of_seed[1].keys())
    if not seeds:
        return None
    return _compare(*([both[seed] for seed in seeds] for both in of_seed))


def _compare(ours: Sequence[TestPredictions], theirs: Sequence[TestPredictions]) -> Comparison:
    """Return the comparison of the same seeds of two settings, not yet corrected."""
    first, scoring = theirs[0], theirs[0].scoring
    of_seeds = [
        [scoring.compared(one.values, one.decided) for one in both] for both in (ours, theirs)
    ]
    score = of_seeds[0][0][1]
    our_rows, their_rows = (np.stack([adds for adds, _ in both]) for both in of_seeds)
    scores = [np.mean([one.score for one in both]) for both in (ours, theirs)]
    low, high = difference_interval(first.dialogues, our_rows, their_rows, score)
    p = permutation_p(first.dialogues, our_rows, their_rows, score)
    return Comparison(float(scores[0] - scores[1]), low, high, p, p)
