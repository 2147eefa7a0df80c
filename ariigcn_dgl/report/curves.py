"""Learning curves: the validation score and every loss term, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ariigcn_dgl.plots import COLOURS, PAPER, add_axes, dots, page_figure, styled, whole_numbers
from ariigcn_dgl.report.run_files import RunFiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 280, 170
SCORE = "val_weighted_f1"
TITLES = {
    SCORE: "Validation weighted F1, percent",
    "classification": "Loss: classification",
    "auxiliary": "Loss: each modality alone",
    "students": "Loss: students, each modality",
    "distillation": "Loss: students from the teacher",
    "sentiment": "Loss: sentiment",
    "shift": "Loss: shifts of sentiment",
    "iccl": "Loss: ICCL, within modalities",
    "imcl": "Loss: IMCL, across modalities",
    "scl": "Loss: SCL, fused utterances",
    "sccl": "Loss: SCCL, clusters",
    "generator": "Loss: TGAN generators",
    "discriminator": "Loss: TGAN discriminators",
}


@dataclass(frozen=True)
class Panel:
    """One small picture: a quantity over epochs, of all seeds of a run.

    Parameters
    ----------
    title : str
    text : str
        What the curves say, in words.
    figure : Figure
    """

    title: str
    text: str
    figure: Figure


def panels(run: RunFiles, scores: Sequence[float]) -> list[Panel]:
    """Return the pictures of a run; none where no seed has an epoch.

    A seed has the colour of its place among the run's, in all pictures.

    Parameters
    ----------
    run : RunFiles
    scores : sequence of float
        The validation scores of all runs: they share the axis, so that they can be compared.
    """
    last = max((seed.history[-1]["epoch"] for seed in run.seeds if seed.history), default=0)
    return [
        _panel(name, run, max(last, 2), scores if name == score_of(run) else ())
        for name in _quantities(run)
    ]


def score_of(run: RunFiles) -> str:
    """Return what ``metrics.jsonl`` calls the score that a run's epochs are compared by."""
    return f"val_{run.scoring.metric}"


def validation_scores(runs: Sequence[RunFiles]) -> list[float]:
    """Return all validation scores of all epochs and runs."""
    return [
        record[score_of(run)]
        for run in runs
        for seed in run.seeds
        for record in seed.history
        if score_of(run) in record
    ]


def _quantities(run: RunFiles) -> list[str]:
    found = dict.fromkeys(name for seed in run.seeds for record in seed.history for name in record)
    losses = [name for name in found if name != "epoch" and not name.startswith(("val_", "test_"))]
    return ([score_of(run)] if score_of(run) in found else []) + losses


@styled()
def _panel(name: str, run: RunFiles, last: int, shown: Sequence[float]) -> Panel:
    """Draw one quantity up to an epoch; all of the values `shown` are on the axis, too."""
    figure = page_figure(WIDTH, HEIGHT)
    axis = add_axes(figure, 40, 10, WIDTH - 10, HEIGHT - 24)
    texts = []
    for place, seed in enumerate(run.seeds):
        points = [(record["epoch"], record[name]) for record in seed.history if name in record]
        if not points:
            continue
        colour = COLOURS[place % len(COLOURS)]
        axis.plot(*zip(*points, strict=True), color=colour, solid_capstyle="round")
        kept = [point for point in points if point[0] == seed.record["best_epoch"]]
        dots(axis, kept, PAPER, 10, zorder=3)  # a rim, where curves cross
        dots(axis, kept, colour, 7, zorder=3)
        texts.append(_words(seed.number, points, kept))
    axis.update_datalim([(last, value) for value in shown])
    axis.margins(x=0, y=0.06)
    axis.autoscale_view()
    axis.set_xlim(1, last)
    whole_numbers(axis, nbins=6)
    axis.locator_params("y", nbins=4)
    axis.grid(axis="y")
    other = f"Validation {run.scoring.title}" if name == score_of(run) else f"Loss: {name}"
    return Panel(TITLES.get(name, other), "; ".join(texts), figure)


def _words(
    seed: int, points: Sequence[tuple[int, float]], kept: Sequence[tuple[int, float]]
) -> str:
    (first, start), (last, end) = points[0], points[-1]
    text = f"seed {seed}: {start:.3g} at epoch {first}, {end:.3g} at epoch {last}"
    return text + "".join(f"; kept: epoch {epoch}, {value:.4g}" for epoch, value in kept)
