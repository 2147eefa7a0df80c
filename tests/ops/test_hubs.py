"""Nodes of very many edges on the CPU: threads share their edges out, in parts."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import (
    additive_attention,
    relational_attention,
    relational_attention_reference,
    relational_sum,
    relational_sum_reference,
    segment_spmm,
    segment_spmm_reference,
)
from tests.attention_inputs import arguments, weights_like

MANY = 9000  # edges of a node, which are worked on in three parts


def star(inwards: bool) -> Graph:
    """Return MANY edges between node 0 and all nodes, of one relation."""
    ends = torch.zeros(MANY, dtype=torch.int64), torch.arange(MANY)
    src, dst = reversed(ends) if inwards else ends
    return Graph.from_edges(src, dst, num_src=MANY, num_dst=MANY)


@functools.cache
def hubs() -> Graph:
    """Return a graph with two hubs that are targets, two that are sources, and other nodes.

    One of each has nearly all its edges in one relation, so many that they are of several parts;
    those of the other are in all relations, of a part each.
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(end: int, count: int = MANY) -> Tensor:
        return torch.randint(end, (count,), generator=generator)

    one, few = torch.full((MANY,), 1), 500
    one[:7] = torch.tensor([0, 0, 2, 3, 3, 3, 0])
    hub = [torch.full((MANY,), node) for node in (3, 8, 5, 9)]
    src = torch.cat([drawn(60), drawn(60), hub[2], hub[3], drawn(60, few)])
    dst = torch.cat([hub[0], hub[1], drawn(50), drawn(50), drawn(50, few)])
    rel = torch.cat([one, drawn(4), one, drawn(4), drawn(4, few)])
    order = torch.randperm(len(src), generator=generator)
    sizes = {"num_src": 60, "num_dst": 50, "num_rels": 4}
    return Graph.from_edges(src[order], dst[order], rel[order], **sizes)


def results(function: Callable[..., object], inputs: dict[str, Tensor], **options) -> list[Tensor]:
    """Return what the function makes and all gradients, of the same dropout at every call."""
    inputs = {k: x.detach().clone().requires_grad_() for k, x in inputs.items()}
    torch.manual_seed(0)
    out = function(hubs(), **inputs, **options)
    out = [out] if isinstance(out, Tensor) else list(out)
    cotangents = [weights_like(x) for x in out]
    return [*out, *torch.autograd.grad(out, list(inputs.values()), cotangents)]


def check(ours: list[Tensor], exact: list[Tensor], tolerance: float) -> None:
    """Fail unless every tensor's error is small in norm; those that vanish count as 1 / 100."""
    for one, other in zip(ours, exact, strict=True):
        assert (one.double() - other).norm() < tolerance * other.norm().clamp(min=1e-2)


def test_a_hubs_neighbours_are_summed():
    graph, ones = star(inwards=True), torch.ones(1, MANY, 1)
    weight = torch.ones(1, MANY, requires_grad=True)
    out = relational_sum(graph, weight, ones, torch.full((1, 1, 1, 1), 2.0))
    assert out.flatten().tolist() == [2.0 * MANY, *[0.0] * (MANY - 1)]
    assert torch.autograd.grad(out.sum(), weight)[0].eq(2).all()


def test_the_gradient_of_a_hub_is_the_sum_of_its_neighbours():
    graph, feat = star(inwards=False), torch.ones(1, MANY, 1, requires_grad=True)
    out = relational_sum(graph, torch.ones(1, MANY), feat, torch.full((1, 1, 1, 1), 2.0))
    assert out.eq(2).all()
    expected = [2.0 * MANY, *[0.0] * (MANY - 1)]
    assert torch.autograd.grad(out.sum(), feat)[0].flatten().tolist() == expected


def test_a_segment_of_a_hub_sums_its_neighbours():
    graph, feat = star(inwards=True), torch.ones(1, MANY, 1)
    weight = torch.full((1, MANY), 2.0, requires_grad=True)
    out = segment_spmm(graph, weight, feat)
    assert out.flatten().tolist() == [2.0 * MANY]
    assert torch.autograd.grad(out.sum(), weight)[0].eq(1).all()


def test_a_hub_sums_the_gradients_of_its_segments():
    graph, feat = star(inwards=False), torch.ones(1, MANY, 1, requires_grad=True)
    out = segment_spmm(graph, torch.full((1, MANY), 2.0), feat)
    expected = [2.0 * MANY, *[0.0] * (MANY - 1)]
    assert torch.autograd.grad(out.sum(), feat)[0].flatten().tolist() == expected


def test_a_hubs_attention_adds_up_to_one():
    graph, zero = star(inwards=True), torch.zeros(1, 1, 1)
    feat = torch.arange(MANY, dtype=torch.float64).reshape(1, MANY, 1)
    given = (zero.double(), zero.double(), zero[0].double(), torch.ones(1, 1, 1, 1).double())
    out, alpha = relational_attention(graph, feat, *given)
    torch.testing.assert_close(alpha, torch.full((1, MANY), 1 / MANY).double())
    assert out[0, 0, 0].item() == pytest.approx((MANY - 1) / 2 / MANY, rel=1e-12)


# Of one head sums are transformed, of several sources, unless the results are much wider.
KINDS = {
    "one head": (1, (5, 3, 4), "leaky_relu"),
    "heads, transformed first": (3, (5, 3, 4), "leaky_relu"),
    "heads, summed first": (3, (2, 3, 20), "leaky_relu"),
    "heads, some columns at a time": (3, (20, 3, 24), "leaky_relu"),
    "another activation": (2, (3, 18, 4), "tanh"),
}


@pytest.mark.parametrize("softmax", ["all", "relation"])
@pytest.mark.parametrize("optional", [(), ("bias", "edge_weight")], ids=["plain", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_attention_equals_the_reference(kind: str, optional: tuple[str, ...], softmax: str):
    heads, widths, activation = KINDS[kind]
    options = {"softmax": softmax, "activation": activation, "gelu": bool(optional)}
    inputs = arguments(hubs(), widths, (2, heads), optional)
    exact = results(relational_attention_reference, inputs, **options)
    check(results(relational_attention, inputs, **options), exact, 1e-11)


def test_attention_without_messages_equals_the_reference():
    inputs = arguments(hubs(), (5, 3, 4), (1, 2), ("bias",))
    inputs.pop("rel_weight")
    exact = results(additive_attention, inputs, impl="reference")
    check(results(additive_attention, inputs), exact, 1e-11)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_only_rounds_the_results(dtype: torch.dtype):
    inputs = arguments(hubs(), (5, 3, 4), (1, 2), ("bias", "edge_weight"), dtype)
    doubles = {k: x.double() for k, x in inputs.items()}
    options = {"normalise": False}  # 1 / |N| makes numbers of which float16 has few digits
    exact = results(relational_attention_reference, doubles, **options)
    ours = results(relational_attention, inputs, **options)
    check(ours, exact, torch.finfo(dtype).eps / 2)


def test_dropout_is_a_weight_of_zero_on_the_dropped_edges():
    inputs, rate = arguments(hubs(), (5, 3, 4), (1, 1), ("edge_weight",)), 0.4
    dropped = results(relational_attention, inputs, dropout=rate)
    scale = dropped[-1].ne(0).double() / (1 - rate)  # by the gradient of the weights
    weighted = inputs | {"edge_weight": inputs["edge_weight"] * scale}
    *exact, by_weight = results(relational_attention_reference, weighted)
    check(dropped, [*exact, by_weight * scale], 1e-11)


def test_each_head_drops_what_it_drops_alone():
    inputs = arguments(hubs(), (5, 3, 4), (1, 3), ())
    first = {k: x if k == "feat" else x[:1] for k, x in inputs.items()}
    alone, together = (results(relational_attention, x, dropout=0.4)[0] for x in (first, inputs))
    torch.testing.assert_close(together[:1], alone)


def inputs_of_sums(dtype: torch.dtype, heads: int) -> dict[str, Tensor]:
    generator, graph = torch.Generator().manual_seed(1), hubs()
    shapes = {
        "edge_weight": (2 * heads, graph.num_edges),
        "feat": (2, graph.num_src, 5),
        "rel_weight": (2 * heads, graph.num_rels, 5, 20),
    }
    return {k: torch.randn(s, generator=generator, dtype=dtype) for k, s in shapes.items()}


@pytest.mark.parametrize("heads", [1, 3])
def test_the_sum_equals_the_reference(heads: int):
    inputs = inputs_of_sums(torch.float64, heads)
    exact = results(relational_sum_reference, inputs)
    check(results(relational_sum, inputs), exact, 1e-12)


def weights_and_features(dtype: torch.dtype) -> dict[str, Tensor]:
    generator, graph = torch.Generator().manual_seed(2), hubs()
    shapes = {"weight": (2, graph.num_edges), "feat": (2, graph.num_src, 19)}
    return {k: torch.randn(s, generator=generator).to(dtype) for k, s in shapes.items()}


def test_the_sums_of_segments_equal_the_reference():
    inputs = weights_and_features(torch.float64)
    check(results(segment_spmm, inputs), results(segment_spmm_reference, inputs), 1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_only_rounds_the_sums_of_segments(dtype: torch.dtype):
    inputs = weights_and_features(dtype)
    exact = results(segment_spmm_reference, {k: x.double() for k, x in inputs.items()})
    check(results(segment_spmm, inputs), exact, torch.finfo(dtype).eps / 2)


def check_threads(function: Callable[..., object], inputs: dict[str, Tensor], **options) -> None:
    """Fail unless 1, 2 and 3 threads make the same bits."""
    before, answers = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        answers.append(results(function, inputs, **options))
    torch.set_num_threads(before)
    for answer in answers[1:]:
        assert all(a.equal(b) for a, b in zip(answers[0], answer, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_threads_changes_no_bit(kind: str):
    heads, widths, activation = KINDS[kind]
    inputs = arguments(hubs(), widths, (1, heads), ("bias", "edge_weight"), torch.float32)
    options = {"activation": activation, "dropout": 0.3, "gelu": True}
    check_threads(relational_attention, inputs, **options)


@pytest.mark.parametrize("heads", [1, 3])
def test_the_number_of_threads_changes_no_bit_of_the_sum(heads: int):
    check_threads(relational_sum, inputs_of_sums(torch.float32, heads))


def test_the_number_of_threads_changes_no_bit_of_the_sums_of_segments():
    check_threads(segment_spmm, weights_and_features(torch.float32))
