"""Dot-product attention of every edge."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import dot_attention, dot_attention_reference
from tests.ops.graphs import GRAPHS, every_graph, gradients

MANY = GRAPHS["many"]


def arguments(graph: Graph, width: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(width)
    shapes = (2, graph.num_dst, width), (2, graph.num_src, width)
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) for s in shapes]


def test_attention_is_the_softmax_over_a_targets_in_edges_of_all_relations():
    indptr, indices, etypes = map(torch.tensor, ([0, 2, 3], [0, 1, 1], [0, 1, 1]))
    graph = Graph.from_csr(indptr, indices, etypes)
    query, key = torch.tensor([[[1.0, 2.0], [5.0, 5.0]]]), torch.tensor([[[1.0, 1.0], [3.0, 0.0]]])
    assert dot_attention(graph, query, key).tolist() == [[0.5, 0.5, 1.0]]  # scores 3, 3; then one


def test_within_relations_it_is_that_over_the_edges_of_each():
    indptr, indices, etypes = map(torch.tensor, ([0, 3], [0, 1, 1], [0, 0, 1]))
    graph = Graph.from_csr(indptr, indices, etypes, num_src=2)
    query, key = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 1.0], [3.0, 0.0]]])
    alpha = dot_attention(graph, query, key, softmax="relation")
    assert alpha.tolist() == [[0.5, 0.5, 1.0]]  # scores 3, 3; then one


@pytest.mark.slow
def test_large_scores_do_not_overflow():
    graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    key = torch.tensor([[[1e4], [1e4 - 1]]])
    alpha = dot_attention(graph, torch.ones(1, 1, 1), key).flatten()
    torch.testing.assert_close(alpha, torch.tensor([1.0, 0.0]).softmax(0))


@pytest.mark.parametrize("width", [1, 3, 100, 129])
@every_graph
def test_equals_the_reference_forward_and_backward(graph: Graph, width: int):
    inputs = arguments(graph, width)
    ours, theirs = (gradients(f, graph, inputs) for f in (dot_attention, dot_attention_reference))
    torch.testing.assert_close(ours, theirs)


@every_graph
def test_equals_the_reference_within_relations(graph: Graph):
    ours, theirs = (
        gradients(partial(f, softmax="relation"), graph, arguments(graph, 3))
        for f in (dot_attention, dot_attention_reference)
    )
    torch.testing.assert_close(ours, theirs)


def test_single_precision_is_close_to_the_truth():
    single = arguments(MANY, 100, torch.float32)
    exact = gradients(dot_attention_reference, MANY, [x.double() for x in single])
    ours = gradients(dot_attention, MANY, single)
    torch.testing.assert_close([x.double() for x in ours], exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["isolated nodes", "double edges"])
def test_first_derivatives(name: str):
    inputs = [x.requires_grad_() for x in arguments(GRAPHS[name], 3)]
    assert torch.autograd.gradcheck(lambda *x: dot_attention(GRAPHS[name], *x), inputs)


def test_takes_strided_input():
    inputs = arguments(MANY, 6)
    strided = [x.mT.contiguous().mT for x in inputs]
    assert not any(x.is_contiguous() for x in strided)
    assert dot_attention(MANY, *strided).equal(dot_attention(MANY, *inputs))


@pytest.mark.parametrize("impl", ["native", "reference"])
def test_autocast_computes_in_single_precision(impl: str):
    query, key = (x.requires_grad_() for x in arguments(MANY, 8, torch.bfloat16))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        alpha = dot_attention(MANY, query, key, impl=impl)
    alpha.square().sum().backward()
    assert alpha.equal(dot_attention(MANY, query.float(), key.float(), impl=impl))
    assert query.grad.dtype == torch.bfloat16


BAD = {
    "query without groups": ("query", lambda q, k: (q[0], k)),
    "a target too few": ("query", lambda q, k: (q[:, 1:], k)),
    "a source too few": ("key", lambda q, k: (q, k[:, 1:])),
    "key of another width": ("key", lambda q, k: (q, k[..., 1:])),
    "integers": ("query", lambda q, k: (q.long(), k)),
    "dtypes differ": ("key", lambda q, k: (q, k.float())),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str):
    name, damage = BAD[case]
    with pytest.raises(ValueError, match=f"^{name} must"):
        dot_attention(MANY, *damage(*arguments(MANY, 3)))
