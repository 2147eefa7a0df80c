"""Runs in processes: several at a time, failures on their own, nothing lost when one is stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments import queue
from ariigcn_dgl.experiments.leases import Leases
from ariigcn_dgl.experiments.processes import Processes
from ariigcn_dgl.experiments.queue import ATTEMPTS, work_on
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.worker import LOG_FILE

pytestmark = pytest.mark.slow  # trains in processes of their own

SEARCHED = ("model.safetensors", "metrics.jsonl")
RESULTS = ("model.safetensors", "metrics.jsonl", "predictions.jsonl")
LONG = {"training.epochs": 60, "training.patience": 60, "training.batch_size": 1}


def _bytes(run: Run, names: Sequence[str] = RESULTS) -> list[bytes]:
    return [(run.seed_folder.path / name).read_bytes() for name in names]


def test_all_runs_are_done_no_more_at_once_than_asked_for(make_run: Callable, memory: Any) -> None:
    runs = [make_run(seed=seed) for seed in range(4)]
    work_on(runs, 2, memory)
    assert [run.status for run in runs] == ["done"] * 4
    assert memory.most_at_once == 2
    assert {run.key for run in memory.finished} == {run.key for run in runs}


def test_a_search_leaves_the_test_split_alone(make_run: Callable, memory: Any) -> None:
    run = make_run()
    work_on([run], 1, memory)
    assert "test" not in run.read()
    assert make_run(test="once").status == "open"


def test_scores_do_not_depend_on_what_ran_before_in_the_queue(
    make_run: Callable, memory: Any, tmp_path: Any
) -> None:
    alone = make_run(seed=1, test="once", runs=tmp_path / "alone")
    later = make_run(seed=1, test="once")
    work_on([alone], 1, memory)
    work_on([make_run(seed=0), later], 1, memory)
    assert _bytes(alone) == _bytes(later)


def test_a_failure_does_not_stop_the_others(make_run: Callable, memory: Any) -> None:
    runs = [make_run({"training.learning_rate": 1e30}), make_run()]
    work_on(runs, 1, memory)
    assert [run.status for run in runs] == ["failed", "done"]
    assert runs[0].reason.startswith("training diverged: the classification loss is ")
    assert not (runs[1].folder / LOG_FILE).exists()


def test_an_ended_run_that_lost_its_seal_stops_the_study_instead_of_failing(
    make_run: Callable, memory: Any
) -> None:
    run = make_run(test="once")
    work_on([run], 1, memory)
    (run.seed_folder.path / "seal.json").unlink()
    with pytest.raises(InputError, match=r"seed0/seal\.json: no such file; put the right file"):
        work_on([run], 1, memory)
    assert run.status == "open"


def test_changed_data_is_a_failure(make_run: Callable, memory: Any) -> None:
    run = make_run(dataset_sha256="0" * 64)
    work_on([run], 1, memory)
    assert run.reason.endswith("talk: has changed since the study began")


def _kill(running: list[Run]) -> None:
    for process in multiprocessing.active_children():
        os.kill(process.pid, signal.SIGKILL)


def test_a_run_whose_process_is_always_killed_stays_open_with_its_reason(
    make_run: Callable, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "tick", _kill)
    run = make_run(LONG)
    work_on([run], 1, memory)
    assert run.status == "open"
    assert run.reason == "the process was killed by SIGKILL (out of memory?)"
    assert (memory.retried, memory.finished) == ([run] * (ATTEMPTS - 1), [run])


def test_a_run_whose_process_is_killed_once_ends_with_the_same_bits(
    make_run: Callable, memory: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def kill_once(running: list[Run]) -> None:
        if not memory.retried and any(run.epochs_done >= 2 for run in running):
            _kill(running)

    run, whole = make_run(LONG), make_run(LONG, runs=tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(memory, "tick", kill_once)
        work_on([run], 1, memory)
    assert memory.retried == [run]
    work_on([whole], 1, memory)
    assert [_bytes(run, SEARCHED), run.status] == [_bytes(whole, SEARCHED), "done"]


def test_a_run_is_done_though_the_server_of_processes_is_killed(
    make_run: Callable, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = []

    def kill_once(running: list[Run]) -> None:
        if not workers and any(run.epochs_done for run in running):
            workers.extend(process.pid for process in multiprocessing.active_children())
            os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)

    monkeypatch.setattr(memory, "tick", kill_once)
    run = make_run(LONG)
    work_on([run], 1, memory)
    assert (run.status, memory.retried) == ("done", [run])
    assert not any(_runs(worker) for worker in workers)


def _runs(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_full_disk_says_nothing_about_a_run(make_run: Callable, memory: Any) -> None:
    run = make_run()
    run.prepare()
    (run.folder / "seed0" / "metrics.jsonl").mkdir(parents=True)  # cannot be replaced by a file
    work_on([run], 1, memory)
    assert run.status == "open"
    assert run.reason.endswith("metrics.jsonl: cannot be written: Is a directory")


def test_a_run_that_others_work_on_is_waited_for_and_taken_over_when_they_let_it_go(
    make_run: Callable, memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LOOK_SECONDS", 0)
    run, leases = make_run(), Leases(tmp_path / "leases")
    lease = Leases(tmp_path / "leases").acquire(run.key)
    waited = []

    def tick(running: list[Run]) -> None:
        waited.append(len(running))
        if len(waited) == 3:
            lease.release()

    monkeypatch.setattr(memory, "tick", tick)
    work_on([run], 1, memory, leases)
    assert waited[:3] == [0, 0, 0]
    assert run.status == "done"
    assert Leases(tmp_path / "leases").acquire(run.key) is not None  # given back


def test_a_run_that_others_finish_is_not_begun_again(
    make_run: Callable, memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LOOK_SECONDS", 0)
    run, leases = make_run(), Leases(tmp_path / "leases")
    lease = Leases(tmp_path / "leases").acquire(run.key)
    other = type(memory)()

    def tick(running: list[Run]) -> None:
        if not other.finished:
            work_on([make_run()], 1, other)
            monkeypatch.setattr(Processes, "begin", None)
            lease.release()

    monkeypatch.setattr(memory, "tick", tick)
    work_on([run], 1, memory, leases)
    assert memory.finished == [run]


def test_a_run_that_brings_its_machines_down_is_left_open_with_that_reason(
    make_run: Callable, memory: Any, tmp_path: Path
) -> None:
    run, leases = make_run(), Leases(tmp_path / "leases")
    lease = Leases(tmp_path / "leases").acquire(run.key)
    lease.holders, lease.lost = {str(os.getpid()): "another time"}, queue.ATTEMPTS - 1
    assert lease.beat()  # of a process that is dead
    work_on([run], 1, memory, leases)
    assert (run.status, memory.finished) == ("open", [run])
    assert run.reason == "the processes that worked on it were lost 3 times, the machines with them"
    work_on([run], 1, memory, leases)
    assert run.status == "done"


def test_an_interruption_ends_what_runs_and_keeps_its_epochs(
    make_run: Callable, memory: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    def interrupt(running: list[Run]) -> None:
        if any(run.epochs_done >= 2 for run in running):
            raise KeyboardInterrupt

    run = make_run(LONG, test="once")
    with monkeypatch.context() as patch:
        patch.setattr(memory, "tick", interrupt)
        with pytest.raises(KeyboardInterrupt):
            work_on([run], 1, memory)
    assert multiprocessing.active_children() == []
    assert run.status == "open"
    assert 2 <= run.epochs_done < 60
    whole = make_run(LONG, test="once", runs=tmp_path / "whole")
    work_on([run, whole], 2, memory)
    assert _bytes(run) == _bytes(whole)


IN_A_BACKGROUND = """
import multiprocessing, os, signal, sys, time
from pathlib import Path

from ariigcn_dgl.experiments import worker

signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell starts its background jobs
folder = Path(sys.argv[1])
worker.work = lambda *_: ((folder / "began").touch(), time.sleep(60))
context = multiprocessing.get_context("fork")
process = context.Process(target=worker.work_alone, args=(folder, "never"))
process.start()
while not (folder / "began").exists():
    time.sleep(0.01)
os.kill(process.pid, signal.SIGINT)
process.join(5)
print(process.exitcode)
process.kill()
"""


def test_an_interruption_reaches_the_runs_of_a_study_in_the_background(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IN_A_BACKGROUND, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("130\n", "")
