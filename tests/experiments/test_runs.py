"""A run's key names everything that decides its numbers, and nothing else."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.data.targets import classes_spec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments import runs as module
from ariigcn_dgl.experiments import worker
from ariigcn_dgl.experiments.predictions import TestPredictions
from ariigcn_dgl.training.run_config import identity
from ariigcn_dgl.training.run_spec import read_run_spec
from ariigcn_dgl.training.scoring import Scoring


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
        {"device": "cuda"},
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


def test_one_gpu_is_as_good_as_another(make_run: Callable) -> None:
    assert make_run(device="cuda").key == make_run(device="cuda:1").key


def test_key_on_the_cpu_is_that_of_runs_from_before_there_was_a_choice(make_run: Callable) -> None:
    run = make_run()
    content = {
        "config": identity(run.config),
        "seed": 0,
        "dataset_sha256": run.dataset_sha256,
        "format": module.RUN_FORMAT,
        "test every epoch": False,
    }
    text = json.dumps(content, sort_keys=True)
    assert run.key == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_training_is_on_the_device_of_the_plan(
    make_run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(worker, "fit", lambda *_, device, **__: asked.append(device))
    monkeypatch.setattr(worker, "check_device", lambda _: None)
    run = make_run(device="cuda:1")
    run.prepare()
    worker.work(run.folder, "never")
    assert asked == [read_run_spec(run.folder)["device"]] == ["cuda:1"]


def test_failure_is_kept_until_the_run_is_prepared_again(make_run: Callable) -> None:
    run = make_run()
    run.prepare()
    assert (run.status, run.reason) == ("open", "not run")
    run.fail("it rained")
    assert (run.status, run.reason) == ("failed", "it rained")
    run.prepare()
    assert run.status == "open"


def test_a_run_that_fails_for_now_stays_open_with_its_reason(make_run: Callable) -> None:
    run = make_run()
    run.prepare()
    run.fail("it rained", final=False)
    assert (run.status, run.reason) == ("open", "it rained")


def test_data_and_a_device_that_are_not_here_are_no_failure_of_the_model(
    make_run: Callable, data: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "talk"
    shutil.copytree(data, gone)
    runs = {"no such file": make_run(data=str(gone)), "cuda:7": make_run(device="cuda:7")}
    for run in runs.values():
        run.prepare()
    shutil.rmtree(gone)
    for words, run in runs.items():
        with pytest.raises(worker.NotHereError, match=words):
            worker.work(run.folder, "never")


def test_settings_that_do_not_fit_are_a_failure_of_the_model(
    make_run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    run.prepare()

    def refuse(*_: object, **__: object) -> None:
        raise InputError("does not fit")

    monkeypatch.setattr(worker, "prepare", refuse)
    with pytest.raises(InputError, match="does not fit") as caught:
        worker.work(run.folder, "never")
    assert not isinstance(caught.value, worker.NotHereError)


@pytest.mark.slow
def test_a_search_is_done_though_its_test_scores_failed(make_run: Callable) -> None:
    searched, scored = make_run(test="never"), make_run(test="once")
    searched.prepare()
    worker.work(searched.folder, "never")
    scored.fail("it rained")
    assert (searched.status, scored.status) == ("done", "failed")


def test_damaged_reason_is_named(make_run: Callable) -> None:
    run = make_run()
    run.prepare()
    (run.folder / "failure.json").write_text('{"reason": [], "final": true}')
    with pytest.raises(InputError, match=r"failure\.json: damaged: reason: expected text, found"):
        _ = run.reason


def test_folder_that_holds_another_run_is_named(make_run: Callable) -> None:
    ours, other = make_run(), make_run(seed=1)
    for run in (ours, other):
        run.prepare()
        worker.work(run.folder, "never")
    shutil.rmtree(ours.seed_folder.path)
    shutil.copytree(other.seed_folder.path, ours.seed_folder.path)
    with pytest.raises(InputError, match="holds another run than its folder's name says; delete"):
        ours.read()


def test_scratch_files_that_a_killed_worker_left_are_removed(make_run: Callable) -> None:
    run = make_run()
    run.prepare()
    left = run.folder / f".train.json.{'0' * 32}.tmp"
    left.touch()
    run.prepare()
    assert not left.exists()


@pytest.mark.parametrize("name", ["run.json", "predictions.jsonl"])
def test_result_that_changed_is_named(make_run: Callable, name: str) -> None:
    run = make_run(test="once")
    run.prepare()
    worker.work(run.folder, "once")
    path = run.seed_folder.path / name
    path.write_text(path.read_text() + " ")
    with pytest.raises(InputError, match=f"{name}: changed or truncated since it was written"):
        TestPredictions.of(run, Scoring([classes_spec([])]))


@pytest.mark.parametrize(
    "name", ["train.json", "config.yaml", "seed0/run.json", "seed0/confusion.csv"]
)
def test_file_that_is_gone_is_named(make_run: Callable, name: str) -> None:
    run = make_run(test="once")
    run.prepare()
    worker.work(run.folder, "once")
    (run.folder / name).unlink()
    with pytest.raises(InputError, match=f"{name}: no such file, but seal.json beside it names"):
        TestPredictions.of(run, Scoring([classes_spec([])]))
