"""Headline scores and the axis of their strips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.report.run_files import Predictions, RunFiles, Seed
from ariigcn_dgl.report.scores import headlines

NOBODY = Predictions(*(np.empty(0, kind) for kind in (str, str, int, int, float)))


def run(*scores: float) -> RunFiles:
    records = [
        {
            "seed": seed,
            "best_epoch": 1,
            "val": {"weighted_f1": score},
            "test": dict.fromkeys(("weighted_f1", "accuracy", "macro_f1"), score),
        }
        for seed, score in enumerate(scores)
    ]
    return RunFiles(
        "run", {}, "", None, [Seed(Path("run"), record, [], NOBODY) for record in records]
    )


@pytest.mark.parametrize(
    ("scores", "expected"),
    [((66.0, 67.0), (64, 69)), ((50.0,), (47.5, 52.5)), ((40.0, 60.0), (38.8, 61.2))],
)
def test_axis_has_room_and_small_differences_stay_small(
    scores: tuple[float, ...], expected: tuple[float, float]
) -> None:
    _, ends = headlines([run(*scores)])
    assert ends == pytest.approx(expected)


def test_strips_of_all_runs_share_the_axis() -> None:
    found, ends = headlines([run(40.0), run(60.0, 58.0)])
    assert {one.strip.axes[0].get_xlim() for one in found} == {ends}


def test_mean_is_a_line_where_there_are_several_seeds() -> None:
    (one, several), _ = headlines([run(40.0), run(60.0, 58.0)])
    assert len(one.strip.axes[0].lines) == 1  # the axis itself
    assert list(several.strip.axes[0].lines[1].get_xdata()) == [59, 59]
