"""Graphs whose nodes are (utterance, modality): literal cases, a slow reference, and DGL's form."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import (
    Graph,
    modal_graph,
    modal_graph_of,
    modal_relations,
    modal_to_dgl,
    relation_names,
)

MODALITIES = ("text", "audio", "visual")
NAMES = relation_names("party")
ACROSS = ["utterance", "window"]


def utterances(lengths: list[int], speakers: list[int]) -> Graph:
    return Graph.from_dialogues(
        torch.tensor(lengths, dtype=torch.int64),
        torch.tensor(speakers, dtype=torch.int64),
        past=1,
        future=1,
        relations="party",
    )


def named_edges(graph: Graph, across: str, modalities: int) -> set[tuple[str, str, str]]:
    """Return edges as "0 text", relation, "1 audio"."""
    own = MODALITIES[:modalities]
    etypes = modal_relations(NAMES, own, across)
    triples = zip(graph.src.tolist(), graph.dst.tolist(), graph.etypes.tolist(), strict=True)
    found = set()
    for src, dst, relation in triples:
        a, name, b = etypes[relation]
        assert (a, b) == (own[src % modalities], own[dst % modalities])
        found.add((f"{src // modalities} {a}", name, f"{dst // modalities} {b}"))
    return found


def expected_edges(graph: Graph, present: Tensor, across: str) -> set[tuple[str, str, str]]:
    """Return the same by the definition, edge by edge."""
    edges = set()
    for src, dst, relation in zip(
        graph.src.tolist(), graph.dst.tolist(), graph.etypes.tolist(), strict=True
    ):
        for a in range(len(present)):
            for b in range(len(present)):
                if a != b and across == "utterance" and src != dst:
                    continue
                missing = not (present[a, src] and present[b, dst])
                if missing and (a, src) != (b, dst):
                    continue
                name = "utterance" if a != b and across == "utterance" else NAMES[relation]
                edges.add((f"{src} {MODALITIES[a]}", name, f"{dst} {MODALITIES[b]}"))
    return edges


@st.composite
def cases(draw: st.DrawFn) -> tuple[Graph, Tensor, str]:
    lengths = draw(st.lists(st.integers(0, 4), max_size=3))
    total, modalities = sum(lengths), draw(st.integers(1, 3))
    speakers = draw(st.lists(st.integers(0, 2), min_size=total, max_size=total))
    there = draw(st.lists(st.booleans(), min_size=modalities * total, max_size=modalities * total))
    present = torch.tensor(there, dtype=torch.bool).view(modalities, total)
    return utterances(lengths, speakers), present, draw(st.sampled_from(ACROSS))


def test_messages_cross_within_an_utterance():
    lifted = modal_graph(utterances([2], [0, 1]), torch.ones(2, 2).bool(), "utterance")
    assert named_edges(lifted, "utterance", 2) == {
        ("0 text", "self", "0 text"),
        ("1 text", "self", "1 text"),
        ("0 text", "other", "1 text"),
        ("1 text", "other", "0 text"),
        ("0 audio", "self", "0 audio"),
        ("1 audio", "self", "1 audio"),
        ("0 audio", "other", "1 audio"),
        ("1 audio", "other", "0 audio"),
        ("0 text", "utterance", "0 audio"),
        ("0 audio", "utterance", "0 text"),
        ("1 text", "utterance", "1 audio"),
        ("1 audio", "utterance", "1 text"),
    }


def test_messages_cross_all_over_the_window():
    lifted = modal_graph(utterances([2], [0, 0]), torch.ones(2, 2).bool(), "window")
    assert lifted.num_edges == 16
    assert ("0 audio", "same", "1 text") in named_edges(lifted, "window", 2)
    assert ("0 audio", "self", "0 text") in named_edges(lifted, "window", 2)


def test_a_missing_modality_keeps_its_self_edge_only():
    present = torch.tensor([[True, True], [True, False]])
    lifted = modal_graph(utterances([2], [0, 0]), present, "window")
    touching = {e for e in named_edges(lifted, "window", 2) if "1 audio" in (e[0], e[2])}
    assert touching == {("1 audio", "self", "1 audio")}


def test_one_modality_is_the_graph_of_the_utterances():
    graph = utterances([3, 1], [0, 1, 0, 0])
    lifted = modal_graph(graph, torch.ones(1, 4).bool(), "utterance")
    assert lifted.plan.equal(graph.plan)


@given(cases())
def test_edges_are_those_of_the_definition(case: tuple[Graph, Tensor, str]):
    graph, present, across = case
    lifted = modal_graph(graph, present, across)
    assert named_edges(lifted, across, len(present)) == expected_edges(graph, present, across)
    assert len(expected_edges(graph, present, across)) == lifted.num_edges  # none is double
    assert lifted.facts.one_self_edge


@given(cases())
def test_dgl_and_back(case: tuple[Graph, Tensor, str]):
    graph, present, across = case
    lifted = modal_graph(graph, present, across)
    etypes = modal_relations(NAMES, MODALITIES[: len(present)], across)
    again = modal_graph_of(modal_to_dgl(lifted, etypes, present), etypes)
    # A node that is missing gets back its self edge, and with it the relation of self edges.
    assert (again.num_dst, again.num_rels) == (lifted.num_dst, lifted.num_rels)
    if lifted.num_edges:
        assert again.plan.equal(lifted.plan)


def test_dgl_has_no_node_of_a_missing_modality():
    present = torch.tensor([[True, True, True], [False, True, False]])
    etypes = modal_relations(NAMES, MODALITIES[:2], "window")
    g = modal_to_dgl(modal_graph(utterances([3], [0, 1, 0]), present, "window"), etypes, present)
    assert {name: g.num_nodes(name) for name in g.ntypes} == {"audio": 1, "text": 3, "utterance": 3}
    assert g.nodes["audio"].data["place"].tolist() == [1]


def test_a_batch_of_dgl_graphs_is_the_graph_of_the_batch():
    graphs, lengths = [], [3, 1, 2]
    speakers = [[0, 1, 0], [0], [1, 0]]
    present = torch.tensor([[True] * 6, [True, False, True, False, False, True]])
    etypes = modal_relations(NAMES, MODALITIES[:2], "utterance")
    for part, who in zip(present.split(lengths, dim=1), speakers, strict=True):
        lifted = modal_graph(utterances([len(who)], who), part, "utterance")
        graphs.append(modal_to_dgl(lifted, etypes, part))
    whole = modal_graph(utterances(lengths, [0, 1, 0, 0, 1, 0]), present, "utterance")
    assert modal_graph_of(dgl.batch(graphs), etypes).plan.equal(whole.plan)


def test_other_edge_types_are_refused():
    present = torch.ones(2, 2).bool()
    etypes = modal_relations(NAMES, MODALITIES[:2], "window")
    g = modal_to_dgl(modal_graph(utterances([2], [0, 0]), present, "window"), etypes, present)
    with pytest.raises(ValueError, match="relation_names must be the edge types"):
        modal_graph_of(g, etypes[1:])
