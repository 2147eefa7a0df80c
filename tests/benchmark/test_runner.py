"""What becomes of right, wrong, absent, too large and broken peers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ariigcn_dgl import dgl
from ariigcn_dgl._dgl import INSTALL
from ariigcn_dgl.benchmark import machine
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import PASSES

Run = Callable[..., Any]


def peer(forward: Callable, **more) -> Peer:
    return Peer("other", "other", lambda x: Built(lambda: forward(x), [x]), **more)


def test_equal_peers_are_timed_in_both_passes(measure: Run, square: Run) -> None:
    case = measure(square((peer(lambda x: x * x),)))
    for found in case.peers:
        assert (found.status, found.error) == ("equal", 0.0)
        assert tuple(found.passes) == PASSES
        assert all(t.calls == 1 and 0 < t.minimum <= t.median for t in found.passes.values())
    assert case.over_ours(case.peer("other"), "forward") > 0


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x**2 * 1.01,
        lambda x: x**2 * torch.nan,
        lambda x: (x**2)[:2].repeat(2),
        lambda x: x.detach() ** 2 + 0 * x,  # right output, no gradient
        lambda x: x**2 + x - x.detach(),  # right output, wrong gradient
    ],
    ids=["output", "nan", "shape", "no-gradient", "gradient"],
)
def test_wrong_peer_is_reported_and_not_timed(measure: Run, square: Run, wrong: Run) -> None:
    found = measure(square((peer(wrong),))).peer("other")
    assert found.passes == {}
    if found.status != "failed":  # torch itself refuses a shape that the gradient does not fit
        assert found.status == "wrong"
        assert "differs from float64" in found.reason


def test_gradient_is_not_looked_at_where_it_is_not_timed(measure: Run, square: Run) -> None:
    problem = square((peer(lambda x: x**2 + x - x.detach()),))
    found = measure(problem, passes=("forward",)).peer("other")
    assert found.status == "equal"
    assert tuple(found.passes) == ("forward",)


def test_other_formula_is_timed_without_a_comparison(measure: Run, square: Run) -> None:
    found = measure(square((peer(lambda x: x**3, same=False),))).peer("other")
    assert (found.status, found.error) == ("other formula", None)
    assert tuple(found.passes) == PASSES


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"package": "no_such_package"}, "no_such_package is not installed: pip install"),
        ({"bytes_needed": lambda x: 10**18}, "needs about 1000000000 GB"),
        ({"refusal": lambda x: "too small"}, "too small"),
    ],
)
def test_peer_that_cannot_run_says_why(measure: Run, square: Run, more: dict, reason: str) -> None:
    found = measure(square((peer(lambda x: x**2, **more),))).peer("other")
    assert (found.status, found.passes) == ("not run", {})
    assert found.reason.startswith(reason)


def test_broken_peer_leaves_the_others(measure: Run, square: Run) -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError("no luck\nat all")

    def build(x: torch.Tensor) -> Built:
        raise ImportError("no library")

    case = measure(square((peer(forward), Peer("unbuilt", "unbuilt", build))))
    assert case.peer("other").status == "failed"
    assert case.peer("other").reason == "ZeroDivisionError: no luck"
    assert case.peer("unbuilt").status == "not run"
    assert case.peer("unbuilt").reason == "ImportError: no library"
    assert case.peer("ours").passes


def test_without_dgl_its_peers_are_not_run_and_say_how(
    measure: Run, square: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dgl", None)
    case = measure(square((peer(lambda x: x**2, package="dgl"),)))
    assert case.peer("other").status == "not run"
    assert case.peer("other").reason == f"dgl is not installed: {INSTALL}"
    assert case.peer("ours").passes


def test_dgl_gets_as_many_threads_as_torch_when_a_peer_loads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = []
    monkeypatch.setattr(dgl.utils, "set_num_threads", given.append)
    assert machine.load_dgl() is dgl
    assert given == [torch.get_num_threads()]


def test_bound_is_the_slower_of_arithmetic_and_copy(measure: Run, square: Run) -> None:
    bound = measure(square()).bounds["forward"]  # 2 GFLOP at 100 GFLOP/s; 1 GB at 10 GB/s
    assert bound.seconds == pytest.approx(0.1)


def test_peers_that_are_not_asked_for_are_left_out(measure: Run, square: Run) -> None:
    case = measure(square((peer(lambda x: x * x),)), peers=["dgl"])
    assert [found.key for found in case.peers] == ["ours"]
