"""Every operator can be differentiated again: against finite differences and the references."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import (
    PairRule,
    contrast_loss,
    dot_attention,
    dropout,
    pairwise_contrast,
    pairwise_contrast_reference,
    relational_attention,
    relational_attention_reference,
    relational_sum,
    segment_spmm,
)
from ariigcn_dgl.ops._philox import dropout_scale
from ariigcn_dgl.ops.edge_softmax import edge_softmax
from ariigcn_dgl.ops.relational_attention import ACTIVATIONS

RELS, HEADS, D, A, OUT = 3, 2, 2, 3, 2
# target 1 has no in-edges; the edge 2 -> 0 is doubled
GRAPH = Graph.from_csr(
    torch.tensor([0, 4, 4, 6]),
    torch.tensor([2, 2, 0, 1, 3, 2]),
    torch.tensor([0, 0, 0, 2, 1, 1]),
    RELS,
    4,
)
STRUCTURE = (GRAPH.merged.plan, GRAPH.merged.sizes)
SAME_CLASS = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
LABELS = torch.tensor([[0, 0, 1, 1, -1, 2]])  # one unlabelled row, one without a positive


def draw(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return tuple(x.requires_grad_() for x in drawn)


EDGES, ROWS = (HEADS, GRAPH.num_edges), (HEADS, 4, D)
TARGETS = (HEADS, 3, D)


def sddmm(left: Tensor, right: Tensor) -> Tensor:
    return torch.ops.ariigcn.segment_sddmm(left, right, *STRUCTURE)


def drop(x: Tensor) -> Tensor:
    torch.manual_seed(0)
    return dropout(x, 0.3)


def contrast(z: Tensor) -> Tensor:
    ids = LABELS * 0, torch.arange(6)[None]
    stats = pairwise_contrast(z, LABELS, *ids, SAME_CLASS, temperature=0.7, margin=0.4)
    return torch.stack(stats[2:])  # counts have no derivative


def loss(feat: Tensor) -> Tensor:
    return contrast_loss(feat, LABELS, SAME_CLASS, form="supcon", temperature=0.7, margin=0.4)


OPERATORS: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
    "edge_softmax": (lambda x: edge_softmax(GRAPH, x), draw(EDGES)),
    "dot_attention": (lambda *x: dot_attention(GRAPH, *x), draw(TARGETS, ROWS)),
    "segment_spmm": (lambda *x: segment_spmm(GRAPH, *x), draw(EDGES, ROWS)),
    "segment_sddmm": (sddmm, draw(TARGETS, ROWS)),
    "relational_sum": (
        lambda *x: relational_sum(GRAPH, *x),
        draw(EDGES, ROWS, (HEADS, RELS, D, OUT)),
    ),
    "pairwise_contrast": (contrast, draw((1, 6, 3))),
    "contrast_loss": (loss, draw((1, 6, 3))),
    "dropout": (drop, draw((4, 5))),
}


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize("name", OPERATORS)
def test_derivatives_equal_finite_differences(name: str, check):
    assert check(*OPERATORS[name])


SHAPES = {
    "feat": (1, 4, D),
    "weight_dst": (HEADS, D, A),
    "weight_src": (HEADS, D, A),
    "score": (HEADS, A),
    "rel_weight": (HEADS, RELS, D, OUT),
    "dst_feat": (1, 3, D),
    "bias": (HEADS, RELS, A),
    "edge_weight": (GRAPH.num_edges,),
}
OPTIONS = {
    "plain": {"negative_slope": 0.2},
    "gelu": {"gelu": True, "negative_slope": 0.2},
    "dropout": {"dropout": 0.4, "negative_slope": 0.2},
    "sum": {"normalise": False, "negative_slope": 0.2},
    "within relations": {"softmax": "relation", "negative_slope": 0.2},
    **{name: {"activation": name} for name in ACTIVATIONS[1:]},
}


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
@pytest.mark.parametrize("kind", OPTIONS)
def test_derivatives_of_relational_attention_equal_finite_differences(kind: str, check):
    inputs = dict(zip(SHAPES, draw(*SHAPES.values()), strict=True))

    def function(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        torch.manual_seed(2)
        arguments = dict(zip(SHAPES, tensors, strict=True))
        return relational_attention(GRAPH, **arguments, **OPTIONS[kind])

    u = (inputs["dst_feat"] @ inputs["weight_dst"])[:, GRAPH.dst]
    v = (inputs["feat"] @ inputs["weight_src"])[:, GRAPH.src]
    assert (u + v + inputs["bias"][:, GRAPH.etypes]).abs().min() > 1e-3  # steps must not cross it
    assert check(function, tuple(inputs.values()), fast_mode=True)


def test_second_derivatives_where_sources_are_the_targets_and_most_inputs_are_absent():
    graph = Graph.from_edges(
        torch.tensor([0, 1, 2, 2]), torch.tensor([1, 1, 0, 2]), num_src=3, num_dst=3
    )
    inputs = draw((2, 3, D), (2, D, A), (2, D, A), (2, A), (2, 1, D, OUT))
    assert gradgradcheck(lambda *x: relational_attention(graph, *x)[0], inputs, fast_mode=True)


def test_one_tensor_in_two_places_counts_twice():
    square = Graph.from_csr(torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1]))
    feat, weight, score, rel_weight = draw((1, 2, 3), (1, 3, A), (1, A), (1, 1, 3, OUT))

    def through(function) -> Tensor:
        out, _ = function(square, feat, weight, weight, score, rel_weight, activation="tanh")
        (first,) = torch.autograd.grad(out.square().sum(), weight, create_graph=True)
        return torch.autograd.grad(first.square().sum(), weight)[0]

    expected = through(relational_attention_reference)
    torch.testing.assert_close(through(relational_attention), expected)


def derivatives(function: Callable[..., Tensor], x: Tensor) -> list[Tensor]:
    """Return the first three derivatives of a sum of sines, each summed with weights."""
    weights = torch.linspace(-1, 1, x.numel(), dtype=x.dtype).reshape(x.shape)
    value, results = function(x).sin().sum(), []
    for _ in range(3):
        (first,) = torch.autograd.grad(value, x, create_graph=True)
        results.append(first)
        value = (first.square() * weights).sum()
    return results


def third_of_attention(function) -> list[Tensor]:
    x, *others = draw((1, 3, D), (1, D, A), (1, D, A), (1, A), (1, 1, D, OUT))
    graph = Graph.from_edges(torch.tensor([0, 1, 2]), torch.tensor([1, 1, 2]), num_src=3, num_dst=3)
    weights = [other.detach() for other in others]
    return derivatives(lambda x: function(graph, x, *weights, activation="tanh")[0], x)


def test_third_derivatives_equal_the_references():
    ours, theirs = map(third_of_attention, (relational_attention, relational_attention_reference))
    torch.testing.assert_close(ours, theirs)
    assert all(x.abs().max() > 1e-6 for x in ours)


def test_third_derivatives_of_contrast_equal_the_references():
    (z,) = draw((1, 6, 3))

    def stack(function) -> Callable[[Tensor], Tensor]:
        ids = LABELS, LABELS * 0, LABELS * 0
        return lambda z: torch.stack(function(z, *ids, SAME_CLASS, temperature=0.7)[2:])

    ours, theirs = (
        derivatives(stack(f), z) for f in (pairwise_contrast, pairwise_contrast_reference)
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_references_dropout_is_the_kernels(dtype: torch.dtype):
    """A node with a self edge alone sums nothing up: its output tells what was dropped."""
    nodes = 500
    graph = Graph.from_csr(torch.arange(nodes + 1), torch.arange(nodes))
    nothing, one = torch.zeros(3, 1, 1, dtype=dtype), torch.ones(3, 1, 1, 1, dtype=dtype)
    feat = torch.ones(1, nodes, 1, dtype=dtype)
    torch.manual_seed(5)
    out, alpha = relational_attention(
        graph, feat, nothing, nothing, nothing[..., 0], one, dropout=0.4
    )
    torch.manual_seed(5)
    seed = torch.randint(2**62, ())
    assert out.squeeze(-1).equal(dropout_scale(seed, 0.4, alpha))
    assert 0 < (out == 0).sum() < out.numel()


def test_gradients_with_a_graph_equal_those_without():
    function, inputs = OPERATORS["pairwise_contrast"]
    loss = function(*inputs).square().sum()
    plain = torch.autograd.grad(loss, inputs, retain_graph=True)
    with_graph = torch.autograd.grad(loss, inputs, create_graph=True)
    torch.testing.assert_close(plain, with_graph, rtol=0, atol=0)


def varied(*tensors: Tensor) -> list[Tensor]:
    return [x.detach().clone().requires_grad_() for x in tensors]


def backward_of_relational_attention() -> tuple:
    feat, *weights, dst_feat, bias, edge_weight = draw(*SHAPES.values())
    tensors = (dst_feat, feat, *weights, bias, edge_weight)
    options = (torch.tensor(7), GRAPH.plan, GRAPH.sizes, 1, 0.2, 0.3, True, True, True, 0)
    out, alpha, *kept = torch.ops.ariigcn.relational_attention(
        *(x.detach() for x in tensors), *options, True
    )
    gradients = varied(torch.ones_like(out), torch.ones_like(alpha))
    return (*gradients, alpha, *kept, *tensors, *options)


def backward_of_pairwise_contrast() -> tuple:
    (z,) = draw((1, 6, 3))
    arguments = (LABELS, LABELS * 0, torch.arange(6)[None], 2, 1, 0.7, 0.4, False)
    stats = torch.ops.ariigcn.pairwise_contrast(z.detach(), *arguments)
    return (*varied(torch.ones_like(stats)), stats, z, *arguments)


def backward_of_contrast_loss() -> tuple:
    (feat,) = draw((1, 6, 3))
    arguments = (LABELS, LABELS * 0, torch.arange(6)[None], 2, 1, 2, 0, 0.7, 0.4, False)
    _, *saved = torch.ops.ariigcn.contrast_loss(feat.detach(), *arguments)
    return (*varied(torch.ones((), dtype=feat.dtype)), *saved, feat, *arguments)


BACKWARD = {
    "relational_attention": backward_of_relational_attention,
    "pairwise_contrast": backward_of_pairwise_contrast,
    "contrast_loss": backward_of_contrast_loss,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKWARD)
def test_differentiable_backward_follows_the_rules_for_operators(name: str):
    operator = getattr(torch.ops.ariigcn, f"{name}_backward").default
    torch.library.opcheck(operator, BACKWARD[name]())
