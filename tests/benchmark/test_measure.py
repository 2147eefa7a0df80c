"""Memory and machine: what is measured is there."""

from __future__ import annotations

import sys

import pytest
import torch

from ariigcn_dgl.benchmark.compare import relative_error
from ariigcn_dgl.benchmark.machine import measure_ceilings
from ariigcn_dgl.benchmark.memory import free_memory, with_extra_memory

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
