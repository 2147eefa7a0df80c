"""The windowed speaker-relation graph: literal cases, then a slow reference."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ariigcn_dgl.graph import Graph, relation_names


def graph_of(lengths: list[int], speakers: list[int], **options: object) -> Graph:
    return Graph.from_dialogues(
        torch.tensor(lengths, dtype=torch.int64),
        torch.tensor(speakers, dtype=torch.int64),
        **options,
    )


def edges_of(graph: Graph, names: list[str]) -> set[tuple[int, int, str]]:
    triples = zip(graph.src.tolist(), graph.dst.tolist(), graph.etypes.tolist(), strict=True)
    return {(source, target, names[relation]) for source, target, relation in triples}


def expected_edges(
    lengths: list[int], speakers: list[int], past: int, future: int, relations: str
) -> set[tuple[int, int, str]]:
    """Return the same by the definition, one pair of utterances at a time."""
    edges, start = set(), 0
    for length in lengths:
        own = speakers[start : start + length]
        local = [list(dict.fromkeys(own)).index(speaker) for speaker in own]
        for i in range(length):
            for j in range(max(0, i - past), min(length, i + future + 1)):
                side = "past" if j < i else "future"
                same = "same" if own[j] == own[i] else "other"
                pair = same if relations == "speaker" else f"{local[j]}_to_{local[i]}"
                named = {"none": "window", "party": same}.get(relations, f"{pair}_{side}")
                name = "self" if i == j and relations != "none" else named
                edges.add((start + j, start + i, name))
        start += length
    return edges


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[int], list[int], int, int, str]:
    lengths = draw(st.lists(st.integers(0, 9), max_size=5))
    total = sum(lengths)
    speakers = draw(st.lists(st.sampled_from([5, 0, 9]), min_size=total, max_size=total))
    windows = st.integers(0, 12)
    return lengths, speakers, draw(windows), draw(windows), draw(st.sampled_from(RELATIONS))


RELATIONS = ["none", "party", "speaker", "pairs"]


def test_one_speaker_has_past_future_and_self_edges():
    graph = graph_of([3], [4, 4, 4], past=1, future=1)
    assert edges_of(graph, relation_names("speaker")) == {
        (0, 0, "self"),
        (1, 0, "same_future"),
        (0, 1, "same_past"),
        (1, 1, "self"),
        (2, 1, "same_future"),
        (1, 2, "same_past"),
        (2, 2, "self"),
    }


def test_two_speakers_are_told_apart():
    graph = graph_of([3], [7, 4, 7], past=2, future=0)
    assert edges_of(graph, relation_names("speaker")) == {
        (0, 0, "self"),
        (0, 1, "other_past"),
        (1, 1, "self"),
        (0, 2, "same_past"),
        (1, 2, "other_past"),
        (2, 2, "self"),
    }


def test_pairs_number_the_speakers_by_first_appearance_in_each_dialogue():
    graph = graph_of([2, 2], [9, 3, 3, 9], past=1, future=1, relations="pairs")
    assert edges_of(graph, relation_names("pairs")) == {
        (0, 0, "self"),
        (1, 0, "1_to_0_future"),
        (0, 1, "0_to_1_past"),
        (1, 1, "self"),
        (2, 2, "self"),
        (3, 2, "1_to_0_future"),
        (2, 3, "0_to_1_past"),
        (3, 3, "self"),
    }


def test_parties_are_told_apart_without_a_direction():
    graph = graph_of([3], [7, 4, 7], past=1, future=2, relations="party")
    assert edges_of(graph, relation_names("party")) == {
        (0, 0, "self"),
        (1, 0, "other"),
        (2, 0, "same"),
        (0, 1, "other"),
        (1, 1, "self"),
        (2, 1, "other"),
        (1, 2, "other"),
        (2, 2, "self"),
    }


def test_nothing_is_told_apart_by_one_relation():
    graph = graph_of([2], [0, 1], relations="none")
    assert (graph.num_rels, graph.indices.tolist()) == (1, [0, 1, 0, 1])


def test_distances_part_relations():
    graph = graph_of([4], [0, 0, 0, 1], past=3, future=0, relations="party", distances=[1, 2])
    of_last = {e for e in edges_of(graph, relation_names("party", distances=[1, 2])) if e[1] == 3}
    assert of_last == {
        (0, 3, "other_beyond_2"),
        (1, 3, "other_upto_2"),
        (2, 3, "other_upto_1"),
        (3, 3, "self"),
    }


@pytest.mark.parametrize("relations", ["none", "party", "speaker", "pairs"])
def test_distances_part_no_self_edges_but_where_nothing_is_told_apart(relations: str):
    names = relation_names(relations, distances=[3])
    graph = graph_of([5], [0, 1, 1, 0, 1], relations=relations, distances=[3])
    own = {names[r] for r in graph.etypes[graph.src == graph.dst].tolist()}
    assert own == {"window_upto_3" if relations == "none" else "self"}
    assert graph.num_rels == len(names)


def test_a_window_of_nothing_leaves_the_self_edges():
    graph = graph_of([3, 1], [0, 1, 0, 0], past=0, future=0)
    assert graph.src.tolist() == graph.dst.tolist() == [0, 1, 2, 3]


def test_a_past_only_window_has_no_edge_from_a_later_utterance():
    graph = graph_of([6], [0, 1, 0, 1, 1, 0], past=3, future=0)
    assert (graph.src <= graph.dst).all()


def test_a_window_wider_than_the_dialogue_connects_all_of_it():
    assert graph_of([4], [0, 1, 2, 3], past=100, future=100).num_edges == 16


def test_no_window_is_too_wide():
    graph = graph_of([4, 2], [0, 1, 1, 0, 2, 2], past=2**63 - 1, future=2**70)
    assert graph.src.equal(graph_of([4, 2], [0, 1, 1, 0, 2, 2], past=9, future=9).indices)


def test_dialogues_are_components():
    assert graph_of([2, 0, 3, 1], [0] * 6, past=1, future=0).components.tolist() == [0, 2, 5, 6]


def test_a_window_of_nothing_makes_every_utterance_a_component():
    assert graph_of([3], [0] * 3, past=0, future=0).components.tolist() == [0, 1, 2, 3]


def test_any_number_may_name_a_speaker():
    names = [2**63 - 1, -(2**63), 2**63 - 1, 0]
    options = {"relations": "pairs", "num_speakers": 3}
    assert graph_of([4], names, **options).etypes.equal(
        graph_of([4], [5, 1, 5, 3], **options).etypes
    )


def test_no_edge_crosses_dialogues():
    graph = graph_of([2, 3], [0, 0, 0, 0, 0])
    dialogue = torch.tensor([0, 0, 1, 1, 1])
    assert dialogue[graph.src].equal(dialogue[graph.dst])


def test_dialogues_without_utterances_change_nothing():
    with_empty = graph_of([0, 2, 0, 1, 0], [0, 1, 0])
    without = graph_of([2, 1], [0, 1, 0])
    assert with_empty.indptr.equal(without.indptr)
    assert with_empty.indices.equal(without.indices)


@pytest.mark.parametrize("relations", RELATIONS)
@pytest.mark.parametrize("lengths", [[], [0, 0]])
def test_no_utterances_make_an_empty_graph(lengths: list[int], relations: str):
    graph = graph_of(lengths, [], relations=relations)
    assert (graph.num_dst, graph.num_src, graph.num_edges, graph.num_segments) == (0, 0, 0, 0)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, derandomize=True)
@given(batches())
def test_equals_the_definition(batch: tuple[list[int], list[int], int, int, str]):
    lengths, speakers, past, future, relations = batch
    options = {"past": past, "future": future, "relations": relations}
    graph = graph_of(lengths, speakers, **options, num_speakers=3)
    names = relation_names(relations, 3)
    assert edges_of(graph, names) == expected_edges(*batch)
    assert graph.num_edges == len(expected_edges(*batch))  # none is doubled
    assert graph.num_rels == len(names)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(batches())
def test_has_the_plan_that_any_csr_gets(batch: tuple[list[int], list[int], int, int, str]):
    lengths, speakers, past, future, relations = batch
    options = {"past": past, "future": future, "relations": relations}
    graph = graph_of(lengths, speakers, **options, num_speakers=3)
    again = Graph.from_csr(graph.indptr.long(), graph.src, graph.etypes, graph.num_rels)
    assert graph.plan.equal(again.plan)
    assert graph.eids.equal(again.eids)
    assert (graph.sizes, graph.facts) == (again.sizes, again.facts)


def test_takes_strided_input():
    speakers = torch.tensor([0, 9, 1, 9, 0, 9])[::2]
    graph = Graph.from_dialogues(torch.tensor([3, 5])[:1], speakers, past=1, future=0)
    assert graph.etypes.equal(graph_of([3], [0, 1, 0], past=1, future=0).etypes)


@pytest.mark.parametrize(
    ("lengths", "speakers", "options", "message"),
    [
        ([2], [0], {}, "lengths add up to 2 utterances, speakers has 1"),
        ([3, -1], [0, 0], {}, "lengths must not be negative, got -1"),
        ([1], [0], {"past": -1}, "past and future must not be negative, got -1 and 10"),
        ([1], [0], {"future": -2}, "past and future must not be negative, got 10 and -2"),
        ([1, 3], [0, 1, 2, 3], {"relations": "pairs"}, "dialogue 1 has 3 speakers"),
        ([0, 3], [1, 2, 3], {"relations": "pairs"}, "dialogue 1 has 3 speakers"),
        ([2**62, 2**62, 2**62, 2**62], [], {}, "lengths add up to 18446744073709551616"),
        ([1], [0], {"relations": "auto"}, "relations must be one of .*, got 'auto'"),
        ([1], [0], {"distances": [2, 1]}, r"distances must increase .*, got \[2, 1\]"),
        ([1], [0], {"distances": [0]}, r"distances must .* be at least 1, got \[0\]"),
    ],
)
def test_bad_values_are_refused(
    lengths: list[int], speakers: list[int], options: dict[str, object], message: str
):
    with pytest.raises(ValueError, match=message):
        graph_of(lengths, speakers, **options)


@pytest.mark.parametrize("bad", [torch.tensor([1.0]), torch.tensor([[1]]), torch.tensor([1]).int()])
@pytest.mark.parametrize("position", [0, 1])
def test_bad_tensors_are_refused_by_name(position: int, bad: torch.Tensor):
    tensors = [torch.tensor([1]), torch.tensor([1])]
    tensors[position] = bad
    with pytest.raises(ValueError, match=("lengths", "speakers")[position]):
        Graph.from_dialogues(*tensors)


def test_relation_names_cover_every_ordered_pair():
    assert relation_names("pairs", 2) == [
        "0_to_0_past",
        "0_to_0_future",
        "0_to_1_past",
        "0_to_1_future",
        "1_to_0_past",
        "1_to_0_future",
        "1_to_1_past",
        "1_to_1_future",
        "self",
    ]


def test_unknown_relations_have_no_names():
    with pytest.raises(ValueError, match="got 'direction'"):
        relation_names("direction")


@pytest.mark.parametrize("num_speakers", [0, -5, 257, 30_000])
def test_relations_of_pairs_of_very_many_speakers_are_refused(num_speakers: int) -> None:
    with pytest.raises(ValueError, match="num_speakers must be from 1 to 256 for 'pairs', got"):
        relation_names("pairs", num_speakers)
