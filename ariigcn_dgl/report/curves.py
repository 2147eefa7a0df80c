"""Learning curves: the validation score and every loss term, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ariigcn_dgl.report.axis import Axis, around
from ariigcn_dgl.report.run_files import RunFiles, Seed

WIDTH, HEIGHT = 280, 170
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 10, 24
SCORE = "val_weighted_f1"
TITLES = {
    SCORE: "Validation weighted F1, percent",
    "classification": "Loss: classification",
    "auxiliary": "Loss: each modality alone",
    "iccl": "Loss: ICCL, within modalities",
    "imcl": "Loss: IMCL, across modalities",
    "scl": "Loss: SCL, fused utterances",
    "sccl": "Loss: SCCL, clusters",
    "generator": "Loss: TGAN generators",
    "discriminator": "Loss: TGAN discriminators",
}


@dataclass(frozen=True)
class Line:
    """One seed's curve.

    Parameters
    ----------
    seed : int
    colour : int
        Number of its colour: the same one in all pictures of the run.
    path : str
        Of SVG.
    kept : (float, float) or None
        Place of the epoch whose weights were kept.
    text : str
        What the curve says, in words.
    """

    seed: int
    colour: int
    path: str
    kept: tuple[float, float] | None
    text: str


@dataclass(frozen=True)
class Panel:
    """One small picture: a quantity over epochs, of all seeds of a run."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line]


def panels(run: RunFiles, scores: Sequence[float]) -> list[Panel]:
    """Return the pictures of a run; none where no seed has an epoch.

    Parameters
    ----------
    run : RunFiles
    scores : sequence of float
        The validation scores of all runs: they share the axis, so that they can be compared.
    """
    seeds = [seed for seed in run.seeds if seed.history]
    last = max((seed.history[-1]["epoch"] for seed in seeds if seed.history), default=0)
    x = Axis(1, max(last, 2), LEFT, WIDTH - RIGHT)
    return [_panel(name, seeds, x, scores) for name in _quantities(seeds)]


def validation_scores(runs: Sequence[RunFiles]) -> list[float]:
    """Return all validation scores of all epochs and runs."""
    records = [record for run in runs for seed in run.seeds for record in seed.history]
    return [record[SCORE] for record in records if SCORE in record]


def _quantities(seeds: Sequence[Seed]) -> list[str]:
    found = dict.fromkeys(
        name for seed in seeds for record in seed.history or () for name in record
    )
    losses = [name for name in found if name != "epoch" and not name.startswith(("val_", "test_"))]
    return ([SCORE] if SCORE in found else []) + losses


def _panel(name: str, seeds: Sequence[Seed], x: Axis, scores: Sequence[float]) -> Panel:
    of_seed = [(seed, _points(seed.history or (), name)) for seed in seeds]
    values = [value for _, points in of_seed for _, value in points]
    y = around(scores if name == SCORE else values, HEIGHT - BOTTOM, TOP)
    lines = [_line(c, *one, x, y) for c, one in enumerate(of_seed) if one[1]]
    return Panel(TITLES.get(name, f"Loss: {name}"), x, y, lines)


def _points(history: Sequence[Mapping[str, Any]], name: str) -> list[tuple[int, float]]:
    return [(record["epoch"], record[name]) for record in history if name in record]


def _line(colour: int, seed: Seed, points: Sequence[tuple[int, float]], x: Axis, y: Axis) -> Line:
    places = [(x(epoch), y(value)) for epoch, value in points]
    best = seed.record["best_epoch"]
    at = dict(points).get(best)
    text = f"seed {seed.number}: {points[0][1]:.3g} at epoch {points[0][0]}"
    text += f", {points[-1][1]:.3g} at epoch {points[-1][0]}"
    kept = None
    if at is not None:
        kept = (x(best), y(at))
        text += f"; kept: epoch {best}, {at:.4g}"
    path = "M" + "L".join(f"{a:g} {b:g}" for a, b in places)
    return Line(seed.number, colour, path, kept, text)
