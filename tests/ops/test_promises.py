"""What all operators promise: the same bits on any number of threads, compilable, little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import (
    PairRule,
    dot_attention,
    dot_attention_reference,
    pairwise_contrast,
    relational_sum,
    segment_spmm,
)

RULE = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
NODES, WIDTH = 400, 24


def attend_by_dot(graph: Graph, u: Tensor, v: Tensor) -> Tensor:
    return dot_attention(graph, u, v)


def spmm(graph: Graph, u: Tensor, v: Tensor) -> Tensor:
    return segment_spmm(graph, u[:, graph.dst, 0], v)


def transform(graph: Graph, u: Tensor, v: Tensor) -> Tensor:
    matrices = u[:, : graph.num_rels, :, None] * v[:, : graph.num_rels, None]
    return relational_sum(graph, u[:, graph.dst, 0], v, matrices)


def contrast(graph: Graph, u: Tensor, v: Tensor) -> Tensor:
    label = torch.arange(v.size(1)).remainder(3).expand(v.shape[:2])
    return torch.stack(pairwise_contrast(v + u, label, label * 0, label * 0, RULE)[2:])


OPERATORS = (attend_by_dot, spmm, transform, contrast)
every_operator = pytest.mark.parametrize("operator", OPERATORS)


@pytest.fixture
def graph() -> Graph:
    return Graph.from_dialogues(
        torch.tensor([NODES]), torch.arange(NODES).remainder(2), past=9, future=9
    )


@pytest.fixture
def inputs() -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(2, 3, NODES, WIDTH, generator=generator)
    return [x.requires_grad_() for x in torch.nn.functional.normalize(rows, dim=-1)]


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def results(operator: Callable, graph: Graph, inputs: list[Tensor]) -> list[Tensor]:
    out = operator(graph, *inputs)
    grads = torch.autograd.grad(out.square().sum(), inputs, materialize_grads=True)
    return [out.detach(), *grads]


@every_operator
def test_the_number_of_threads_changes_no_bit(operator, graph, inputs, set_threads):
    set_threads(1)
    alone = results(operator, graph, inputs)
    set_threads(2)
    assert all(a.equal(b) for a, b in zip(alone, results(operator, graph, inputs), strict=True))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
def test_all_operators_compile_into_one_graph(graph, inputs):
    targets = graph.merged
    ids = (torch.arange(NODES).remainder(3).expand(3, NODES).contiguous(),) * 3

    def function(u: Tensor, v: Tensor) -> Tensor:
        scores = torch.ops.ariigcn.segment_sddmm(u, v, targets.plan, targets.sizes)
        sums = torch.ops.ariigcn.segment_spmm(scores, v, graph.plan, graph.sizes, False)
        stats = torch.ops.ariigcn.pairwise_contrast(v, *ids, 2, 1, 0.5, 1.0, False)
        return sums.sum() + stats[:, 2:].sum()

    compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
    eager = torch.autograd.grad(function(*inputs), inputs)
    torch.testing.assert_close(torch.autograd.grad(compiled(*inputs), inputs), eager)


def peak_bytes(function: Callable[[], object]) -> int:
    """Return the most bytes of tensors at once, those inside the native operators included."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(
        activities=activities, profile_memory=True, acc_events=True
    ) as profile:
        function()
    now = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    return peak


@pytest.mark.parametrize("operator", [attend_by_dot, spmm, contrast])
def test_no_tensor_of_edges_times_width_or_nodes_times_nodes_is_made(operator, graph, inputs):
    bytes_per_group = 4 * min(graph.num_edges * WIDTH, NODES * NODES)
    assert 0 < peak_bytes(lambda: results(operator, graph.merged, inputs)) < 3 * bytes_per_group


def test_the_watch_on_memory_sees_the_reference(graph, inputs):
    def reference(graph: Graph, u: Tensor, v: Tensor) -> Tensor:
        return dot_attention_reference(graph, u, v)

    bytes_per_group = 4 * graph.num_edges * WIDTH
    assert peak_bytes(lambda: results(reference, graph, inputs)) > 3 * bytes_per_group
