"""A study from its search to its table; stopped anywhere it ends with the same one."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ariigcn_dgl.data import fingerprint
from ariigcn_dgl.data.folds import with_fold
from ariigcn_dgl.data.missing import without_modalities
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.completeness import Lacks, lacks
from ariigcn_dgl.experiments.conduct import Options, conduct
from ariigcn_dgl.experiments.render import markdown
from ariigcn_dgl.experiments.results import Results
from ariigcn_dgl.experiments.statistics import holm
from ariigcn_dgl.experiments.study_file import load_study
from ariigcn_dgl.experiments.tables import tables
from ariigcn_dgl.training.calibration import expected_calibration_error, reliability
from ariigcn_dgl.training.predict import score_probabilities
from ariigcn_dgl.training.trained import TrainedRun
from tests.experiments.made_results import permutation_p_of_classes

pytestmark = pytest.mark.slow  # whole studies are trained

MLP_OF_TEXT = "system: mlp, modalities: [text]}"


@pytest.fixture
def run_study(data: Path, study: Path, tmp_path: Path) -> Callable[..., Results]:
    """Conduct the small study in a folder; keywords are fields of `Options`."""

    def run(folder: str, monitor: Any, **options: object) -> Results:
        values = {"seeds": (0, 1), "jobs": 2, "protocol": "standard", "retry": False} | options
        dialogues = load_source(str(data))
        return conduct(
            load_study(str(study)),
            dialogues,
            fingerprint(dialogues),
            tmp_path / folder,
            Options(str(data), **values),
            monitor,
        )

    return run


def _text(results: Results) -> str:
    return markdown(results, tables(results))


def test_validation_chooses_the_candidate_that_all_seeds_get(
    run_study: Callable, memory: Any, tmp_path: Path
) -> None:
    results = run_study("study", memory)
    for row in results.rows:
        scores = [trial.run.val["weighted_f1"] for trial in row.search]
        best = row.search[int(np.argmax(scores))]
        (choice,) = row.chosen
        assert choice.changes == best.changes
        assert [run.seed for run in row.runs] == [0, 1]
        assert row.runs[0].key == best.run.key  # the search's own run, now scored on test
        for run in row.runs:
            config = (tmp_path / "study" / "runs" / run.key / "config.yaml").read_text()
            assert f"learning_rate: {choice.changes['training.learning_rate']}\n" in config
    others = [t.run.key for row in results.rows for t in row.search if not t.chosen]
    for key in others:
        folder = tmp_path / "study" / "runs" / key / "seed0"
        assert "test" not in json.loads((folder / "run.json").read_text())
        assert not (folder / "state.pt").exists()


def test_comparison_is_that_of_the_predictions(
    run_study: Callable, memory: Any, tmp_path: Path
) -> None:
    results = run_study("study", memory)
    names = results.data["label_names"]
    mlp, bigru = results.rows

    def read(run: Any) -> tuple[np.ndarray, ...]:
        lines = _predictions(tmp_path / "study", run)
        label, predicted = ([names.index(x[k]) for x in lines] for k in ("label", "prediction"))
        return np.array(label), np.array([x["dialogue"] for x in lines]), np.array(predicted)

    labels, dialogues, _ = read(mlp.runs[0])
    ours, theirs = (np.stack([read(run)[2] for run in row.runs]) for row in (bigru, mlp))
    assert mlp.comparison is None
    assert (
        bigru.comparison.p
        == bigru.comparison.p_holm
        == permutation_p_of_classes(labels, dialogues, ours, theirs)
    )
    scores = [[run.test["weighted_f1"] for run in row.runs] for row in (bigru, mlp)]
    assert bigru.comparison.difference == pytest.approx(np.mean(scores[0]) - np.mean(scores[1]))


def test_averaged_seeds_are_scored_as_one_model(
    run_study: Callable, memory: Any, tmp_path: Path
) -> None:
    results = run_study("study", memory)
    names = results.data["label_names"]
    for row in results.rows:
        votes, labels = [], []
        for run in row.runs:
            lines = _predictions(tmp_path / "study", run)
            votes.append([[line["probabilities"][name] for name in names] for line in lines])
            labels = [line["label"] for line in lines]
        chosen = [names[best] for best in np.sum(votes, axis=0).argmax(1)]
        expected = 100 * f1_score(labels, chosen, average="weighted", zero_division=0)
        assert row.averaged == pytest.approx(expected)


def test_one_seed_has_no_average(run_study: Callable, memory: Any) -> None:
    assert [row.averaged for row in run_study("study", memory, seeds=(0,)).rows] == [None, None]


def test_what_is_done_is_not_done_again(run_study: Callable, memory: Any) -> None:
    first = run_study("study", memory)
    memory.todo.clear()
    assert run_study("study", memory) == first
    assert memory.todo == [[]]


def test_more_seeds_are_added_to_those_that_are_there(run_study: Callable, memory: Any) -> None:
    run_study("study", memory)
    memory.todo.clear()
    results = run_study("study", memory, seeds=(0, 1, 2))
    assert [run.seed for runs in memory.todo for run in runs] == [2, 2]
    assert [len(row.done) for row in results.rows] == [3, 3]


@pytest.mark.parametrize("after", [2, pytest.param(6, marks=pytest.mark.exhaustive)])
def test_interrupted_study_ends_with_the_same_table(
    run_study: Callable, memory: Any, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(run: Any) -> None:
        memory.finished.append(run)
        if len(memory.finished) == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(memory, "ended", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_study("stopped", memory)
    assert _text(run_study("stopped", memory)) == _text(run_study("whole", memory))


def test_failures_are_shown_and_only_retried_when_asked(
    run_study: Callable, study: Path, memory: Any
) -> None:
    text = study.read_text().replace("system: mlp}", "system: mlp, set: {training.grad_clip: 1e9}}")
    study.write_text(text.replace("[0.003, 0.03]", "[1e30, 1e31]"))
    results = run_study("study", memory)
    for row in results.rows:
        assert row.problem.startswith("training diverged")
        assert [trial.run.status for trial in row.search] == ["failed", "failed"]
        assert row.done == []
    assert [len(names) for names in lacks(results).__dict__.values()] == [0, 4, 0]
    assert "| mlp | – | – |" in _text(results)
    assert "mlp: not scored: training diverged" in _text(results)
    memory.todo.clear()
    run_study("study", memory)
    assert memory.todo == [[]]
    run_study("study", memory, retry=True)
    assert [len(todo) for todo in memory.todo] == [0, 4]


def test_a_candidate_that_fails_is_not_chosen(
    run_study: Callable, study: Path, memory: Any
) -> None:
    study.write_text(study.read_text().replace("[0.003, 0.03]", "[1e30, 0.03]"))
    results = run_study("study", memory)
    for row in results.rows:
        assert [choice.changes for choice in row.chosen] == [{"training.learning_rate": 0.03}]
        assert len(row.done) == 2
    found = lacks(results)
    assert [name.partition(" (")[0] for name in found.candidates] == [
        "mlp: candidate learning_rate 1e30",
        "bigru: candidate learning_rate 1e30",
    ]
    assert (found.missing, found.failed) == ((), ())


@pytest.fixture
def killed(
    run_study: Callable, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Results]:
    """Conduct the small study with one job; the process of its first candidate is always killed."""

    def kill_the_first(running: Sequence[Any]) -> None:
        if [run.key for run in running] == [memory.todo[0][0].key]:
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGKILL)

    def run(folder: str) -> Results:
        with monkeypatch.context() as patch:
            patch.setattr(memory, "tick", kill_the_first)
            return run_study(folder, memory, jobs=1)

    return run


def test_a_killed_candidate_is_not_chosen_around(killed: Callable[[str], Results]) -> None:
    results = killed("study")
    mlp, bigru = results.rows
    reason = "the process was killed by SIGKILL (out of memory?)"
    assert mlp.problem == f"its search is not finished: {reason}"
    assert [trial.run.status for trial in mlp.search] == ["open", "done"]
    assert (mlp.chosen, mlp.runs) == ((), ())
    assert len(bigru.done) == 2
    assert lacks(results).missing == (
        f"mlp: candidate learning_rate 0.003 ({reason})",
        "mlp: all seeds (its search is not finished)",
    )
    assert "## Small systems: talk (incomplete)" in _text(results)


def test_the_same_study_once_more_mends_what_a_kill_left(
    killed: Callable[[str], Results], run_study: Callable, memory: Any
) -> None:
    killed("study")
    results = run_study("study", memory)
    assert _text(results) == _text(run_study("whole", memory))
    assert lacks(results) == Lacks((), (), ())


def test_literature_protocol_adds_a_column_and_changes_no_other(
    run_study: Callable, memory: Any
) -> None:
    standard = run_study("study", memory)
    memory.todo.clear()
    literature = run_study("study", memory, protocol="literature")
    assert {run.test for run in memory.todo[0]} == {"every epoch"}  # the searches are the same
    for plain, row in zip(standard.rows, literature.rows, strict=True):
        assert row.summary("weighted_f1") == plain.summary("weighted_f1")
        assert row.best_test_epoch("weighted_f1").mean >= row.summary("weighted_f1").mean
        assert row.comparison == plain.comparison
    assert "best test epoch (optimistic)" in _text(literature)
    assert "optimistic" not in _text(standard)


def test_a_setting_without_the_datas_modalities_is_left_out_with_its_reason(
    data: Path, study: Path, memory: Any, tmp_path: Path
) -> None:
    text = study.read_text().replace("baseline: mlp", "baseline: bigru")
    study.write_text(text.replace("[text, audio]", "[visual]").replace("system: mlp}", MLP_OF_TEXT))
    with_text = load_source(str(data), ["text"])
    options = Options(str(data), (0,), 1, "standard", False)
    results = conduct(
        load_study(str(study)),
        with_text,
        fingerprint(with_text),
        tmp_path / "less",
        options,
        memory,
    )
    bigru = results.row("bigru")
    assert bigru.problem == "talk: has no modality 'visual', only text"
    assert (bigru.runs, bigru.search) == ((), ())
    assert len(results.row("mlp").done) == 1
    assert results.row("mlp").comparison is None  # there is no baseline


def test_folds_are_scored_together_as_one_test_split(
    run_study: Callable, memory: Any, data: Path, tmp_path: Path
) -> None:
    results = run_study("folds", memory, folds=3)
    dialogues = load_source(str(data))
    rows = np.flatnonzero(dialogues.labels >= 0)
    everything = {dialogues.utterance_ids[row] for row in rows}
    for row in results.rows:
        assert [trial.run.fold for trial in row.search] == [0, 0, 1, 1, 2, 2]
        assert [choice.fold for choice in row.chosen] == [0, 1, 2]
        for run in row.runs:
            lines = [line for part in run.folds for line in _predictions(tmp_path / "folds", part)]
            assert len(lines) == len(everything)
            assert {line["utterance"] for line in lines} == everything
            truth, said = ([line[key] for line in lines] for key in ("label", "prediction"))
            expected = 100 * f1_score(truth, said, average="weighted", zero_division=0)
            assert run.test["weighted_f1"] == pytest.approx(expected)
            sure = np.array([max(line["probabilities"].values()) for line in lines])
            hits = np.array(truth) == np.array(said)
            error = 100 * expected_calibration_error(reliability(sure, hits))
            assert run.calibration["test"]["after"] == pytest.approx(error)
            assert run.calibration["test"]["before"] != pytest.approx(error)
    assert results.row("bigru").comparison is not None


def test_a_fold_is_searched_without_its_test_split(
    run_study: Callable, memory: Any, data: Path
) -> None:
    run_study("folds", memory, folds=3)
    dialogues = load_source(str(data))
    for run in memory.todo[0]:
        trained = with_fold(dialogues, run.fold).with_modalities(run.modalities)
        assert run.test == "never"
        assert run.read()["dataset_sha256"] == fingerprint(trained)


def _predictions(folder: Path, run: Any) -> list[dict[str, Any]]:
    path = folder / "runs" / run.key / f"seed{run.seed}" / "predictions.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["label"] is not None]


def test_what_a_queue_left_that_was_killed_after_a_run_is_removed(
    run_study: Callable, memory: Any, tmp_path: Path
) -> None:
    key = run_study("study", memory).rows[0].runs[0].key
    folder = tmp_path / "study" / "runs" / key
    (folder / "worker.log").touch()
    (folder / f".failure.json.{'0' * 32}.tmp").mkdir()
    run_study("study", memory)
    assert not [one for one in folder.iterdir() if one.suffix in (".log", ".tmp")]


@pytest.fixture
def without(study: Path) -> Path:
    """Return the small study, which also tests without each modality."""
    text = study.read_text().replace("baseline: mlp", "baseline: mlp\nabsent: true")
    study.write_text(
        text.replace("[0.003, 0.03]", "[0.03]").replace(", modalities: [text, audio]", "")
    )
    return study


@pytest.mark.usefixtures("without")
def test_settings_are_tested_without_each_modality_by_the_same_runs(
    run_study: Callable, memory: Any, data: Path, tmp_path: Path
) -> None:
    results = run_study("study", memory)
    dialogues = load_source(str(data))
    test = without_modalities(dialogues.split("test"), ["audio"])
    for row in results.rows:
        assert [one.modality for one in row.absences] == ["text", "audio", "visual"]
        for run, found in zip(row.runs, row.absences[1].tests, strict=True):
            trained = TrainedRun(tmp_path / "study" / "runs" / run.key / f"seed{run.seed}")
            expected = score_probabilities(test, trained.probabilities(test), test.label_names)
            assert found["weighted_f1"] == expected.weighted_f1
    mlp, bigru = results.rows
    assert all(one.comparison is None for one in mlp.absences)
    p = [one.comparison.p for one in bigru.absences]
    assert [one.comparison.p_holm for one in bigru.absences] == holm(p)


@pytest.mark.usefixtures("without")
def test_folds_are_tested_together_without_a_modality(
    run_study: Callable, memory: Any, data: Path
) -> None:
    results = run_study("folds", memory, folds=2, seeds=(0,))
    labelled = int((load_source(str(data)).labels >= 0).sum())
    for row in results.rows:
        for one in row.absences:
            assert sum(line["support"] for line in one.tests[0]["per_class"]) == labelled


def test_a_single_modality_cannot_be_absent(
    data: Path, without: Path, memory: Any, tmp_path: Path
) -> None:
    alone = load_source(str(data), ["text"])
    options = Options(str(data), (0,), 1, "standard", False)
    message = "talk: has text alone, but the study small tests without one modality at a time"
    with pytest.raises(InputError, match=message):
        conduct(load_study(str(without)), alone, fingerprint(alone), tmp_path, options, memory)
