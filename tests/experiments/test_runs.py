"""A run's key names everything that decides its numbers, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.experiments import runs as module


def test_same_run_same_key(make_run: Callable, tmp_path: Path) -> None:
    other = make_run(name="other", runs=tmp_path / "elsewhere", data="moved")
    assert make_run().key == other.key


@pytest.mark.parametrize(
    "different",
    [
        {"changes": {"training.learning_rate": 0.1}},
        {"changes": {"model.dropout": 0.1}},
        {"changes": {"training.modality_dropout": 0.1}},
        {"seed": 1},
        {"dataset_sha256": "0"},
        {"test": "every epoch"},
    ],
)
def test_other_numbers_other_key(make_run: Callable, different: dict) -> None:
    assert make_run().key != make_run(**different).key


def test_test_scores_can_be_added_to_a_search(make_run: Callable) -> None:
    assert make_run(test="never").key == make_run(test="once").key


def test_a_new_format_of_runs_makes_new_keys(
    make_run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = make_run().key
    monkeypatch.setattr(module, "RUN_FORMAT", module.RUN_FORMAT + 1)
    assert make_run().key != before


def test_failure_is_kept_until_the_run_is_prepared_again(make_run: Callable) -> None:
    run = make_run()
    run.prepare()
    assert run.status == "open"
    run.fail("it rained")
    assert (run.status, run.reason) == ("failed", "it rained")
    run.prepare()
    assert run.status == "open"
