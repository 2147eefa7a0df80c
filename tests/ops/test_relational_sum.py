"""Sums of neighbours, transformed by relation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import relational_sum, relational_sum_reference
from ariigcn_dgl.ops.relational_sum import composed_relational_sum
from tests.ops.graphs import gradients

WIDTHS = (1, 3, 8, 100, 129)
NUM_RELS = 4


def csr_graph(degrees: list[int], num_src: int) -> Graph:
    """Relation 1 has no edges at all."""
    generator = torch.Generator().manual_seed(0)
    indices = torch.randint(max(num_src, 1), (sum(degrees),), generator=generator)
    choice = torch.randint(3, (sum(degrees),), generator=generator)
    rows = torch.tensor([0, 2, 3])[choice].split(degrees)
    etypes = torch.cat([row.sort().values for row in rows]) if degrees else indices
    indptr = torch.tensor([0, *degrees]).cumsum(0)
    return Graph.from_csr(indptr, indices, etypes, NUM_RELS, num_src)


GRAPHS = {
    "empty": csr_graph([], 0),
    "no edges": csr_graph([0, 0], 3),
    "isolated nodes": csr_graph([0, 4, 0, 1], 9),
    "double edges": csr_graph([5, 6], 2),
    "many": csr_graph([k % 7 for k in range(60)], 50),
}
every_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)


def arguments(graph: Graph, width: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    generator = torch.Generator().manual_seed(width)
    shapes = (2, graph.num_edges), (2, graph.num_src, width), (2, NUM_RELS, width, 5)
    return [torch.randn(s, generator=generator, dtype=torch.float64).to(dtype) for s in shapes]


def test_each_neighbour_is_transformed_by_its_relation():
    graph = Graph.from_csr(
        torch.tensor([0, 3, 3]), torch.tensor([0, 1, 0]), torch.tensor([0, 0, 1]), num_rels=2
    )
    weight = torch.tensor([[1.0, 2.0, 3.0]])
    feat = torch.tensor([[[1.0], [10.0]]])
    matrices = torch.tensor([[[[1.0, 0.0]], [[0.0, 100.0]]]])
    expected = [[[21.0, 300.0], [0.0, 0.0]]]  # the second target has no in-edges
    assert relational_sum(graph, weight, feat, matrices).tolist() == expected


def test_heads_share_the_rows_of_their_modality():
    graph = Graph.from_csr(torch.tensor([0, 1]), torch.tensor([0]), torch.tensor([0]))
    weight = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    matrices = torch.tensor([1.0, 10.0, 100.0, 1000.0])[:, None, None, None]
    out = relational_sum(graph, weight, torch.tensor([[[1.0]], [[5.0]]]), matrices)
    assert out.flatten().tolist() == [1, 20, 1500, 20000]


@pytest.mark.parametrize("impl", [relational_sum, composed_relational_sum])
@pytest.mark.parametrize("heads", [2, 7, 17])  # in powers of two, up to a vector of them
def test_any_number_of_heads_equals_the_reference(heads: int, impl):
    graph, (weight, feat, matrices) = GRAPHS["many"], arguments(GRAPHS["many"], 19)
    several = [torch.cat([x * (1 + h / 8) for h in range(heads)]) for x in (weight, matrices)]
    inputs = [several[0], feat, several[1]]
    expected = gradients(relational_sum_reference, graph, inputs)
    for found, exact in zip(gradients(impl, graph, inputs), expected, strict=True):
        torch.testing.assert_close(found, exact, rtol=1e-11, atol=1e-11)


def test_refuses_groups_that_no_modality_has():
    graph, (weight, feat, matrices) = GRAPHS["many"], arguments(GRAPHS["many"], 3)
    with pytest.raises(ValueError, match="rel_weight must have a multiple of 2 groups, got 1"):
        relational_sum(graph, weight[:1], feat, matrices[:1])


@pytest.mark.parametrize("width", WIDTHS)
@every_graph
def test_equals_the_reference_forward_and_backward(graph: Graph, width: int):
    inputs = arguments(graph, width)
    ours, theirs = (gradients(f, graph, inputs) for f in (relational_sum, relational_sum_reference))
    torch.testing.assert_close(ours, theirs)


@every_graph
def test_what_other_devices_compose_equals_the_reference(graph: Graph):
    inputs = arguments(graph, 8)
    functions = composed_relational_sum, relational_sum_reference
    ours, theirs = (gradients(f, graph, inputs) for f in functions)
    torch.testing.assert_close(ours, theirs)


def test_single_precision_is_close_to_the_truth():
    single = arguments(GRAPHS["many"], 32, torch.float32)
    exact = gradients(relational_sum_reference, GRAPHS["many"], [x.double() for x in single])
    ours = gradients(relational_sum, GRAPHS["many"], single)
    torch.testing.assert_close([x.double() for x in ours], exact, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_errs_no_more_than_the_naive_way(dtype: torch.dtype):
    graph = GRAPHS["many"]
    low = arguments(graph, 32, dtype)
    exact = gradients(relational_sum_reference, graph, [x.double() for x in low])
    ours, naive = (gradients(f, graph, low) for f in (relational_sum, relational_sum_reference))
    for truth, mine, other in zip(exact, ours, naive, strict=True):
        assert mine.dtype == dtype
        small = 2 * torch.finfo(dtype).eps * truth.abs().max()  # sums are rounded once more
        assert (mine - truth).abs().max() <= (other - truth).abs().max() + small


@pytest.mark.slow
def test_first_and_second_derivatives():
    graph = GRAPHS["isolated nodes"]
    inputs = [x.requires_grad_() for x in arguments(graph, 2)]

    def function(*x: Tensor) -> Tensor:
        return relational_sum(graph, *x)

    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


def test_takes_strided_input():
    graph = GRAPHS["many"]
    inputs = arguments(graph, 6)
    strided = [x.mT.contiguous().mT for x in inputs]
    assert not any(x.is_contiguous() for x in strided)
    out = relational_sum(graph, *strided)
    torch.testing.assert_close(out, relational_sum(graph, *inputs))


BAD = {
    "edge_weight too short": ("edge_weight", lambda e, f, w: (e[:, 1:], f, w)),
    "feat too short": ("feat", lambda e, f, w: (e, f[:, 1:], w)),
    "feat without groups": ("feat", lambda e, f, w: (e, f[0], w)),
    "a relation too few": ("rel_weight", lambda e, f, w: (e, f, w[:, 1:])),
    "another input width": ("rel_weight", lambda e, f, w: (e, f, w[:, :, 1:])),
    "rel_weight without groups": ("rel_weight", lambda e, f, w: (e, f, w[0])),
    "dtypes differ": ("rel_weight", lambda e, f, w: (e, f, w.float())),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str):
    name, damage = BAD[case]
    graph = GRAPHS["isolated nodes"]
    with pytest.raises(ValueError, match=f"^{name} must"):
        relational_sum(graph, *damage(*arguments(graph, 3)))


def test_autocast_multiplies_in_low_precision_and_sums_in_single():
    graph = GRAPHS["many"]
    inputs = arguments(graph, 8, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = relational_sum(graph, *inputs)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out, relational_sum(graph, *inputs), rtol=0.05, atol=0.1)
