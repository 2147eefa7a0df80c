"""The report of one or more runs, one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.progress import track
from ariigcn_dgl.report import curves, scores
from ariigcn_dgl.report.conversation import browser_data
from ariigcn_dgl.report.dialogues import (
    Looked,
    as_tested,
    conversations,
    extent,
    farthest_off,
    look,
    shown,
    views,
)
from ariigcn_dgl.report.findings import findings, interval
from ariigcn_dgl.report.page import render
from ariigcn_dgl.report.run_files import RunFiles, conducted
from ariigcn_dgl.report.targets import target_rows, targets_html
from ariigcn_dgl.report.together import together
from ariigcn_dgl.report.untested import untested_html
from ariigcn_dgl.training.metrics import TITLES
from ariigcn_dgl.training.small_sample import seeds_warning


def report_html(
    runs: Sequence[RunFiles], dialogues: Dialogues | None = None, device: str = "cpu"
) -> str:
    """Return a page, one HTML file that opens offline, about runs.

    Parameters
    ----------
    runs : sequence of RunFiles, at least one
    dialogues : Dialogues, optional
        The data set that all of the runs were trained on: to show the dialogues of its test split,
        the spaces, and what each modality is worth. Without it the page holds aggregate figures
        only: no dialogue, no utterance.
    device : str
        Where the runs are applied to the dialogues.

    Raises
    ------
    InputError
        If a run was trained on another data set, a file of it is damaged, runs are of different
        folds, or the test split of some, or of those with `dialogues`, has no labels.
    """
    untested = [run for run in runs if not run.is_tested]
    if untested:
        _refuse_what_needs_labels(untested[0], len(untested) < len(runs), dialogues)
        return untested_html(runs)
    if dialogues is not None:
        dialogues = as_tested(dialogues, runs)
    if any(run.scoring.classes is None for run in runs):
        return targets_html(runs, dialogues, device)
    looked = (
        [] if dialogues is None else [look(run, dialogues, device) for run in track(runs, "runs")]
    )
    headlines, strip_ends = scores.headlines(runs)
    groups = together(runs)
    validation = curves.validation_scores(runs)
    return render(
        "report.html",
        title=_title(runs),
        findings=findings(runs, headlines, groups),
        groups=groups,
        interval=interval,
        runs=runs,
        conducted=_conducted(runs),
        score_titles=list(TITLES.values()),
        targets=target_rows(runs, dialogues),
        headlines=headlines,
        strip_ends=strip_ends,
        classes=[scores.classes(run) for run in runs],
        confusions=[scores.confusion(run) for run in runs],
        calibrations=[scores.calibration(run) for run in runs],
        panels=[curves.panels(run, validation) for run in runs],
        looked=looked,
        extent="" if dialogues is None else extent(dialogues),
        views=[views(one.inside.others, dialogues) for one in looked if dialogues is not None],
        far=[farthest_off(one.inside.others, dialogues) for one in looked if dialogues is not None],
        browser=None if dialogues is None else _browser(looked, dialogues),
    )


def _refuse_what_needs_labels(run: RunFiles, beside: bool, dialogues: Dialogues | None) -> None:
    without = f"{run.name}: its test split has no labels"
    if beside:
        raise InputError(f"{without}, and that of other runs has: report them apart")
    if dialogues is not None:
        raise InputError(
            f"{without} to show its dialogues with: leave --data out; ariigcn predict RUN --data "
            "DATA answers what it says of them"
        )


def _conducted(runs: Sequence[RunFiles]) -> str:
    """Say how runs were conducted, and of which ones the test split says little."""
    warnings = [f"{run.name}: {one}." for run in runs if (one := _size_warning(run))]
    return " ".join([conducted(runs), *warnings])


def _size_warning(run: RunFiles) -> str:
    answers = [seed.predictions for seed in run.seeds]
    return seeds_warning("test", [x.hits for x in answers], answers[0].dialogues)


def _title(runs: Sequence[RunFiles]) -> str:
    if len(runs) == 1:
        return runs[0].about
    sets = dict.fromkeys(run.record["dataset"] for run in runs)
    return f"{len(runs)} runs on {', '.join(sets)}"


def _browser(looked: Sequence[Looked], dialogues: Dialogues) -> dict[str, Any]:
    named = {f"{one.run.name}, seed {one.seed}": one for one in looked}
    return browser_data(
        dialogues.label_names,
        conversations(shown(dialogues)),
        {name: one.inside.answers for name, one in named.items()},
        {name: one.run.calibrated for name, one in named.items()},
    )
