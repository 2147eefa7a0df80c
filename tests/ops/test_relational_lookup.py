"""Relational sums of nodes that have ids in place of features."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import relational_lookup, relational_lookup_reference, relational_sum

ROWS, RELS = 12, 4


def graph_of(num_dst: int, num_src: int, count: int) -> Graph:
    """Relation 1 has no edges."""
    generator = torch.Generator().manual_seed(0)
    src = torch.randint(max(num_src, 1), (count,), generator=generator)
    dst = torch.randint(max(num_dst, 1), (count,), generator=generator)
    etypes = torch.tensor([0, 2, 3])[torch.randint(3, (count,), generator=generator)]
    return Graph.from_edges(src, dst, etypes, num_src=num_src, num_dst=num_dst, num_rels=RELS)


GRAPHS = {
    "empty": graph_of(0, 0, 0),
    "no edges": graph_of(2, 3, 0),
    "double edges": graph_of(2, 2, 20),
    "bipartite": graph_of(5, 9, 30),
    "square": graph_of(8, 8, 40),
}
every_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)


def arguments(graph: Graph) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = (2, graph.num_edges), (2, RELS, ROWS, 3)
    return [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


def ids_of(graph: Graph) -> Tensor:
    """Two sources may have one id."""
    return torch.arange(graph.num_src).mul(5).remainder(7)


def gradients(function, graph: Graph, inputs: list[Tensor], *more) -> list[Tensor]:
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    out = function(graph, *inputs, *more)
    cotangent = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    return [out.detach(), *(g.to_dense() for g in torch.autograd.grad(out, inputs, cotangent))]


def test_each_neighbour_adds_its_row_of_its_relation():
    graph = Graph.from_csr(
        torch.tensor([0, 3, 3]), torch.tensor([0, 1, 0]), torch.tensor([0, 0, 1]), num_rels=2
    )
    table = torch.tensor([[[[1.0], [2.0]], [[10.0], [20.0]]]])
    weight = torch.tensor([[1.0, 3.0, 0.5]])
    assert relational_lookup(graph, weight, table).tolist() == [[[12.0], [0.0]]]
    swapped = torch.tensor([1, 0])
    assert relational_lookup(graph, weight, table, swapped).tolist() == [[[15.0], [0.0]]]


@every_graph
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("with_ids", [False, True], ids=["numbers", "ids"])
def test_equals_the_reference_forward_and_backward(graph: Graph, with_ids: bool, sparse: bool):
    inputs, ids = arguments(graph), ids_of(graph) if with_ids else None
    ours = gradients(partial(relational_lookup, sparse=sparse), graph, inputs, ids)
    torch.testing.assert_close(ours, gradients(relational_lookup_reference, graph, inputs, ids))


def test_is_the_relational_sum_of_one_hot_features():
    graph, (weight, table) = GRAPHS["square"], arguments(GRAPHS["square"])
    ids = ids_of(graph)
    one_hot = F.one_hot(ids, ROWS).double().expand(2, -1, -1)
    expected = relational_sum(graph, weight, one_hot, table)
    torch.testing.assert_close(relational_lookup(graph, weight, table, ids), expected)


def test_a_sparse_gradient_has_a_row_for_each_pair_of_relation_and_source():
    graph, (weight, table) = GRAPHS["square"], arguments(GRAPHS["square"])
    table.requires_grad_()
    relational_lookup(graph, weight, table, sparse=True).sum().backward()
    pairs = {(r, j) for r, j in zip(graph.etypes.tolist(), graph.src.tolist(), strict=True)}
    rows = table.grad.coalesce().indices().T.tolist()
    assert sorted(map(tuple, rows)) == sorted((g, *pair) for g in (0, 1) for pair in pairs)


def test_sparse_adam_takes_a_sparse_gradient():
    graph, (weight, table) = GRAPHS["square"], arguments(GRAPHS["square"])
    table = table.requires_grad_()
    optimiser = torch.optim.SparseAdam([table], lr=0.1)
    before = table.detach().clone()
    relational_lookup(graph, weight, table, sparse=True).sum().backward()
    optimiser.step()
    changed = (table.detach() != before).any(-1)
    assert changed[:, 1].count_nonzero() == 0  # the relation without edges
    assert changed.any()


def test_first_and_second_derivatives():
    graph = GRAPHS["double edges"]
    inputs = [x.requires_grad_() for x in arguments(graph)]

    def function(*x: Tensor) -> Tensor:
        return relational_lookup(graph, *x, ids_of(graph))

    assert torch.autograd.gradcheck(function, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, inputs, fast_mode=True)


BAD = {
    "an id too large": ("ids must be at least 0 and less than 12", torch.full((8,), 12)),
    "a negative id": ("ids must be at least 0", torch.full((8,), -1)),
    "an id too few": (r"ids must be \(8,\) whole numbers", torch.zeros(7, dtype=torch.int64)),
    "ids that are not whole": (r"ids must be \(8,\) whole numbers", torch.zeros(8)),
}


@pytest.mark.parametrize("case", BAD)
def test_ids_that_do_not_fit_are_refused(case: str):
    message, ids = BAD[case]
    graph = GRAPHS["square"]
    with pytest.raises(ValueError, match=message):
        relational_lookup(graph, *arguments(graph), ids)


def test_a_table_with_too_few_rows_is_refused():
    graph, (weight, table) = GRAPHS["square"], arguments(GRAPHS["square"])
    with pytest.raises(ValueError, match="rel_weight must have a row for each of the graph's 8"):
        relational_lookup(graph, weight, table[:, :, :7])
