"""Learning curves as pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ariigcn_dgl.plots import COLOURS
from ariigcn_dgl.report.curves import Panel, panels, validation_scores
from ariigcn_dgl.report.run_files import RunFiles, Seed


def seed(number: int, history: list[Mapping], best_epoch: int) -> Seed:
    return Seed(Path("run"), {"seed": number, "best_epoch": best_epoch}, history, None)


def run(*seeds: Seed) -> RunFiles:
    return RunFiles("run", {}, None, None, seeds)


def curves(panel: Panel) -> dict[str, list]:
    """Return the points of the curves of a picture, by colour."""
    return {line.get_color(): line.get_xydata().tolist() for line in panel.figure.axes[0].lines}


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


def test_curves_hold_every_epoch_that_has_the_quantity() -> None:
    score, generator, _ = panels(run(seed(0, STAGED, 3)), [40.0, 60.0])
    assert curves(score) == {COLOURS[0]: [[2, 40], [3, 60]]}
    assert curves(generator) == {COLOURS[0]: [[1, 2]]}


def test_kept_epoch_is_a_dot_on_the_curve() -> None:
    score, generator, _ = panels(run(seed(0, STAGED, 3)), [40.0, 60.0])
    rim, dot = score.figure.axes[0].patches
    assert dot.get_path().vertices[0].tolist() == rim.get_path().vertices[0].tolist() == [3, 60]
    assert list(generator.figure.axes[0].patches) == []  # the TGAN was trained before


def test_words_say_what_the_curve_shows() -> None:
    score, generator, _ = panels(run(seed(0, STAGED, 3)), [40.0, 60.0])
    assert score.text == "seed 0: 40 at epoch 2, 60 at epoch 3; kept: epoch 3, 60"
    assert generator.text == "seed 0: 2 at epoch 1, 2 at epoch 1"


def test_seed_keeps_its_colour_where_another_lacks_a_quantity() -> None:
    only_gan = seed(0, STAGED[:1], 1)
    found = panels(run(only_gan, seed(1, STAGED, 2)), [40.0, 60.0])
    colours = {panel.title: list(curves(panel)) for panel in found}
    assert colours["Loss: TGAN generators"] == list(COLOURS[:2])
    assert colours["Loss: classification"] == [COLOURS[1]]


def test_runs_share_the_axis_of_the_score() -> None:
    runs = [run(seed(0, STAGED, 3)), run(seed(0, [STAGED[1]], 2))]
    scores = validation_scores(runs)
    assert scores == [40.0, 60.0, 40.0]
    first, second = (panels(one, scores)[0].figure.axes[0].get_ylim() for one in runs)
    assert first == second


def test_without_metrics_there_are_no_curves() -> None:
    assert panels(run(seed(0, [], 1)), []) == []
