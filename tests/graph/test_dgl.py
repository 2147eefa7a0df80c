"""Graphs and DGL graphs agree edge by edge."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph, relation_names, to_dgl

NAMES = relation_names("speaker")


@pytest.fixture
def graph() -> Graph:
    lengths, speakers = torch.tensor([4, 1, 3]), torch.tensor([0, 1, 1, 0, 2, 1, 2, 1])
    return Graph.from_dialogues(lengths, speakers, past=2, future=1)


def edge_list(graph: Graph) -> list[tuple[int, int, int]]:
    triples = (graph.dst.tolist(), graph.etypes.tolist(), graph.src.tolist())
    return list(zip(*triples, strict=True))


def test_dgl_has_the_edges_of_each_relation(graph: Graph):
    g = to_dgl(graph, NAMES)
    for relation, name in enumerate(NAMES):
        src, dst = g.edges(etype=name, order="eid")
        chosen = graph.etypes == relation
        assert src.equal(graph.src[chosen])
        assert dst.equal(graph.dst[chosen])


def test_every_relation_exists_in_dgl_even_without_edges():
    graph = Graph.from_dialogues(torch.tensor([2]), torch.tensor([0, 0]))
    assert to_dgl(graph, NAMES).num_edges("other_past") == 0


def test_nodes_without_edges_survive():
    graph = Graph.from_csr(torch.tensor([0, 0, 1, 1]), torch.tensor([0]))
    assert to_dgl(graph, ["any"]).num_nodes() == 3


def test_the_way_back_gives_the_same_graph(graph: Graph):
    again = Graph.from_dgl(to_dgl(graph, NAMES), relation_names=NAMES)
    assert again.plan.equal(graph.plan)
    # Edge ids are DGL's, which count the edges of each relation.
    assert (again.sizes, again.facts) == (graph.sizes, graph.facts._replace(in_order=False))


def test_without_names_relations_are_numbered_as_dgl_does(graph: Graph):
    g = to_dgl(graph, NAMES)
    position = {name: r for r, (_, name, _) in enumerate(g.canonical_etypes)}
    expected = [(dst, position[NAMES[r]], src) for dst, r, src in edge_list(graph)]
    assert edge_list(Graph.from_dgl(g)) == sorted(expected)


def test_eids_count_edges_as_to_homogeneous_does(graph: Graph):
    g = to_dgl(graph, NAMES)
    flat = dgl.to_homogeneous(g)
    again = Graph.from_dgl(g, relation_names=NAMES)
    src, dst = flat.edges(order="eid")
    assert src[again.eids].equal(again.src)
    assert dst[again.eids].equal(again.dst)


def test_a_homogeneous_graph_with_etypes_gives_the_same_structure(graph: Graph):
    shuffled = torch.randperm(graph.num_edges, generator=torch.Generator().manual_seed(0))
    g = dgl.graph((graph.src[shuffled], graph.dst[shuffled]), num_nodes=graph.num_dst)
    again = Graph.from_dgl(g, graph.etypes[shuffled].int())
    assert edge_list(again) == edge_list(graph)
    assert again.eids.equal(shuffled.argsort())


def test_thirty_two_bit_graphs_are_taken():
    graph = Graph.from_dgl(dgl.graph(([0, 1], [1, 0]), idtype=torch.int32))
    assert graph.src.dtype == torch.int64
    assert edge_list(graph) == [(0, 0, 1), (1, 0, 0)]


def test_a_thirty_two_bit_heterograph_is_taken(graph: Graph):
    again = Graph.from_dgl(to_dgl(graph, NAMES).int(), relation_names=NAMES)
    assert edge_list(again) == edge_list(graph)


def test_the_number_of_relations_may_exceed_those_in_use():
    g = dgl.graph(([0, 1], [1, 0]))
    assert Graph.from_dgl(g, torch.tensor([0, 1]), num_rels=4).num_rels == 4


def test_a_block_keeps_sources_and_targets_apart():
    block = dgl.create_block(([2, 0, 1], [0, 0, 1]), num_src_nodes=4, num_dst_nodes=2)
    graph = Graph.from_dgl(block)
    assert (graph.num_src, graph.num_dst) == (4, 2)
    assert edge_list(graph) == [(0, 0, 0), (0, 0, 2), (1, 0, 1)]


def test_a_block_with_relations_is_taken():
    edges = {("u", "a", "u"): ([2], [0]), ("u", "b", "u"): ([0, 1], [0, 1])}
    block = dgl.create_block(edges, num_src_nodes={"u": 3}, num_dst_nodes={"u": 2})
    assert edge_list(Graph.from_dgl(block)) == [(0, 0, 2), (0, 1, 0), (1, 1, 1)]


def two_node_types() -> dgl.DGLGraph:
    edges = {
        ("b", "y", "a"): ([0, 2], [1, 0]),
        ("a", "x", "b"): ([0, 1, 1], [2, 2, 0]),
        ("a", "x", "a"): ([1], [0]),
    }
    return dgl.heterograph(edges, num_nodes_dict={"a": 2, "b": 3})


def test_nodes_and_edges_of_several_types_are_counted_as_to_homogeneous_does():
    g = two_node_types()
    flat, graph = dgl.to_homogeneous(g), Graph.from_dgl(g)
    src, dst = flat.edges(order="eid")
    assert (graph.num_src, graph.num_dst, graph.num_rels) == (5, 5, 3)
    assert graph.src.equal(src[graph.eids])
    assert graph.dst.equal(dst[graph.eids])
    assert graph.etypes.equal(flat.edata[dgl.ETYPE][graph.eids])


def test_a_bipartite_graph_keeps_sources_and_targets_apart():
    graph = Graph.from_dgl(two_node_types()["a", "x", "b"])
    assert (graph.num_src, graph.num_dst) == (2, 3)
    assert edge_list(graph) == [(0, 0, 1), (2, 0, 0), (2, 0, 1)]


def test_a_block_of_several_types_counts_sources_and_targets_apart():
    seeds = {"a": torch.tensor([0]), "b": torch.tensor([2])}
    block = dgl.to_block(dgl.in_subgraph(two_node_types(), seeds), seeds)
    graph = Graph.from_dgl(block)
    assert (graph.num_src, graph.num_dst) == (block.num_src_nodes(), block.num_dst_nodes())
    assert sorted(graph.dst.tolist()) == [0, 0, 1, 1]  # a0 from a1 and b2, b2 from a0 and a1


def test_canonical_relation_names_order_edge_types_of_one_name():
    g = two_node_types()
    order = [("b", "y", "a"), ("a", "x", "b"), ("a", "x", "a")]
    graph = Graph.from_dgl(g, relation_names=order)
    counts = [g.num_edges(etype) for etype in order]
    assert torch.bincount(graph.etypes).tolist() == counts


def test_names_of_several_edge_types_are_refused():
    with pytest.raises(ValueError, match="relation_names must be the edge types"):
        Graph.from_dgl(two_node_types(), relation_names=["x", "x", "y"])


def test_the_structure_is_made_where_it_is_wanted():
    graph = Graph.from_dgl(dgl.graph(([0], [1])), device="meta")
    assert graph.src.device.type == "meta"


def test_etypes_with_a_heterograph_are_refused(graph: Graph):
    with pytest.raises(ValueError, match="etypes must be left out with a heterograph"):
        Graph.from_dgl(to_dgl(graph, NAMES), graph.etypes)


BAD_ETYPES = {
    "too few": (torch.zeros(1).long(), r"one entry for each of the graph's 2 edges, got .*\(1,\)"),
    "two columns": (torch.zeros(2, 1).long(), r"got shape \(2, 1\)"),
    "floating": (torch.zeros(2), "must be an integer tensor, got torch.float32"),
    "a list": ([0, 1], "must be an integer tensor, got list"),
    "bool": (torch.zeros(2).bool(), "must be an integer tensor, got torch.bool"),
    "elsewhere": (torch.zeros(2, device="meta").long(), "on the device of the graph .* got meta"),
    "too large": (torch.tensor([0, 3]), r"etypes must lie in \[0, 3\), got 3 at edge 1"),
    "negative": (torch.tensor([-1, 0]), r"etypes must lie in \[0, 3\), got -1 at edge 0"),
}


@pytest.mark.parametrize("case", BAD_ETYPES)
def test_bad_etypes_are_refused(case: str):
    etypes, message = BAD_ETYPES[case]
    with pytest.raises(ValueError, match=message):
        Graph.from_dgl(dgl.graph(([0, 1], [1, 0])), etypes, num_rels=3)


@pytest.mark.parametrize("names", [NAMES[:-1], [*NAMES[:-1], "other"], [NAMES[0], *NAMES[:-1]]])
def test_names_that_are_not_the_edge_types_are_refused(graph: Graph, names: list[str]):
    with pytest.raises(ValueError, match="relation_names must be the edge types"):
        Graph.from_dgl(to_dgl(graph, NAMES), relation_names=names)


@pytest.mark.parametrize("names", [NAMES[:-1], [*NAMES, "more"], [NAMES[0], *NAMES[:-1]]])
def test_missing_or_double_names_are_refused(graph: Graph, names: list[str]):
    with pytest.raises(ValueError, match="relation_names must be 5 different names"):
        to_dgl(graph, names)


def test_sources_that_are_not_the_targets_are_refused():
    graph = Graph.from_csr(torch.tensor([0, 1]), torch.tensor([2]), num_src=3)
    with pytest.raises(ValueError, match="got 3 sources and 1 targets"):
        to_dgl(graph, ["any"])
