"""Candidates that Optuna draws: the same however often it is stopped, pruned by validation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ariigcn_dgl.data import fingerprint
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.completeness import lacks
from ariigcn_dgl.experiments.conduct import Options, conduct
from ariigcn_dgl.experiments.render import markdown
from ariigcn_dgl.experiments.results import Results
from ariigcn_dgl.experiments.study_file import load_study
from ariigcn_dgl.experiments.tables import tables

pytestmark = pytest.mark.slow  # whole searches are trained
optuna = pytest.importorskip("optuna")

TRIALS = 9
STUDY = """
title: Rates
baseline: mlp
defaults:
  set: {training.epochs: 8, training.patience: 8, training.batch_size: 4}
settings:
  - name: mlp
    system: mlp
    search:
      training.learning_rate: {low: 1e-6, high: 1e-1, log: true}
      model.hidden_dim: {low: 4, high: 8}
      training.cosine: [true, false]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return the file of a study with ranges."""
    path = tmp_path / "rates.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def run_study(data: Path, study: Path, tmp_path: Path) -> Callable[..., Results]:
    """Search in a folder, one process at a time."""

    def run(folder: str, monitor: Any, trials: int = TRIALS, **options: object) -> Results:
        values = {"seeds": (0,), "jobs": 1, "protocol": "standard", "retry": False} | options
        dialogues = load_source(str(data))
        out = tmp_path / folder
        out.mkdir(exist_ok=True)
        return conduct(
            load_study(str(study), trials),
            dialogues,
            fingerprint(dialogues),
            out,
            Options(str(data), trials=trials, **values),
            monitor,
        )

    return run


def _text(results: Results) -> str:
    return markdown(results, tables(results))


def test_every_trial_is_a_candidate_and_a_pruned_one_says_so(
    run_study: Callable, memory: Any
) -> None:
    results = run_study("study", memory)
    (row,) = results.rows
    assert len(row.search) == TRIALS
    for trial in row.search:
        assert 1e-6 <= trial.changes["training.learning_rate"] <= 1e-1
        assert trial.changes["model.hidden_dim"] in range(4, 9)
        assert trial.changes["training.cosine"] in (True, False)
    pruned = [trial for trial in row.search if trial.run.status == "pruned"]
    done = [trial for trial in row.search if trial.run.status == "done"]
    assert len(done) + len(pruned) == TRIALS
    assert [trial.run.reason for trial in pruned] == list(memory.pruned.values()) != []
    assert all(trial.run.reason.startswith("pruned after epoch ") for trial in pruned)
    assert all(trial.run.val is None for trial in pruned)
    best = max(done, key=lambda trial: trial.run.val["weighted_f1"])
    assert [trial for trial in row.search if trial.chosen] == [best]
    assert row.runs[0].key == best.run.key
    assert "pruned after epoch" in _text(results)
    assert lacks(results).missing == ()


@pytest.mark.exhaustive
def test_the_same_search_draws_and_prunes_the_same(run_study: Callable, memory: Any) -> None:
    assert _text(run_study("one", memory)) == _text(run_study("other", memory))


@pytest.mark.exhaustive
@pytest.mark.parametrize("epochs", [3, 40])
def test_an_interrupted_search_ends_with_the_same_table(
    run_study: Callable, memory: Any, epochs: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(running: Any) -> None:
        lines = (tmp_path / "stopped").glob("runs/*/seed0/metrics.jsonl")
        if sum(path.read_bytes().count(b"\n") for path in lines) >= epochs:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(memory, "tick", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_study("stopped", memory)
    assert _text(run_study("stopped", memory)) == _text(run_study("whole", memory))


@pytest.mark.exhaustive
def test_trials_that_have_ended_are_not_run_again(run_study: Callable, memory: Any) -> None:
    first = run_study("study", memory)
    memory.todo.clear()
    memory.finished.clear()
    assert run_study("study", memory) == first
    assert (memory.todo, memory.later, memory.finished) == ([[], []], 0, [])


@pytest.mark.exhaustive
def test_more_trials_go_on_from_those_that_are_there(run_study: Callable, memory: Any) -> None:
    few = run_study("grown", memory, trials=3).rows[0].search
    more = run_study("grown", memory).rows[0].search
    assert [t.changes for t in more[:3]] == [t.changes for t in few]
    assert [t.run.key for t in more] == [t.run.key for t in run_study("w", memory).rows[0].search]


@pytest.mark.exhaustive
def test_without_the_file_of_trials_the_runs_are_enough(
    run_study: Callable, memory: Any, tmp_path: Path
) -> None:
    before = _text(run_study("study", memory))
    (tmp_path / "study" / "trials.db").unlink()
    memory.tick = pytest.fail  # nothing is trained
    assert _text(run_study("study", memory)) == before


@pytest.mark.exhaustive
def test_a_trial_whose_values_were_not_all_stored_is_drawn_anew(
    run_study: Callable, memory: Any, tmp_path: Path
) -> None:
    run_study("study", memory, trials=2)
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study' / 'trials.db'}")
    (name,) = optuna.get_all_study_names(storage)
    optuna.load_study(storage=storage, study_name=name).ask()
    storage.remove_session()
    storage.engine.dispose()
    grown = run_study("study", memory, trials=3).rows[0].search
    whole = run_study("whole", memory, trials=3).rows[0].search
    assert [trial.changes for trial in grown] == [trial.changes for trial in whole]


def test_trials_that_fail_are_shown_and_only_retried_when_asked(
    run_study: Callable, study: Path, memory: Any
) -> None:
    study.write_text(STUDY.replace("low: 1e-6, high: 1e-1", "low: 1e30, high: 1e31"))
    results = run_study("study", memory, trials=2)
    (row,) = results.rows
    assert [trial.run.status for trial in row.search] == ["failed", "failed"]
    assert row.problem.startswith("training diverged")
    memory.todo.clear()
    run_study("study", memory, trials=2)
    assert memory.todo == [[], []]
    run_study("study", memory, trials=2, retry=True)
    assert [len(todo) for todo in memory.todo] == [0, 0, 2, 0]


def test_another_space_is_another_search(run_study: Callable, study: Path, memory: Any) -> None:
    run_study("study", memory, trials=2)
    study.write_text(STUDY.replace("high: 1e-1", "high: 1e-5"))
    trials = run_study("study", memory, trials=2).rows[0].search
    assert all(trial.changes["training.learning_rate"] <= 1e-5 for trial in trials)
    assert len(trials) == 2


@pytest.mark.exhaustive
def test_two_at_a_time_make_as_many_trials(run_study: Callable, memory: Any) -> None:
    assert len(run_study("study", memory, jobs=2).rows[0].search) == TRIALS
    assert memory.most_at_once == 2


def test_a_damaged_file_of_trials_is_named(
    run_study: Callable, memory: Any, tmp_path: Path
) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "trials.db").write_text("nonsense " * 200)
    message = r"trials\.db: damaged or cannot be written \(file is not a database\); without"
    with pytest.raises(InputError, match=message):
        run_study("study", memory)
