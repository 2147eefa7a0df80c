"""The page of runs whose test split has no labels: what validation says of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ariigcn_dgl.report import curves
from ariigcn_dgl.report.page import render
from ariigcn_dgl.report.run_files import RunFiles, conducted
from ariigcn_dgl.training.metrics import spread
from ariigcn_dgl.training.scoring import flat

Row = tuple[str, ...]  # seed, epoch kept, and validation scores


def untested_html(runs: Sequence[RunFiles]) -> str:
    """Return a page, one HTML file that opens offline, about runs that nothing could test.

    It has their scores on validation, learning curves and settings.

    Parameters
    ----------
    runs : sequence of RunFiles, at least one
        Whose test split has no labels.
    """
    own = [curves.validation_scores([run]) for run in runs]
    return render(
        "untested.html",
        title=runs[0].about if len(runs) == 1 else f"{len(runs)} runs without test labels",
        runs=runs,
        conducted=conducted(runs),
        titles=[[run.scoring.title_of(name) for name in run.scoring.shown] for run in runs],
        validation=[list(_rows(run)) for run in runs],
        panels=[curves.panels(run, scores) for run, scores in zip(runs, own, strict=True)],
        browser=None,
    )


def _rows(run: RunFiles) -> Iterator[Row]:
    """Yield the scores of every seed; of several also their mean."""
    names = run.scoring.shown
    decimals = [run.scoring.columns[name].decimals for name in names]
    found = [[flat(seed.record["val"])[name] for name in names] for seed in run.seeds]
    for seed, values in zip(run.seeds, found, strict=True):
        kept = f"{seed.record['best_epoch']} of {seed.record['epochs']}"
        cells = (f"{x:.{d}f}" for x, d in zip(values, decimals, strict=True))
        yield (str(seed.number), kept, *cells)
    if len(found) > 1:
        columns = zip(*found, strict=True)
        yield ("mean ± sd", "", *(spread(x, d) for x, d in zip(columns, decimals, strict=True)))
