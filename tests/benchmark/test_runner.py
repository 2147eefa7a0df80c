"""What becomes of right, wrong, absent, too large and broken peers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import torch

from ariigcn_dgl import dgl
from ariigcn_dgl._dgl import INSTALL
from ariigcn_dgl.benchmark import machine
from ariigcn_dgl.benchmark.contrast import ContrastProblem
from ariigcn_dgl.benchmark.measure import CLOCKS, rotated
from ariigcn_dgl.benchmark.options import Options
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import PASSES, Timing
from ariigcn_dgl.benchmark.runner import Case, cases, run, with_replays
from tests.training.capturing import EmulatedGraphs

Run = Callable[..., Any]
CPU, FLOAT = torch.device("cpu"), torch.float32


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


def test_kernel_of_ours_that_leaves_an_element_unwritten_is_wrong(
    measure: Run, square: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty(3)
        if out.isnan().any():  # as it is found: elsewhere the rest happens to be right
            out[:2] = x[:2] ** 2
            return out
        return x**2

    found = measure(square((peer(forward, slack=1),)), passes=("forward",)).peer("other")
    assert (found.status, found.error) == ("wrong", float("inf"))


def test_others_may_err_ten_times_as_much_as_ours(measure: Run, square: Run) -> None:
    for slack, status in ((1, "wrong"), (10, "equal")):
        found = measure(square((peer(lambda x: x**2 * (1 + 5e-5), slack=slack),))).peer("other")
        assert found.status == status


def test_peer_is_timed_in_the_passes_that_it_has(measure: Run, square: Run) -> None:
    def build(x: torch.Tensor) -> Built:
        return Built(lambda: x, timed={"forward+backward": lambda: x * x})

    found = measure(square((Peer("other", "other", build, same=False),))).peer("other")
    assert tuple(found.passes) == ("forward+backward",)


def test_case_that_there_is_no_time_for_says_so(square: Run, small_machine: None) -> None:
    options = Options(operators=["contrast"], sizes=[8], peers=["eager"], budget=0, seconds=0)
    reports = []
    run(options, CPU, lambda *step: None, reports.append)
    assert [len(report.cases) for report in reports] == [1, 2]  # of infonce and supcon
    for found in reports[-1].cases[0].peers:
        assert (found.status, found.reason) == ("not run", "the 0 s of --budget were spent")


def test_ceilings_are_measured_by_the_clock_of_the_peers(
    small_machine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CLOCKS, "cpu", count().__next__)  # each call takes a second
    options = Options(operators=["contrast"], sizes=[40], peers=["eager"], seconds=0, clock="cpu")
    report = run(options, CPU, lambda *step: None, lambda report: None)
    assert report.ceilings[0].gemm == 2 * 256**3 / 1e9
    assert report.ceilings[0].copy == 2 * 2**22 / 1e9
    peers = report.cases[0].peers
    assert {one.minimum for peer in peers for one in peer.passes.values()} == {1}


def test_seed_of_the_inputs_is_another_one_each_time_and_reported(small_machine: None) -> None:
    options = Options(operators=["contrast"], sizes=[8], peers=["eager"], seconds=0)
    quiet = (CPU, lambda *step: None, lambda report: None)
    first, second = (run(options, *quiet).options["seed"] for _ in range(2))
    assert first != second
    assert run(replace(options, seed=7), *quiet).options["seed"] == 7


def test_replays_are_of_every_peer_or_say_why_there_are_none(measure: Run) -> None:
    problem = ContrastProblem(8, "supcon")
    case = Case(problem, Options(seconds=0), CPU, problem.inputs(FLOAT, CPU),
                PASSES, 1e-5)  # fmt: skip
    timings = {name: Timing(1.0, 1.0, 1, None) for name in PASSES}
    ours = problem.peers()[0]
    copies = rotated(case.inputs, 0)
    found = with_replays(timings, ours, ours.build(case.inputs), case, copies, EmulatedGraphs())
    assert all(one.replay > 0 and not one.unreplayed for one in found.values())
    waits = Built(lambda: case.inputs.feat.sum().item(), case.inputs.leaves)
    peer = Peer("waits", "waits", lambda inputs: waits)
    found = with_replays(timings, peer, waits, case, copies, EmulatedGraphs())
    assert all(one.replay is None for one in found.values())
    assert "makes the host wait" in found["forward"].unreplayed


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


def test_compiled_peers_come_last_on_a_gpu_beside_ours() -> None:
    chosen = Options(operators=["contrast"], sizes=[8], peers=["eager", "compiled"])
    found = [
        (problem.form, [peer.key for peer in peers])
        for problem, peers, _ in cases(chosen, torch.device("cuda"), [None])
    ]
    assert found == [
        ("infonce", ["ours", "eager"]),
        ("supcon", ["ours", "eager"]),
        ("infonce", ["ours", "compiled"]),
        ("supcon", ["ours", "compiled"]),
    ]
