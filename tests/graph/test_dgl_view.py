"""Graphs and DGL graphs agree edge by edge."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl._dgl import dgl
from ariigcn_dgl.graph import Graph, as_graph, relation_names, to_dgl, window_graph

NAMES = relation_names("speaker")


@pytest.fixture
def graph() -> Graph:
    lengths, speakers = torch.tensor([4, 1, 3]), torch.tensor([0, 1, 1, 0, 2, 1, 2, 1])
    return window_graph(lengths, speakers, past=2, future=1)


def edge_list(graph: Graph) -> list[tuple[int, int, int]]:
    triples = (graph.dst.tolist(), graph.etypes.tolist(), graph.indices.tolist())
    return list(zip(*triples, strict=True))


def test_dgl_has_the_edges_of_each_relation(graph: Graph):
    g = to_dgl(graph, NAMES)
    for relation, name in enumerate(NAMES):
        src, dst = g.edges(etype=name, order="eid")
        chosen = graph.etypes == relation
        assert src.equal(graph.indices[chosen])
        assert dst.equal(graph.dst[chosen])


def test_every_relation_exists_in_dgl_even_without_edges():
    graph = window_graph(torch.tensor([2]), torch.tensor([0, 0]))
    assert to_dgl(graph, NAMES).num_edges("other_past") == 0


def test_nodes_without_edges_survive():
    graph = Graph.from_csr(torch.tensor([0, 0, 1, 1]), torch.tensor([0]))
    assert to_dgl(graph, ["any"]).num_nodes() == 3


def test_the_way_back_gives_the_same_graph(graph: Graph):
    again = as_graph(to_dgl(graph, NAMES), relation_names=NAMES)
    for name in set(Graph.__dataclass_fields__) - {"eids", "num_rels", "host"}:
        assert getattr(again, name).equal(getattr(graph, name)), name
    assert again.num_rels == graph.num_rels


def test_without_names_relations_are_numbered_as_dgl_does(graph: Graph):
    g = to_dgl(graph, NAMES)
    position = {name: r for r, (_, name, _) in enumerate(g.canonical_etypes)}
    expected = [(dst, position[NAMES[r]], src) for dst, r, src in edge_list(graph)]
    assert edge_list(as_graph(g)) == sorted(expected)


def test_eids_count_edges_as_to_homogeneous_does(graph: Graph):
    g = to_dgl(graph, NAMES)
    flat = dgl.to_homogeneous(g)
    again = as_graph(g, relation_names=NAMES)
    src, dst = flat.edges(order="eid")
    assert src[again.eids].equal(again.indices)
    assert dst[again.eids].equal(again.dst)


def test_a_homogeneous_graph_with_etypes_gives_the_same_structure(graph: Graph):
    shuffled = torch.randperm(graph.num_edges, generator=torch.Generator().manual_seed(0))
    g = dgl.graph((graph.indices[shuffled], graph.dst[shuffled]), num_nodes=graph.num_dst)
    again = as_graph(g, graph.etypes[shuffled].int())
    assert edge_list(again) == edge_list(graph)
    assert again.eids.equal(shuffled.argsort())


def test_thirty_two_bit_graphs_are_taken():
    graph = as_graph(dgl.graph(([0, 1], [1, 0]), idtype=torch.int32))
    assert graph.indices.dtype == torch.int64
    assert edge_list(graph) == [(0, 0, 1), (1, 0, 0)]


def test_a_thirty_two_bit_heterograph_is_taken(graph: Graph):
    again = as_graph(to_dgl(graph, NAMES).int(), relation_names=NAMES)
    assert edge_list(again) == edge_list(graph)


def test_the_number_of_relations_may_exceed_those_in_use():
    g = dgl.graph(([0, 1], [1, 0]))
    assert as_graph(g, torch.tensor([0, 1]), num_rels=4).num_rels == 4


def test_a_block_keeps_sources_and_targets_apart():
    block = dgl.create_block(([2, 0, 1], [0, 0, 1]), num_src_nodes=4, num_dst_nodes=2)
    graph = as_graph(block)
    assert (graph.num_src, graph.num_dst) == (4, 2)
    assert edge_list(graph) == [(0, 0, 0), (0, 0, 2), (1, 0, 1)]


def test_a_block_with_relations_is_taken():
    edges = {("u", "a", "u"): ([2], [0]), ("u", "b", "u"): ([0, 1], [0, 1])}
    block = dgl.create_block(edges, num_src_nodes={"u": 3}, num_dst_nodes={"u": 2})
    assert edge_list(as_graph(block)) == [(0, 0, 2), (0, 1, 0), (1, 1, 1)]


def test_a_graph_is_returned_as_it_is(graph: Graph):
    assert as_graph(graph) is graph


def test_several_node_types_are_refused():
    edges = {("a", "x", "b"): ([0], [0]), ("b", "y", "a"): ([0], [0])}
    with pytest.raises(ValueError, match="the graph must have one node type"):
        as_graph(dgl.heterograph(edges))


def test_etypes_with_a_heterograph_are_refused(graph: Graph):
    with pytest.raises(ValueError, match="pass no etypes"):
        as_graph(to_dgl(graph, NAMES), graph.etypes)


@pytest.mark.parametrize("names", [NAMES[:-1], [*NAMES[:-1], "other"], [NAMES[0], *NAMES[:-1]]])
def test_names_that_are_not_the_edge_types_are_refused(graph: Graph, names: list[str]):
    with pytest.raises(ValueError, match="relation_names must be the edge types"):
        as_graph(to_dgl(graph, NAMES), relation_names=names)


@pytest.mark.parametrize("names", [NAMES[:-1], [*NAMES, "more"], [NAMES[0], *NAMES[:-1]]])
def test_missing_or_double_names_are_refused(graph: Graph, names: list[str]):
    with pytest.raises(ValueError, match="relation_names must be 5 different names"):
        to_dgl(graph, names)


def test_sources_that_are_not_the_targets_are_refused():
    graph = Graph.from_csr(torch.tensor([0, 1]), torch.tensor([2]), num_src=3)
    with pytest.raises(ValueError, match="got 3 sources and 1 targets"):
        to_dgl(graph, ["any"])
