"""Memory and machine: what is measured is there."""

from __future__ import annotations

import sys
from typing import ClassVar

import pytest
import torch

from ariigcn_dgl.benchmark.equality import relative_error
from ariigcn_dgl.benchmark.machine import measure_ceilings
from ariigcn_dgl.benchmark.measure import (
    REPLAYS,
    WARM_CALLS,
    free_memory,
    replay_seconds,
    with_extra_memory,
)

CPU = torch.device("cpu")
MEGABYTE = 10**6
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from /proc")


def temporary(megabytes: int) -> float:
    return torch.ones(megabytes * MEGABYTE // 4).sum().item()


@linux
@pytest.mark.parametrize("megabytes", [8, 64])
def test_memory_sees_a_temporary(megabytes: int) -> None:
    temporary(megabytes)  # freed memory that is used again must count as well
    result, extra = with_extra_memory(lambda: temporary(megabytes), CPU)
    assert result == megabytes * MEGABYTE / 4
    assert megabytes - 2 < extra / MEGABYTE < megabytes + 4


@linux
def test_memory_does_not_see_what_was_live_before() -> None:
    held = torch.ones(16 * MEGABYTE)
    _, extra = with_extra_memory(lambda: held.add_(1), CPU)
    assert extra < 4 * MEGABYTE


@linux
def test_free_memory_is_some_of_the_machine() -> None:
    assert 10 * MEGABYTE < free_memory(CPU) < 10**14


def test_relative_error_is_that_of_the_worst_tensor() -> None:
    expected = [torch.tensor([3.0, 4.0]), torch.tensor([1.0])]
    assert relative_error(expected, expected) == 0
    found = [torch.tensor([3.0, 4.0]), torch.tensor([1.5])]
    assert relative_error(found, expected) == pytest.approx(0.5)
    for wrong in (found[:1], [found[0], None], [found[0], torch.tensor([1.0, 1.0])]):
        assert relative_error(wrong, expected) == float("inf")


@pytest.mark.usefixtures("small_machine")
def test_ceilings_are_plausible() -> None:
    single = measure_ceilings(1, torch.float32, CPU)
    assert single.fma > 1
    assert 0.1 < single.gemm < 1.5 * single.fma
    assert single.copy > 0.1
    double = measure_ceilings(1, torch.float64, CPU)
    assert double.fma == pytest.approx(single.fma / 2, rel=0.5)
    half = measure_ceilings(1, torch.bfloat16, CPU)
    assert half.compute >= half.fma > 1


class StandIn:
    """Takes the place of streams, events and graphs of CUDA, and notes what happens in it."""

    log: ClassVar[list[str]] = []

    def __init__(self, *args, **kwargs):
        pass

    def __enter__(self):
        self.log.append("capture" if isinstance(self, Capture) else "stream")

    def __exit__(self, *error):
        self.log.append("end")

    def replay(self):
        self.log.append("replay")

    def wait_stream(self, other):
        pass

    def record(self):
        pass

    def elapsed_time(self, end):
        return 40.0  # milliseconds


class Capture(StandIn):
    pass


def test_replays_of_a_graph_are_timed_without_the_calls_that_it_was_captured_from(monkeypatch):
    for name in ("Stream", "CUDAGraph", "Event", "stream", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, StandIn)
    monkeypatch.setattr(torch.cuda, "graph", Capture)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    StandIn.log.clear()
    call = lambda: StandIn.log.append("call")  # noqa: E731
    assert replay_seconds(call, torch.device("cuda")) == pytest.approx(0.040 / REPLAYS)
    setup = ["stream", *["call"] * WARM_CALLS, "end", "capture", "call", "end"]
    assert StandIn.log[: len(setup)] == setup
    assert set(StandIn.log[len(setup) :]) == {"replay"}
