"""What runs found, in a sentence for each test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ariigcn_dgl.experiments.statistics import Summary
from ariigcn_dgl.report.page import isolated
from ariigcn_dgl.report.run_files import RunFiles
from ariigcn_dgl.report.scores import Headline, classes, confusion
from ariigcn_dgl.report.together import Difference, Group


def findings(
    runs: Sequence[RunFiles], headlines: Sequence[Headline], groups: Sequence[Group]
) -> list[str]:
    """Return a sentence for each group of runs that were tested on the same utterances.

    Parameters
    ----------
    runs : sequence of RunFiles
    headlines : sequence of Headline
        Of the runs.
    groups : sequence of Group
    """
    return [
        _one(runs[group.places[0]], headlines[group.places[0]])
        if len(group.places) == 1
        else _several(
            [runs[place] for place in group.places],
            [headlines[place].test[0] for place in group.places],
            group,
        )
        for group in groups
    ]


def _one(run: RunFiles, headline: Headline) -> str:
    tested = run.seeds[0].predictions
    system = isolated(run.record.get("system", run.name))
    return (
        f"{system} reaches a weighted F1 of {_score(headline.test[0])} on {len(tested.labels):,} "
        f"utterances of {_dialogues(tested.dialogues)} of {isolated(run.record['dataset'])}"
        f"{_by_class(run)}."
    )


def _by_class(run: RunFiles) -> str:
    """Say which class it tells best and worst, and what it takes the worst for."""
    rows = [row for row in classes(run) if row["support"]]
    if len(rows) < 2:
        return ""
    ordered = sorted(rows, key=lambda row: row["f1"].mean)
    worst, best = ordered[0], ordered[-1]
    never = sum(row["f1"].mean == 0 for row in rows)
    if never == len(rows):
        return f": none of {never} classes is ever right"
    if never > 1:
        return (
            f": best at {isolated(best['label'])} (F1 {best['f1'].mean:.0f}); {never} of "
            f"{len(rows)} classes are never right"
        )
    place = run.labels.index(worst["label"])
    shares = [0.0 if c == place else share for c, (_, share) in enumerate(confusion(run)[place])]
    taken = int(np.argmax(shares))
    text = (
        f": best at {isolated(best['label'])} (F1 {best['f1'].mean:.0f}), "
        f"worst at {isolated(worst['label'])} ({worst['f1'].mean:.0f})"
    )
    if shares[taken] >= 1:
        text += f", {shares[taken]:.0f} % of which it takes for {isolated(run.labels[taken])}"
    return text


def _several(runs: Sequence[RunFiles], tests: Sequence[Summary], group: Group) -> str:
    order = sorted(range(len(runs)), key=lambda place: -tests[place].mean)
    best = order[0]
    text = (
        f"Of {len(runs)} runs on {isolated(group.dataset)}, {isolated(runs[best].name)} has the "
        f"highest weighted F1, {_score(tests[best])}"
    )
    other = order[1] if best == 0 else 0  # the first is what all are compared with
    found = group.differences[other if best == 0 else best]
    if found is None:
        return f"{text}."
    apart, low, high = abs(found.points), *sorted((abs(found.low), abs(found.high)))
    which = "the next" if best == 0 else "the first named"
    if found.told:
        return (
            f"{text}: {apart:.1f} points ({low:.1f} to {high:.1f}) above "
            f"{isolated(runs[other].name)}, {which}."
        )
    ahead = replace(found, low=-found.high, high=-found.low) if best == 0 else found
    return (
        f"{text}, but {_dialogues(runs[0].seeds[0].predictions.dialogues)} cannot tell it from "
        f"{isolated(runs[other].name)}, {which} ({interval(ahead)} points)."
    )


def interval(found: Difference) -> str:
    """Return "−1.2 to +0.4"."""
    return " to ".join(
        f"{round(end, 1) + 0.0:+.1f}".replace("-", "−") for end in (found.low, found.high)
    )


def _score(summary: Summary) -> str:
    return f"{summary.mean:.1f}" + ("" if summary.sd is None else f" ± {summary.sd:.1f}")


def _dialogues(names: np.ndarray) -> str:
    count = len(np.unique(names))
    return f"{count:,} test dialogue{'s'[: count > 1]}"
