"""A conversion is done once, and never used for a graph that has changed."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.cache import _CONVERSIONS


def build() -> tuple[dgl.DGLGraph, Tensor]:
    return dgl.graph(([0, 1, 2, 2], [1, 2, 0, 2])), torch.tensor([0, 1, 0, 1])


def fields(graph: Graph) -> dict[str, list[int]]:
    return {"plan": graph.plan.tolist(), "eids": graph.eids.tolist(), "sizes": list(graph.sizes)}


def fresh(g: dgl.DGLGraph, etypes: Tensor | None) -> dict[str, list[int]]:
    """Convert a copy, of which nothing can be remembered."""
    src, dst = g.edges(order="eid")
    copied = None if etypes is None else etypes.clone()
    sizes = {"num_src": g.num_nodes(), "num_dst": g.num_nodes(), "num_rels": 2}
    return fields(Graph.from_edges(src.clone(), dst.clone(), copied, **sizes))


def test_the_same_graph_is_converted_once():
    g, etypes = build()
    first = Graph.from_dgl(g, etypes, num_rels=2)
    assert Graph.from_dgl(g, etypes, num_rels=2) is first
    assert Graph.from_dgl(g, etypes.clone(), num_rels=2) is first  # it is the content that counts


def write_to_edges(g: dgl.DGLGraph, etypes: Tensor) -> None:
    g.edges(order="eid")[0][0] = 2


def write_past_autograd(g: dgl.DGLGraph, etypes: Tensor) -> None:
    etypes.numpy()[0] = 1  # leaves the tensor's version as it is


def remove_and_add(g: dgl.DGLGraph, etypes: Tensor) -> None:
    g.remove_edges([3])
    g.add_edges([0], [0])  # as many edges as before


CHANGES: dict[str, Callable[[dgl.DGLGraph, Tensor], object]] = {
    "edges removed and added": remove_and_add,
    "a node added": lambda g, etypes: g.add_nodes(1),
    "a node removed and added": lambda g, etypes: (
        g.remove_nodes([0]),
        g.add_nodes(1),
        g.add_edges([2, 2], [2, 2]),
    ),
    "an edge overwritten": write_to_edges,
    "etypes written": lambda g, etypes: etypes.__setitem__(0, 1),
    "etypes written through NumPy": write_past_autograd,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_graph_is_converted_anew(change: Callable):
    g, etypes = build()
    before = fields(Graph.from_dgl(g, etypes, num_rels=2))
    change(g, etypes)
    after = fields(Graph.from_dgl(g, etypes, num_rels=2))
    assert after == fresh(g, etypes)
    assert after != before


def test_another_number_of_relations_is_another_conversion():
    g, etypes = build()
    two, five = (Graph.from_dgl(g, etypes, num_rels=n) for n in (2, 5))
    assert (two.num_rels, five.num_rels) == (2, 5)
    assert Graph.from_dgl(g, etypes, num_rels=2) is two


def test_etypes_and_no_etypes_are_kept_apart():
    g, etypes = build()
    assert Graph.from_dgl(g, etypes, num_rels=2).etypes.sum() == 2
    assert Graph.from_dgl(g, num_rels=2).etypes.sum() == 0


def test_the_order_of_relations_is_part_of_the_content():
    g = dgl.heterograph({("u", "a", "u"): ([0], [1]), ("u", "b", "u"): ([1], [0])})
    one = Graph.from_dgl(g, relation_names=["a", "b"])
    other = Graph.from_dgl(g, relation_names=["b", "a"])
    assert not one.etypes.equal(other.etypes)


def test_a_conversion_is_forgotten_with_its_graph():
    gc.collect()
    before = len(_CONVERSIONS)
    g, etypes = build()
    Graph.from_dgl(g, etypes)
    assert len(_CONVERSIONS) == before + 1
    del g
    gc.collect()
    assert len(_CONVERSIONS) == before


def test_the_graph_itself_is_not_changed():
    g, etypes = build()
    g.ndata["x"], g.edata["w"] = torch.ones(3), torch.ones(4)
    Graph.from_dgl(g, etypes)
    assert (list(g.ndata), list(g.edata)) == (["x"], ["w"])
    assert g.formats()["created"] == ["coo"]


def test_an_edge_index_is_converted_once_and_anew_when_written_to():
    edge_index = torch.tensor([[0, 1], [1, 0]])
    first = Graph.from_edge_index(edge_index, num_nodes=2)
    assert Graph.from_edge_index(edge_index, num_nodes=2) is first
    assert Graph.from_edge_index(edge_index, num_nodes=3) is not first
    edge_index[1] = 0
    assert Graph.from_edge_index(edge_index, num_nodes=2).dst.tolist() == [0, 0]
