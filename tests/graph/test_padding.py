"""Graphs with nodes added that change nothing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.padding import padded_graph
from ariigcn_dgl.ops import segment_spmm


def small_graph() -> Graph:
    """Return two dialogues of 3 and 2 utterances: 13 edges in 13 segments of 5 relations."""
    return Graph.from_dialogues(torch.tensor([3, 2]), torch.tensor([0, 1, 0, 1, 0]))


def test_new_nodes_have_edges_from_themselves_alone():
    graph = padded_graph(small_graph(), nodes=7, edges=18, segments=16)
    assert graph.indptr.tolist() == [0, 3, 6, 9, 11, 13, 16, 18]
    assert graph.indices[13:].tolist() == [5, 5, 5, 6, 6]
    assert graph.etypes[13:].tolist() == [0, 0, 1, 0, 0]
    assert graph.self_edges.tolist()[5:] == [13, 16]


@given(st.integers(1, 6), st.data())
def test_all_numbers_that_can_be_reached_are_reached(new: int, data: st.DataObject):
    old = small_graph()
    segments = data.draw(st.integers(new, new * old.num_rels))
    edges = data.draw(st.integers(segments, 60))
    graph = padded_graph(old, 5 + new, 13 + edges, 13 + segments)
    assert (graph.num_dst, graph.num_edges, graph.num_segments) == (
        5 + new,
        13 + edges,
        13 + segments,
    )
    for name in ("indices", "etypes", "dst", "edge_seg", "eids"):
        assert getattr(graph, name)[:13].equal(getattr(old, name))
    assert graph.src[13:].equal(graph.dst[13:])  # nothing joins old and new
    assert graph.dst[graph.self_edges].equal(torch.arange(5 + new))


@pytest.mark.parametrize(
    ("nodes", "edges", "segments"), [(5, 14, 14), (6, 13, 14), (6, 20, 19), (7, 15, 14)]
)
def test_numbers_that_cannot_be_reached_are_refused(nodes: int, edges: int, segments: int):
    with pytest.raises(ValueError, match="new nodes cannot have"):
        padded_graph(small_graph(), nodes, edges, segments)


def test_sums_over_old_segments_stay_what_they_were():
    old, feat = small_graph(), torch.randn(1, 8, 4)
    graph = padded_graph(old, nodes=8, edges=20, segments=18)
    weight = torch.rand(1, 20)
    found = segment_spmm(graph, weight, feat)[:, : old.num_segments]
    assert found.equal(segment_spmm(old, weight[:, :13].contiguous(), feat[:, :5].contiguous()))
