"""The seam between the queue and what works on runs, with an engine that computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ariigcn_dgl.experiments import queue
from ariigcn_dgl.experiments.engine import Ending, Engine, Work
from ariigcn_dgl.experiments.leases import Lease
from ariigcn_dgl.experiments.queue import ATTEMPTS, Listed, work_on
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.seal import seal

LOST = Ending("its node died")


class Scripted(Engine):
    """Ends runs as it is told, one after another; None: at the next look."""

    def __init__(self, *endings: Ending | None) -> None:
        self.endings = list(endings)
        self.begun: list[Run] = []
        self.stopped: list[Work] = []

    def begin(self, run: Run, lease: Lease | None) -> Work:
        self.begun.append(run)
        return Scripted.Run(run, self.endings)

    def stop(self, works: Sequence[Work]) -> None:
        self.stopped += works

    class Run(Work):
        def __init__(self, run: Run, endings: list[Ending | None]) -> None:
            self.run = run
            self.endings = endings

        def ended(self) -> Ending | None:
            ending = self.endings.pop(0)
            if ending == Ending():
                self.run.seed_folder.path.mkdir(parents=True)
                seal(self.run.seed_folder.path, [])
            return ending


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "POLL_SECONDS", 0)


def test_no_more_runs_are_begun_at_once_than_asked_for(make_run: Callable, memory: Any) -> None:
    runs = [make_run(seed=seed) for seed in range(3)]
    engine = Scripted(None, None, Ending(), None, Ending(), Ending())
    work_on(runs, 2, memory, engine=engine)
    assert engine.begun == runs
    assert memory.most_at_once == 2
    assert memory.finished == [runs[0], runs[1], runs[2]]


def test_a_lost_run_is_begun_again_behind_the_others(make_run: Callable, memory: Any) -> None:
    lost, other = make_run(seed=0), make_run(seed=1)
    engine = Scripted(LOST, Ending(), Ending())
    work_on([lost, other], 1, memory, engine=engine)
    assert engine.begun == [lost, other, lost]
    assert memory.retried == [lost]


def test_a_run_that_is_always_lost_stays_open_with_its_reason(
    make_run: Callable, memory: Any
) -> None:
    run = make_run()
    engine = Scripted(*[LOST] * ATTEMPTS)
    work_on([run], 1, memory, engine=engine)
    assert (run.status, run.reason) == ("open", "its node died")
    assert len(engine.begun) == ATTEMPTS


def test_a_failure_of_the_model_is_not_tried_again(make_run: Callable, memory: Any) -> None:
    run = make_run()
    engine = Scripted(Ending("training diverged", final=True))
    work_on([run], 1, memory, engine=engine)
    assert (run.status, run.reason) == ("failed", "training diverged")
    assert engine.begun == [run]


def test_what_is_not_wanted_any_more_is_stopped(
    make_run: Callable, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, engine = make_run(), Scripted(None, None)
    monkeypatch.setattr(Listed, "unwanted", lambda self, run: True)
    monkeypatch.setattr(Listed, "ended", lambda self, run: "pruned")
    work_on([run], 1, memory, engine=engine)
    assert len(engine.stopped) == 1
    assert memory.pruned == {run: "pruned"}


def test_an_interruption_stops_what_runs(
    make_run: Callable, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(running: list[Run]) -> None:
        raise KeyboardInterrupt

    engine = Scripted(None)
    monkeypatch.setattr(memory, "tick", interrupt)
    with pytest.raises(KeyboardInterrupt):
        work_on([make_run(seed=0), make_run(seed=1)], 2, memory, engine=engine)
    assert len(engine.stopped) == 2
