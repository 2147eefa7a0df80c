"""Scores of targets beside the classes, for pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.targets import LABEL
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.report import curves
from ariigcn_dgl.report.dialogues import (
    extent,
    farthest_off,
    said_of_targets,
    trained_on,
    views,
)
from ariigcn_dgl.report.page import render
from ariigcn_dgl.report.run_files import RunFiles, conducted
from ariigcn_dgl.training.floors import floors
from ariigcn_dgl.training.metrics import spread
from ariigcn_dgl.training.scoring import flat, target_of

Row = tuple[str, str, str, str, str]  # target, score, validation, test, floor


def target_rows(runs: Sequence[RunFiles], dialogues: Dialogues | None = None) -> list[list[Row]]:
    """Return of each run every score of every target; none where it has nothing but classes.

    Of the dialogues that they were trained on also the floors, which are empty without them.
    """
    shown = [run for run in runs if not run.scoring.plain]
    reached = {} if dialogues is None else _floors(shown, dialogues)
    return [
        [] if run.scoring.plain else list(_rows(run, reached.get(_of_floors(run), {})))
        for run in runs
    ]


def _floors(runs: Sequence[RunFiles], dialogues: Dialogues) -> dict[tuple, dict[str, float]]:
    """Return the floors by what decides them: runs on the same features have the same."""
    one_of_each = {_of_floors(run): run for run in runs}
    return {
        key: floors(trained_on(run, dialogues), run.scoring, run.label_share)
        for key, run in one_of_each.items()
    }


def _of_floors(run: RunFiles) -> tuple:
    return run.record["dataset_sha256"], run.scoring.specs, run.label_share


def _rows(run: RunFiles, reached: Mapping[str, float]) -> Iterator[Row]:
    last = ""
    for name, metric in run.scoring.columns.items():
        target = target_of(name) or LABEL
        both = [
            spread([flat(seed.record[split])[name] for seed in run.seeds], metric.decimals)
            for split in ("val", "test")
        ]
        floor = f"{reached[name]:.{metric.decimals}f}" if name in reached else ""
        yield "" if target == last else target, metric.title, both[0], both[1], floor
        last = target


def targets_html(
    runs: Sequence[RunFiles], dialogues: Dialogues | None = None, device: str = "cpu"
) -> str:
    """Return a page, one HTML file that opens offline, about runs without classes.

    It has their scores, learning curves and settings, with the data set also the dialogues of
    test, and says that there is no more.

    Parameters
    ----------
    runs : sequence of RunFiles, at least one
    dialogues, device
        As of `ariigcn_dgl.report.report.report_html`.

    Raises
    ------
    InputError
        If one of them has classes, or was trained on another data set.
    """
    classes = [run.name for run in runs if run.scoring.classes is not None]
    if classes:
        raise InputError(
            f"{classes[0]}: has classes, which the other runs have not: report them apart"
        )
    said_by = (
        []
        if dialogues is None
        else [(said_of_targets(run, dialogues, device), dialogues) for run in runs]
    )
    validation = [curves.validation_scores([run]) for run in runs]
    title = runs[0].about if len(runs) == 1 else f"{len(runs)} runs without classes"
    return render(
        "targets.html",
        title=title,
        runs=runs,
        conducted=conducted(runs),
        targets=target_rows(runs, dialogues),
        panels=[curves.panels(run, own) for run, own in zip(runs, validation, strict=True)],
        extent="" if dialogues is None else extent(dialogues),
        views=[views(*one) for one in said_by],
        far=[farthest_off(*one) for one in said_by],
        browser=None,
    )
