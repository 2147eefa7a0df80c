"""Memory and machine: what is measured is there."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest
import torch

from ariigcn_dgl.benchmark.equality import relative_error
from ariigcn_dgl.benchmark.machine import measure_ceilings, measure_copy
from ariigcn_dgl.benchmark.measure import (
    COPIES,
    ROUNDS,
    WARM_CALLS,
    free_memory,
    replay_seconds,
    rotated,
    with_extra_memory,
)
from tests.training.capturing import EmulatedGraphs

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


def test_relative_error_is_that_of_the_worst_row() -> None:
    expected = [torch.tensor([3.0, 4.0]), torch.tensor([1.0])]
    assert relative_error(expected, expected) == 0
    found = [torch.tensor([3.0, 4.0]), torch.tensor([1.5])]
    assert relative_error(found, expected) == pytest.approx(0.5)
    rows = torch.ones(1000, 4)
    rows[7, 0] = 2  # of a row of norm 2
    assert relative_error([rows], [torch.ones(1000, 4)]) == pytest.approx(0.5)
    assert relative_error([torch.tensor(1.1)], [torch.tensor(1.0)]) == pytest.approx(0.1)
    assert relative_error([torch.ones(0)], [torch.ones(0)]) == 0
    for wrong in (found[:1], [found[0], None], [found[0], torch.tensor([1.0, 1.0])]):
        assert relative_error(wrong, expected) == float("inf")


@pytest.mark.usefixtures("small_machine")
def test_ceilings_are_plausible() -> None:
    copy = measure_copy(1, CPU)
    single = measure_ceilings(1, torch.float32, CPU, copy)
    assert single.fma > 1
    assert 0.1 < single.gemm < 1.5 * single.fma
    assert single.copy == copy > 0.1
    double = measure_ceilings(1, torch.float64, CPU, copy)
    assert double.fma == pytest.approx(single.fma / 2, rel=0.5)
    half = measure_ceilings(1, torch.bfloat16, CPU, copy)
    assert half.compute >= half.fma > 1


def test_every_copy_takes_its_turn_in_each_round_of_replays() -> None:
    x, graphs = [torch.zeros(1), torch.zeros(1)], EmulatedGraphs()
    seconds = replay_seconds([lambda i=i: x[i].add_(1) for i in range(2)], CPU, 0.0, graphs)
    assert seconds > 0
    rounds = (
        2 + ROUNDS[0]
    )  # two to begin with: the first uploads, the second says how long it takes
    assert graphs.replays == 2 * rounds
    assert x[1].item() == 1 + rounds  # a warm call; the capture and each replay
    assert x[0].item() == WARM_CALLS + rounds


def test_what_makes_the_host_wait_has_no_replay() -> None:
    x = torch.ones(1)
    with pytest.raises(AssertionError, match="makes the host wait"):
        replay_seconds([x.item], CPU, 0.0, EmulatedGraphs())


def test_copies_of_the_inputs_fill_the_cache() -> None:
    @dataclass(frozen=True)
    class Inputs:
        name: str
        x: torch.Tensor

    inputs = Inputs("a", torch.ones(25, requires_grad=True))  # 100 bytes
    copies = rotated(inputs, cache=450)
    assert len(copies) == 6
    assert copies[0] is inputs
    assert [one.name for one in copies] == ["a"] * 6
    assert all(one.x.equal(inputs.x) and one.x.requires_grad for one in copies)
    assert len({one.x.data_ptr() for one in copies}) == 6
    assert len(rotated(inputs, cache=0)) == COPIES[0]
    assert len(rotated(inputs, cache=10**9)) == COPIES[1]
