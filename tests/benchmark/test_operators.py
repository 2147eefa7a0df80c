"""Every peer agrees with float64, and the work that bounds are made of is right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ariigcn_dgl.benchmark.attention import AttentionProblem, attention_work
from ariigcn_dgl.benchmark.contrast import ContrastProblem, contrast_work
from ariigcn_dgl.benchmark.dialogues import SHAPES, draw_speakers, window_edges
from ariigcn_dgl.benchmark.plan import PlanProblem, plan_work
from ariigcn_dgl.benchmark.step import StepProblem
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.optional import is_installed

CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize(
    "problem",
    [
        AttentionProblem("meld", 12, 8),
        AttentionProblem("meld", 8, 162),
        ContrastProblem(40, "infonce"),
        ContrastProblem(40, "supcon"),
        PlanProblem("meld"),
        StepProblem("meld"),
    ],
    ids=lambda problem: f"{problem.operator} {problem.shape}",
)
@pytest.mark.usefixtures("tiny")
def test_every_peer_computes_the_same(measure: Callable, problem) -> None:
    eager = [peer for peer in problem.peers() if not peer.compiled]
    case = measure(problem, peers=[peer.key for peer in eager])
    for peer in eager:
        found = case.peer(peer.key)
        if not peer.package or is_installed(peer.package):
            expected = {"equal" if peer.same else "other formula"}
            expected |= {"not run"} if peer.refusal(problem.inputs(torch.float32, CPU)) else set()
            assert found.status in expected, found
            assert found.error is None or found.error < 2e-6


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    "problem", [AttentionProblem("meld", 64, 8), ContrastProblem(40, "supcon")]
)
@pytest.mark.usefixtures("tiny")
def test_ours_rounds_what_it_reads_and_writes_only(measure: Callable, problem, dtype) -> None:
    case = measure(problem, dtype, peers=["eager" if problem.operator == "contrast" else "dense"])
    ours, other = case.peers
    assert (ours.status, other.status) == ("equal", "equal")
    assert ours.error < case.tolerance
    assert ours.error < other.error


@pytest.mark.slow
def test_chunked_contrast_computes_the_same(measure: Callable) -> None:
    case = measure(ContrastProblem(1100, "infonce"), peers=["chunked"])
    assert case.peer("chunked").status == "equal"


@pytest.mark.parametrize(("speakers", "length"), [(1, 4), (2, 25), (3, 11)])
def test_edges_are_those_of_the_dialogues_graph(speakers: int, length: int) -> None:
    who = draw_speakers(5, length, speakers)
    lengths = torch.full((5,), length)
    graph = Graph.from_dialogues(lengths, who, relations="pairs", num_speakers=speakers)
    found = window_edges(length, who, speakers)
    for one, expected in zip(found, (graph.src, graph.dst, graph.etypes), strict=True):
        assert one.tolist() == expected.tolist()


def test_all_relations_of_nine_speakers_occur() -> None:
    _, _, etypes = window_edges(10, draw_speakers(32, 10, 9), 9)
    assert etypes.unique().tolist() == list(range(163))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_scores_stay_off_the_kink_and_are_exact(dtype: torch.dtype) -> None:
    inputs = AttentionProblem("meld", 256, 8).inputs(dtype, CPU)
    feat = inputs.feat.double()
    exact = []
    for weight in (inputs.weight_dst, inputs.weight_src):
        exact.append(feat @ weight.double())
        assert torch.equal((inputs.feat @ weight).double(), exact[-1])
    assert (exact[0][inputs.dst] + exact[1][inputs.src]).abs().min() > 0


@pytest.mark.parametrize("problem", [AttentionProblem("meld", 8, 8), ContrastProblem(40, "supcon")])
@pytest.mark.usefixtures("tiny")
def test_ceilings_of_the_libraries_run(problem) -> None:
    inputs = problem.inputs(torch.bfloat16, CPU)
    ceiling = next(peer for peer in problem.peers() if peer.key in ("products", "sdpa"))
    built = ceiling.build(inputs)
    assert built.timed
    for call in built.timed.values():
        results = call()
        for one in results if isinstance(results, list) else [results]:
            assert one.isfinite().all()


@pytest.mark.usefixtures("tiny")
def test_products_alone_are_those_that_the_operator_needs() -> None:
    problem = AttentionProblem("meld", 8, 8)
    inputs = problem.inputs(torch.bfloat16, CPU)
    products = next(peer for peer in problem.peers() if peer.key == "products").build(inputs)
    both, pairs = products.timed["forward"]()
    assert both.shape == (len(inputs.feat), 16)
    assert pairs.shape == (inputs.segments, 8)
    row = int(torch.unique(inputs.etypes * len(inputs.feat) + inputs.dst)[0])
    relation, node = divmod(row, len(inputs.feat))
    expected = inputs.feat[node].double() @ inputs.rel_weight[relation].double()
    torch.testing.assert_close(pairs[0].double(), expected, rtol=1e-2, atol=1e-2)


def test_work_of_attention() -> None:
    # two nodes in one dialogue, one speaker: 2 self segments, 1 past, 1 future
    flops, size = attention_work(nodes=2, segments=4, relations=3, dim=8, item=4)
    assert flops == 4 * 2 * 64 + 2 * 4 * 64
    assert size == 4 * (2 * 8 + 2 * 8 + 2 * 64 + 3 * 64 + 8)


def test_segments_of_attention_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHAPES, "meld", (1, 2))
    problem = AttentionProblem("meld", 8, 2)
    inputs = problem.inputs(torch.float32, CPU)
    assert problem.sizes(inputs) == {"N": 2, "E": 4, "P": 4, "R": 2, "D": 8}
    work = problem.work(inputs)
    assert work["forward"][0] == 1024
    assert work["forward+backward"][0] == 3072


def test_work_of_contrast_and_plan() -> None:
    assert contrast_work(10, 4, 4)["forward"] == (400, 160)
    assert contrast_work(10, 4, 4)["forward+backward"] == (1600, 480)
    assert plan_work(nodes=10, edges=100) == (0, 840)
