"""Learning curves as paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ariigcn_dgl.report.curves import panels, validation_scores
from ariigcn_dgl.report.run_files import RunFiles, Seed


def seed(number: int, history: list[Mapping] | None, best_epoch: int) -> Seed:
    return Seed(Path("run"), {"seed": number, "best_epoch": best_epoch}, history, None)


def run(*seeds: Seed) -> RunFiles:
    return RunFiles("run", {}, None, seeds)


STAGED = [
    {"epoch": 1, "generator": 2.0},
    {"epoch": 2, "classification": 1.0, "val_weighted_f1": 40.0, "test_weighted_f1": 90.0},
    {"epoch": 3, "classification": 0.5, "val_weighted_f1": 60.0, "test_weighted_f1": 91.0},
]


def test_score_first_then_losses_and_never_the_test_split() -> None:
    found = panels(run(seed(0, STAGED, 3)), [40.0, 60.0])
    assert [panel.title for panel in found] == [
        "Validation weighted F1, percent",
        "Loss: TGAN generators",
        "Loss: classification",
    ]


def test_kept_epoch_lies_on_the_curve() -> None:
    score, generator, _ = panels(run(seed(0, STAGED, 3)), [40.0, 60.0])
    line = score.lines[0]
    assert line.kept == (score.x(3), score.y(60.0))
    assert line.path == f"M{score.x(2):g} {score.y(40.0):g}L{score.x(3):g} {score.y(60.0):g}"
    assert "kept: epoch 3, 60" in line.text
    assert generator.lines[0].kept is None  # the TGAN was trained before


def test_seed_keeps_its_colour_where_another_lacks_a_quantity() -> None:
    only_gan = seed(0, STAGED[:1], 1)
    found = panels(run(only_gan, seed(1, STAGED, 2)), [40.0, 60.0])
    by_title = {panel.title: [(line.seed, line.colour) for line in panel.lines] for panel in found}
    assert by_title["Loss: TGAN generators"] == [(0, 0), (1, 1)]
    assert by_title["Loss: classification"] == [(1, 1)]


def test_runs_share_the_axis_of_the_score() -> None:
    runs = [run(seed(0, STAGED, 3)), run(seed(0, [STAGED[1]], 2))]
    scores = validation_scores(runs)
    assert scores == [40.0, 60.0, 40.0]
    (first, *_), (second, *_) = (panels(one, scores) for one in runs)
    assert first.y == second.y


def test_without_metrics_there_are_no_curves() -> None:
    assert panels(run(seed(0, None, 1)), []) == []
