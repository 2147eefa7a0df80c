"""Attention of every edge."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import edge_attention, edge_attention_reference

WIDTHS = (1, 3, 8, 100, 129)
SLOPES = (0.0, 0.2)


def csr_graph(degrees: list[int], num_src: int) -> Graph:
    generator = torch.Generator().manual_seed(0)
    indices = torch.randint(max(num_src, 1), (sum(degrees),), generator=generator)
    return Graph.from_csr(torch.tensor([0, *degrees]).cumsum(0), indices, num_src=num_src)


GRAPHS = {
    "empty": csr_graph([], 0),
    "no targets": csr_graph([], 3),
    "no edges": csr_graph([0, 0], 3),
    "one node": csr_graph([1], 1),
    "isolated nodes": csr_graph([0, 4, 0, 1], 9),
    "double edges": csr_graph([5, 6], 2),
    "more than one partial sum": csr_graph([k % 7 for k in range(150)], 70),
}
every_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
MANY = GRAPHS["more than one partial sum"]


def arguments(graph: Graph, width: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(width)
    shapes = (2, graph.num_dst, width), (2, graph.num_src, width), (2, width)
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) for s in shapes]


def structure(graph: Graph) -> tuple[Tensor, ...]:
    return graph.indptr, graph.indices, graph.dst, graph.t_indptr, graph.t_eids


def gradients(function, graph: Graph, inputs: list[Tensor], slope: float) -> list[Tensor]:
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    out = function(graph, *inputs, negative_slope=slope)
    cotangent = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    return [out.detach(), *torch.autograd.grad(out, inputs, cotangent)]


def test_attention_is_the_softmax_over_a_targets_in_edges():
    graph = Graph.from_csr(torch.tensor([0, 2, 3]), torch.tensor([0, 1, 0]))
    u = torch.tensor([[[1.0, -1.0], [0.0, 0.0]]])
    v = torch.tensor([[[1.0, 0.0], [0.0, 3.0]]])
    w = torch.tensor([[1.0, 0.5]])
    # scores: w . relu([2, -1]) = 2 and w . relu([1, 2]) = 2; then a single edge
    assert edge_attention(graph, u, v, w).tolist() == [[0.5, 0.5, 1.0]]


def test_negative_sums_are_scaled_by_the_slope():
    graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    u, v, w = torch.zeros(1, 1, 1), torch.tensor([[[-10.0], [0.0]]]), torch.ones(1, 1)
    first, second = edge_attention(graph, u, v, w, negative_slope=0.1).flatten().tolist()
    assert second / first == pytest.approx(math.e, rel=1e-5)


def test_large_scores_do_not_overflow():
    graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    u, v, w = torch.zeros(1, 1, 1), torch.tensor([[[1e4], [1e4 - 1]]]), torch.ones(1, 1)
    alpha = edge_attention(graph, u, v, w).flatten()
    torch.testing.assert_close(alpha, torch.tensor([1.0, 0.0]).softmax(0))


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("width", WIDTHS)
@every_graph
def test_equals_the_reference_forward_and_backward(graph: Graph, width: int, slope: float):
    inputs = arguments(graph, width)
    functions = (edge_attention, edge_attention_reference)
    ours, theirs = (gradients(f, graph, inputs, slope) for f in functions)
    torch.testing.assert_close(ours, theirs)


def test_single_precision_is_close_to_the_truth():
    single = arguments(MANY, 100, torch.float32)
    exact = gradients(edge_attention_reference, MANY, [x.double() for x in single], 0.1)
    ours = gradients(edge_attention, MANY, single, 0.1)
    torch.testing.assert_close([x.double() for x in ours], exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_errs_no_more_than_the_naive_way(dtype: torch.dtype):
    low = arguments(MANY, 100, dtype)
    exact = gradients(edge_attention_reference, MANY, [x.double() for x in low], 0.1)
    functions = (edge_attention, edge_attention_reference)
    ours, naive = (gradients(f, MANY, low, 0.1) for f in functions)
    for truth, mine, other in zip(exact, ours, naive, strict=True):
        assert mine.dtype == dtype
        small = 2 * torch.finfo(dtype).eps * truth.abs().max()
        assert (mine - truth).abs().max() <= (other - truth).abs().max() + small


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("name", ["isolated nodes", "double edges"])
def test_first_derivatives(name: str, slope: float):
    graph = GRAPHS[name]
    inputs = arguments(graph, 3)
    kink = inputs[0][:, graph.dst] + inputs[1][:, graph.indices]
    assert kink.abs().min() > 1e-4  # finite differences must not cross it
    inputs = [x.requires_grad_() for x in inputs]
    assert torch.autograd.gradcheck(
        lambda *x: edge_attention(graph, *x, negative_slope=slope), inputs
    )


def test_gradients_with_a_graph_equal_those_without():
    inputs = [x.requires_grad_() for x in arguments(MANY, 3)]
    loss = edge_attention(MANY, *inputs).square().sum()
    plain = torch.autograd.grad(loss, inputs, retain_graph=True)
    with_graph = torch.autograd.grad(loss, inputs, create_graph=True)
    assert all(a.equal(b) for a, b in zip(plain, with_graph, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "requires_grad"),
    [("empty", True), ("no edges", True), ("isolated nodes", True), ("isolated nodes", False)],
)
def test_follows_the_rules_for_operators(name: str, requires_grad: bool):
    graph = GRAPHS[name]
    inputs = [x.requires_grad_(requires_grad) for x in arguments(graph, 3)]
    torch.library.opcheck(torch.ops.ariigcn.edge_attention, (*inputs, 0.1, *structure(graph)))


@pytest.mark.parametrize("name", ["empty", "no edges", "isolated nodes"])
def test_backward_follows_the_rules_for_operators(name: str):
    graph = GRAPHS[name]
    inputs = arguments(graph, 3)
    alpha = edge_attention(graph, *inputs)
    torch.library.opcheck(
        torch.ops.ariigcn.edge_attention_backward,
        (torch.ones_like(alpha), alpha, *inputs, 0.0, *structure(graph)),
    )


def test_takes_strided_input():
    inputs = arguments(MANY, 6)
    strided = [x.mT.contiguous().mT for x in inputs]
    assert not any(x.is_contiguous() for x in strided)
    assert edge_attention(MANY, *strided).equal(edge_attention(MANY, *inputs))


def test_takes_an_expanded_gradient():
    inputs = [x.requires_grad_() for x in arguments(GRAPHS["isolated nodes"], 3)]
    alpha = edge_attention(GRAPHS["isolated nodes"], *inputs)
    grads = torch.autograd.grad(alpha.sum(), inputs)  # every target's attention sums to 1
    assert max(grad.abs().max() for grad in grads) < 1e-12


BAD = {
    "u without groups": ("u", lambda u, v, w: (u[0], v, w)),
    "a target too few": ("u", lambda u, v, w: (u[:, 1:], v, w)),
    "a source too few": ("v", lambda u, v, w: (u, v[:, 1:], w)),
    "v of another width": ("v", lambda u, v, w: (u, v[..., 1:], w)),
    "w of another width": ("w", lambda u, v, w: (u, v, w[:, 1:])),
    "w without groups": ("w", lambda u, v, w: (u, v, w[0])),
    "integers": ("u", lambda u, v, w: (u.long(), v, w)),
    "dtypes differ": ("w", lambda u, v, w: (u, v, w.float())),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str):
    name, damage = BAD[case]
    with pytest.raises(ValueError, match=f"^{name} must"):
        edge_attention(MANY, *damage(*arguments(MANY, 3)))


def test_autocast_computes_in_single_precision():
    u, v, w = arguments(MANY, 8, torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        alpha = edge_attention(MANY, u, v, w.float())
    assert alpha.equal(edge_attention(MANY, u.float(), v.float(), w.float()))


def test_autocast_gives_each_input_a_gradient_of_its_own_dtype():
    u, v, w = arguments(MANY, 8, torch.bfloat16)
    inputs = [u.requires_grad_(), v.requires_grad_(), w.float().requires_grad_()]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        edge_attention(MANY, *inputs).square().sum().backward()
    assert [x.grad.dtype for x in inputs] == [torch.bfloat16, torch.bfloat16, torch.float32]
