"""Weighted sums per segment, and the dot products that are their gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import segment_spmm, segment_spmm_reference
from tests.ops.graphs import GRAPHS, csr_graph, every_graph, gradients

WIDTHS = (1, 3, 8, 100, 129)


def arguments(graph: Graph, width: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(width)
    shapes = (2, graph.num_edges), (2, graph.num_src, width)
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) for s in shapes]


def structure(graph: Graph) -> tuple:
    return graph.plan, graph.sizes


def test_sums_each_segment_with_the_edges_weights():
    indptr, indices, etypes = [0, 3], [0, 1, 1], [0, 0, 1]
    graph = Graph.from_csr(*map(torch.tensor, (indptr, indices, etypes)), num_src=2)
    weight, feat = torch.tensor([[2.0, 3.0, 5.0]]), torch.tensor([[[1.0, 10.0], [100.0, 1000.0]]])
    assert segment_spmm(graph, weight, feat).tolist() == [[[302.0, 3020.0], [500.0, 5000.0]]]


def test_groups_do_not_mix():
    graph = csr_graph([2], 2, num_rels=1)
    weight, feat = torch.ones(2, 2), torch.ones(2, 2, 1)
    feat[1] = 7
    assert segment_spmm(graph, weight, feat).flatten().tolist() == [2.0, 14.0]


@pytest.mark.parametrize("width", WIDTHS)
@every_graph
def test_equals_the_reference_forward_and_backward(graph: Graph, width: int):
    inputs = arguments(graph, width)
    ours, theirs = (gradients(f, graph, inputs) for f in (segment_spmm, segment_spmm_reference))
    torch.testing.assert_close(ours, theirs)


def test_single_precision_is_close_to_the_truth():
    single = arguments(GRAPHS["many"], 100, torch.float32)
    exact = gradients(segment_spmm_reference, GRAPHS["many"], [x.double() for x in single])
    ours = gradients(segment_spmm, GRAPHS["many"], single)
    torch.testing.assert_close([x.double() for x in ours], exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_errs_no_more_than_the_naive_way(dtype: torch.dtype):
    graph = GRAPHS["many"]
    low = arguments(graph, 100, dtype)
    exact = gradients(segment_spmm_reference, graph, [x.double() for x in low])
    ours, naive = (gradients(f, graph, low) for f in (segment_spmm, segment_spmm_reference))
    for truth, mine, other in zip(exact, ours, naive, strict=True):
        assert mine.dtype == dtype
        small = torch.finfo(dtype).eps * truth.abs().max()
        assert (mine - truth).abs().max() <= (other - truth).abs().max() + small


@pytest.mark.parametrize("name", ["isolated nodes", "double edges"])
def test_first_and_second_derivatives(name: str):
    graph = GRAPHS[name]
    inputs = [x.requires_grad_() for x in arguments(graph, 3)]

    def function(*x: Tensor) -> Tensor:
        return segment_spmm(graph, *x)

    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "requires_grad"),
    [("empty", True), ("no edges", True), ("isolated nodes", True), ("isolated nodes", False)],
)
def test_follows_the_rules_for_operators(name: str, requires_grad: bool):
    graph = GRAPHS[name]
    weight, feat = (x.requires_grad_(requires_grad) for x in arguments(graph, 3))
    left = torch.ones(2, graph.num_segments, 3, dtype=torch.float64, requires_grad=requires_grad)
    torch.library.opcheck(torch.ops.ariigcn.segment_spmm, (weight, feat, *structure(graph), False))
    torch.library.opcheck(torch.ops.ariigcn.segment_spmm, (weight, left, *structure(graph), True))
    torch.library.opcheck(torch.ops.ariigcn.segment_sddmm, (left, feat, *structure(graph)))


def test_takes_strided_input():
    graph = GRAPHS["many"]
    weight, feat = arguments(graph, 6)
    strided = weight.T.contiguous().T, feat.repeat_interleave(2, dim=2)[..., ::2]
    assert not any(x.is_contiguous() for x in strided)
    assert segment_spmm(graph, *strided).equal(segment_spmm(graph, weight, feat))


def test_takes_an_expanded_gradient():
    graph = GRAPHS["many"]
    weight, feat = (x.requires_grad_() for x in arguments(graph, 6))
    ours = torch.autograd.grad(segment_spmm(graph, weight, feat).sum(), [weight, feat])
    theirs = torch.autograd.grad(segment_spmm_reference(graph, weight, feat).sum(), [weight, feat])
    torch.testing.assert_close(ours, theirs)


BAD = {
    "weight too short": ("weight", lambda w, f: (w[:, 1:], f)),
    "weight of other groups": ("weight", lambda w, f: (w[:1], f)),
    "feat too short": ("feat", lambda w, f: (w, f[:, 1:])),
    "feat without groups": ("feat", lambda w, f: (w, f[0])),
    "integer feat": ("feat", lambda w, f: (w, f.long())),
    "dtypes differ": ("weight", lambda w, f: (w.float(), f)),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str):
    name, damage = BAD[case]
    graph = GRAPHS["isolated nodes"]
    with pytest.raises(ValueError, match=f"^{name} must"):
        segment_spmm(graph, *damage(*arguments(graph, 3)))


def test_another_device_is_refused_by_name():
    graph = GRAPHS["isolated nodes"]
    weight, feat = arguments(graph, 3)
    with pytest.raises(ValueError, match="weight must be on the device of feat"):
        segment_spmm(graph, weight.to("meta"), feat)


@pytest.mark.parametrize("impl", ["native", "reference"])
def test_autocast_computes_in_single_precision(impl: str):
    graph = GRAPHS["many"]
    weight, feat = arguments(graph, 8, torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = segment_spmm(graph, weight.float(), feat, impl=impl)
        halves = segment_spmm(graph, weight, feat, impl=impl)
    expected = segment_spmm(graph, weight.float(), feat.float(), impl=impl)
    assert mixed.equal(expected)
    assert halves.equal(expected)


def test_autocast_gives_each_input_a_gradient_of_its_own_dtype():
    graph = GRAPHS["many"]
    weight, feat = arguments(graph, 8, torch.bfloat16)
    weight, feat = weight.float().requires_grad_(), feat.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        segment_spmm(graph, weight, feat).sum().backward()
    assert (weight.grad.dtype, feat.grad.dtype) == (torch.float32, torch.bfloat16)


def test_autocast_does_not_mix_in_doubles():
    graph = GRAPHS["many"]
    weight, feat = arguments(graph, 8)
    with torch.autocast("cpu"), pytest.raises(ValueError, match="weight must have the dtype"):
        segment_spmm(graph, weight.bfloat16(), feat)
