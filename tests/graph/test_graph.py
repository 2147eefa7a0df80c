"""The index structure: what it holds, what is derived from it, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.plan import unpack


def long(values: list[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)


@st.composite
def csr_graphs(draw: st.DrawFn) -> Graph:
    """Any graph: isolated nodes, double edges, fewer or more sources than targets."""
    num_src = draw(st.integers(1, 6))
    edge = st.tuples(st.integers(0, 3), st.integers(0, num_src - 1))
    rows = draw(st.lists(st.lists(edge, max_size=6).map(sorted), max_size=6))
    edges = [edge for row in rows for edge in row]
    return Graph.from_csr(
        long([0, *(len(row) for row in rows)]).cumsum(0),
        long([source for _, source in edges]),
        long([relation for relation, _ in edges]),
        num_rels=4,
        num_src=num_src,
    )


@pytest.fixture
def graph() -> Graph:
    """Three targets, the second isolated; four sources; edge 0 is doubled."""
    return Graph.from_csr(
        long([0, 4, 4, 6]), long([2, 2, 0, 1, 3, 2]), long([0, 0, 0, 2, 1, 1]), 3, 4
    )


any_graph = settings(max_examples=80, deadline=None, derandomize=True)


def test_segments_are_the_non_empty_target_relation_pairs(graph: Graph):
    assert graph.seg_ptr.tolist() == [0, 3, 4, 6]
    assert graph.seg_dst.tolist() == [0, 0, 2]
    assert graph.seg_rel.tolist() == [0, 2, 1]
    assert graph.edge_seg.tolist() == [0, 0, 0, 1, 2, 2]


def test_transpose_lists_the_edges_of_every_source(graph: Graph):
    assert graph.t_indptr.tolist() == [0, 1, 2, 5, 6]
    assert graph.t_eids.tolist() == [2, 3, 0, 1, 5, 4]


def test_sizes(graph: Graph):
    sizes = graph.num_dst, graph.num_src, graph.num_edges, graph.num_segments, graph.num_rels
    assert sizes == (3, 4, 6, 3, 3)


def test_norm_is_one_over_the_segment_size_to_double_precision(graph: Graph):
    third = 1 / 3
    assert graph.norm.tolist() == [third, third, third, 1, 0.5, 0.5]


def test_in_norm_is_one_over_the_in_degree(graph: Graph):
    assert graph.in_norm.tolist() == [0.25, 0.25, 0.25, 0.25, 0.5, 0.5]


def test_a_graph_knows_whether_edges_are_stored_in_the_order_of_their_ids():
    csr = torch.tensor([0, 1, 2]), torch.tensor([0, 1])
    assert Graph.from_csr(*csr).facts.in_order
    assert not Graph.from_csr(*csr, eids=torch.tensor([1, 0])).facts.in_order


@pytest.mark.parametrize("eids", [None, torch.tensor([2, 0, 1])])
def test_ids_of_self_edges_lead_to_them(eids: torch.Tensor | None):
    indptr, indices = torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1])
    graph = Graph.from_csr(indptr, indices, eids=eids)
    assert graph.self_eids.tolist() == ([0, 2] if eids is None else [2, 1])


def test_etypes_default_to_one_relation():
    graph = Graph.from_csr(long([0, 2]), long([0, 0]))
    assert (graph.num_rels, graph.etypes.tolist()) == (1, [0, 0])


def test_num_rels_defaults_to_the_largest_relation():
    assert Graph.from_csr(long([0, 2]), long([0, 0]), long([0, 4])).num_rels == 5


@pytest.mark.parametrize("indptr", [[0], [0, 0, 0]])
def test_a_graph_may_have_no_edges(indptr: list[int]):
    graph = Graph.from_csr(long(indptr), long([]))
    assert (graph.num_edges, graph.num_segments, graph.num_rels) == (0, 0, 1)
    assert graph.t_indptr.tolist() == indptr


@any_graph
@given(csr_graphs())
def test_edges_of_a_segment_share_its_target_and_relation(graph: Graph):
    assert graph.seg_dst[graph.edge_seg].tolist() == graph.dst.tolist()
    assert graph.seg_rel[graph.edge_seg].tolist() == graph.etypes.tolist()


@any_graph
@given(csr_graphs())
def test_segments_partition_the_edges_in_order_of_target_and_relation(graph: Graph):
    keys = (graph.seg_dst * graph.num_rels + graph.seg_rel).tolist()
    assert keys == sorted(set(keys))
    sizes = graph.seg_ptr.diff()
    assert (sizes > 0).all()
    segment = torch.arange(graph.num_segments).repeat_interleave(sizes)
    assert segment.equal(graph.edge_seg.long())


@any_graph
@given(csr_graphs())
def test_transpose_holds_every_edge_once_at_its_source_in_order(graph: Graph):
    assert graph.t_eids.sort().values.tolist() == list(range(graph.num_edges))
    sources = torch.arange(graph.num_src).repeat_interleave(graph.t_indptr.diff())
    assert graph.src[graph.t_eids].equal(sources)
    keys = (sources * graph.num_edges + graph.t_eids).tolist()
    assert keys == sorted(keys)


@any_graph
@given(csr_graphs())
def test_merged_has_one_segment_for_every_target(graph: Graph):
    merged = graph.merged
    assert merged.seg_ptr.equal(graph.indptr)
    assert merged.seg_dst.tolist() == list(range(graph.num_dst))
    assert merged.edge_seg.tolist() == graph.dst.tolist()
    assert (merged.num_rels, merged.etypes.sum(), merged.seg_rel.sum()) == (1, 0, 0)
    assert merged.indices.equal(graph.src)


@any_graph
@given(csr_graphs())
def test_the_order_of_segments_sorts_them_by_relation_stably(graph: Graph):
    segments = range(graph.num_segments)
    assert graph.seg_order.tolist() == sorted(segments, key=lambda p: int(graph.seg_rel[p]))
    counts = tuple(int((graph.seg_rel == r).sum()) for r in range(graph.num_rels))
    assert graph.facts.rel_counts == counts
    assert tuple(graph.rel_ptr.diff().tolist()) == counts


@any_graph
@given(csr_graphs())
def test_segments_of_target_lead_to_every_targets_own_segments(graph: Graph):
    sums = graph.segments_of_target
    assert (sums.num_dst, sums.num_src) == (graph.num_dst, graph.num_segments)
    assert graph.seg_dst[graph.seg_order][sums.indices].tolist() == sums.dst.tolist()
    expected = Graph.from_edges(sums.src, sums.dst, num_src=sums.num_src, num_dst=sums.num_dst)
    ours, theirs = unpack(sums.plan, sums.sizes), unpack(expected.plan, expected.sizes)
    for name in ("indptr", "indices", "t_indptr", "t_eids"):
        assert ours[name].equal(theirs[name])


def test_segments_of_target_keep_targets_without_in_edges(graph: Graph):
    assert graph.segments_of_target.indptr.tolist() == [0, 2, 2, 3]


def components_by_definition(graph: Graph) -> list[int]:
    """Return 0, every boundary that no edge crosses, and N, trying them one by one."""
    edges = list(zip(graph.src.tolist(), graph.dst.tolist(), strict=True))
    ends = range(graph.num_dst + 1)
    return [b for b in ends if not any(min(edge) < b <= max(edge) for edge in edges)]


@pytest.mark.parametrize(
    ("indptr", "indices", "components"),
    [
        ([0, 1, 2, 3, 4], [1, 0, 3, 2], [0, 2, 4]),
        ([0, 0, 1, 1], [1], [0, 1, 2, 3]),
        ([0, 1, 2, 3, 4], [1, 0, 3, 0], [0, 4]),
        ([0, 0, 0, 0, 1], [1], [0, 1, 4]),
        ([0, 0, 1, 1, 1], [3], [0, 1, 4]),
        ([0, 1, 2, 2, 2], [2, 3], [0, 4]),
        ([0], [], [0]),
    ],
    ids=[
        "two dialogues",
        "isolated nodes and a self edge",
        "an edge across",
        "an edge from far before",
        "an edge from far behind",
        "ranges that overlap",
        "no nodes",
    ],
)
def test_components_are_the_ranges_that_no_edge_leaves(indptr, indices, components):
    assert Graph.from_csr(long(indptr), long(indices)).components.tolist() == components


@pytest.mark.parametrize(("indptr", "components"), [([0, 1, 1], [0, 2]), ([0], [0])])
def test_targets_that_are_not_the_sources_are_one_component(indptr, components):
    graph = Graph.from_csr(long(indptr), long([0] * indptr[-1]), num_src=5)
    assert graph.components.tolist() == components


@any_graph
@given(csr_graphs())
def test_components_equal_the_definition(graph: Graph):
    square = graph.num_src == graph.num_dst
    expected = (
        components_by_definition(graph) if square else [0, graph.num_dst][: graph.num_dst + 1]
    )
    assert graph.components.tolist() == expected


@any_graph
@given(st.integers(0, 12), st.data())
def test_components_of_a_square_graph_equal_the_definition(nodes: int, data: st.DataObject):
    node = st.integers(0, max(nodes - 1, 0))
    near = st.tuples(node, st.integers(-2, 2)).map(lambda e: (e[0], (e[0] + e[1]) % nodes))
    edges = data.draw(st.lists(near, max_size=8)) if nodes else []
    src, dst = long([e[0] for e in edges]), long([e[1] for e in edges])
    graph = Graph.from_edges(src, dst, num_src=nodes, num_dst=nodes)
    assert graph.components.tolist() == components_by_definition(graph)
    assert graph.merged.components.equal(graph.components)


def test_edges_may_be_columns_of_a_table():
    table = torch.tensor([[0, 1, 2], [1, 0, 0]])  # source, relation, target
    graph = Graph.from_edges(table[:, 0], table[:, 2], table[:, 1], num_src=3, num_dst=3)
    assert (graph.src.tolist(), graph.dst.tolist(), graph.etypes.tolist()) == (
        [1, 0],
        [0, 2],
        [0, 1],
    )


def test_self_edges_are_found_in_any_place():
    graph = Graph.from_dialogues(long([3, 1]), long([0, 1, 0, 0]), past=1, future=1)
    assert graph.src[graph.self_edges].tolist() == [0, 1, 2, 3]
    assert graph.dst[graph.self_edges].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("indptr", "indices"),
    [([0, 1, 2], [0, 0]), ([0, 2, 3], [0, 0, 1]), ([0, 2, 2], [0, 0])],
    ids=["missing", "doubled", "doubled and missing"],
)
def test_a_missing_or_double_self_edge_is_refused(indptr: list[int], indices: list[int]):
    with pytest.raises(ValueError, match="every node must have exactly one self edge"):
        _ = Graph.from_csr(long(indptr), long(indices)).self_edges


def test_from_edges_sorts_by_target_relation_and_source():
    src, dst, etypes = long([3, 0, 2, 1, 3]), long([1, 1, 0, 1, 0]), long([1, 1, 0, 0, 0])
    graph = Graph.from_edges(src, dst, etypes, num_src=4, num_dst=3)
    assert graph.indptr.tolist() == [0, 2, 5, 5]
    assert graph.src.tolist() == [2, 3, 1, 0, 3]
    assert graph.etypes.tolist() == [0, 0, 0, 1, 1]
    assert graph.eids.tolist() == [2, 4, 3, 1, 0]


@any_graph
@given(csr_graphs(), st.randoms(use_true_random=False))
def test_eids_lead_back_to_the_callers_edges(graph: Graph, random):
    order = list(range(graph.num_edges))
    random.shuffle(order)
    src, dst, etypes = graph.src[order], graph.dst[order], graph.etypes[order]
    sizes = {"num_src": graph.num_src, "num_dst": graph.num_dst, "num_rels": graph.num_rels}
    again = Graph.from_edges(src, dst, etypes, **sizes)
    assert src[again.eids].equal(again.src)
    assert dst[again.eids].equal(again.dst)
    assert etypes[again.eids].equal(again.etypes)
    assert again.indptr.equal(graph.indptr)


def test_from_edges_keeps_the_order_of_double_edges():
    graph = Graph.from_edges(long([0, 0, 0]), long([0, 0, 0]), num_src=1, num_dst=1)
    assert graph.eids.tolist() == [0, 1, 2]


def test_relation_order_lists_segments_by_relation_and_like_targets_together():
    graph = Graph.from_csr(
        torch.tensor([0, 2, 3, 3, 5]), torch.zeros(5, dtype=torch.int64),
        torch.tensor([0, 1, 1, 0, 1]), num_rels=3, num_src=1,
    )  # fmt: skip
    assert graph.rel_ptr.tolist() == [0, 2, 5, 5]
    assert graph.seg_order.tolist() == [0, 3, 1, 2, 4]
    assert graph.dst_order.tolist() == [2, 0, 3, 1]  # target 2 has no edges: as of relation 0


@pytest.mark.parametrize("nodes", [0, 3])
def test_relation_order_of_no_edges(nodes: int):
    none = torch.zeros(0, dtype=torch.int64)
    graph = Graph.from_csr(torch.zeros(nodes + 1, dtype=torch.int64), none, num_rels=2)
    orders = graph.rel_ptr, graph.seg_order, graph.dst_order
    assert [x.tolist() for x in orders] == [[0, 0, 0], [], list(range(nodes))]


def test_from_edge_index_reads_sources_and_targets_from_its_rows():
    edge_index, edge_type = torch.tensor([[3, 0, 2], [1, 1, 0]]), long([1, 0, 0])
    graph = Graph.from_edge_index(edge_index, edge_type, num_nodes=(4, 2))
    assert (graph.num_src, graph.num_dst, graph.num_rels) == (4, 2, 2)
    assert graph.src.tolist() == [2, 0, 3]
    assert graph.dst.tolist() == [0, 1, 1]
    assert graph.eids.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    "bad",
    [
        torch.zeros(3, 2).long(),
        torch.zeros(1, 2).long(),
        torch.zeros(2).long(),
        torch.tensor(0),
        torch.zeros(2, 2),
    ],
)
def test_an_edge_index_of_another_kind_is_refused(bad: Tensor):
    with pytest.raises(ValueError, match=r"edge_index must be a \(2, E\) int64 tensor, got"):
        Graph.from_edge_index(bad, num_nodes=3)


def test_the_first_target_without_in_edges_is_known(graph: Graph):
    assert graph.facts.first_without_in_edges == 1
    assert Graph.from_csr(long([0, 1]), long([0])).facts.first_without_in_edges is None
    assert Graph.from_csr(long([0]), long([])).facts.first_without_in_edges is None


MALFORMED = {
    "empty indptr": ({"indptr": []}, "indptr must start at 0"),
    "late start": ({"indptr": [1, 2, 3]}, "indptr must start at 0"),
    "early end": ({"indptr": [0, 1, 2]}, r"end at the number of edges \(3\)"),
    "decrease": ({"indptr": [0, 4, 3]}, "indptr decreases after row 1"),
    "overflow": ({"indptr": [0, 2**63 - 1, -(2**63), -1, 3]}, "indptr decreases after row 1"),
    "source too large": ({"indices": [0, 2, 1]}, r"indices\[1\] is 2, expected 0 to 1"),
    "source negative": ({"indices": [0, 1, -1]}, r"indices\[2\] is -1"),
    "relation too large": ({"etypes": [0, 1, 2], "num_rels": 2}, r"etypes\[2\] is 2"),
    "relation negative": ({"etypes": [-1, 0, 0]}, r"etypes\[0\] is -1"),
    "unsorted relations": ({"etypes": [1, 0, 0]}, "etypes must not decrease .* after edge 0"),
    "too few relations": ({"etypes": [0, 0]}, r"etypes must have one entry per edge \(3\), got 2"),
    "too many edge ids": (
        {"eids": [0, 1, 2, 3]},
        r"eids must have one entry per edge \(3\), got 4",
    ),
    "no relations at all": ({"num_rels": 0}, r"num_rels must lie in \[1, 1048576\], got 0"),
    "negative sources": ({"num_src": -1}, r"num_src must lie in \[0, 2147483647\], got -1"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_csr_is_refused(case: str):
    changes, message = MALFORMED[case]
    fields = {"indptr": [0, 2, 3], "indices": [0, 1, 1], "etypes": [0, 1, 0], "num_rels": None}
    fields |= changes
    arguments = {k: long(v) if isinstance(v, list) else v for k, v in fields.items()}
    with pytest.raises(ValueError, match=message):
        Graph.from_csr(**arguments)


@pytest.mark.parametrize("name", ["indptr", "indices", "etypes", "eids"])
@pytest.mark.parametrize("bad", [torch.zeros(1), torch.zeros(1, 1).long(), torch.tensor(0)])
def test_csr_arrays_of_another_kind_are_refused_by_name(name: str, bad: Tensor):
    arguments = {"indptr": long([0, 1]), "indices": long([0])}
    with pytest.raises(ValueError, match=f"{name} must be a 1-D int64 tensor"):
        Graph.from_csr(**(arguments | {name: bad}))


@pytest.mark.parametrize("name", ["src", "dst", "etypes"])
@pytest.mark.parametrize("bad", [torch.zeros(2), torch.zeros(2, 1).long(), torch.zeros(2).int()])
def test_edge_arrays_of_another_kind_are_refused_by_name(name: str, bad: Tensor):
    arguments = {"src": long([0, 0]), "dst": long([0, 0]), "etypes": long([0, 0])}
    with pytest.raises(ValueError, match=f"{name} must be a 1-D int64 tensor"):
        Graph.from_edges(**(arguments | {name: bad}), num_src=1, num_dst=1)


@pytest.mark.parametrize("target", [-1, 2])
def test_edges_to_no_target_are_refused(target: int):
    with pytest.raises(ValueError, match=rf"dst must lie in \[0, 2\), got .*{target}"):
        Graph.from_edges(long([0, 0]), long([1, target]), num_src=1, num_dst=2)


def test_edges_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="got 1, 2 and 1"):
        Graph.from_edges(long([0]), long([0, 0]), num_src=1, num_dst=1)


@pytest.mark.parametrize("name", ["num_src", "num_dst"])
def test_more_nodes_than_int32_counts_are_refused(name: str):
    sizes = {"num_src": 1, "num_dst": 1} | {name: 2**31}
    with pytest.raises(ValueError, match=rf"{name} must lie in \[0, 2147483647\], got 2147483648"):
        Graph.from_edges(long([0]), long([0]), **sizes)


def test_a_relation_beyond_any_use_is_refused_before_anything_is_made_for_it():
    with pytest.raises(ValueError, match=r"num_rels must lie in \[1, 1048576\], got 1048577"):
        Graph.from_edges(long([0]), long([0]), long([2**20]), num_src=1, num_dst=1)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(-2, 5) | st.integers(-(2**63), 2**63 - 1), max_size=5),
    st.lists(st.integers(-2, 5), max_size=5),
    st.lists(st.integers(-2, 3), max_size=5),
    st.none() | st.integers(-2, 5),
    st.none() | st.integers(-2, 5),
)
def test_any_arrays_make_a_sound_graph_or_a_value_error(indptr, indices, etypes, rels, num_src):
    try:
        graph = Graph.from_csr(long(indptr), long(indices), long(etypes), rels, num_src)
    except ValueError:
        return
    assert graph.dst.tolist() == [
        i for i in range(len(indptr) - 1) for _ in range(indptr[i], indptr[i + 1])
    ]
    assert graph.t_indptr[-1] == len(indices)


INDEX_OPERATORS = {
    "number_speakers": (long([2, 1]), long([7, 3, 7])),
    "window_graph": (long([2, 1]), long([0, 1, 0]), 1, 1, 0),
    "csr_plan": (long([0, 1, 2]), long([1, 0]), long([0, 0]), 1, 2, True),
    "edge_plan": (long([2, 0, 2]), long([1, 1, 0]), long([0, 1, 0]), 3, 2, 2),
    "counting_sort": (long([2, 0, 2]), 3),
}


@pytest.mark.parametrize("name", INDEX_OPERATORS)
def test_operators_on_indices_do_what_their_schema_says(name: str):
    operator = getattr(torch.ops.ariigcn, name).default
    torch.library.opcheck(operator, INDEX_OPERATORS[name], test_utils="test_schema")


@pytest.mark.parametrize(
    ("eids", "message"),
    [
        ([1, 1], "eids must hold each edge once, but holds 1 2 times"),
        ([-1, 0], r"eids\[0\] is -1, expected 0 to 1"),
        ([0, 7], r"eids\[1\] is 7, expected 0 to 1"),
    ],
)
def test_edge_ids_must_be_those_of_the_edges(eids: list[int], message: str):
    with pytest.raises(ValueError, match=message):
        Graph.from_csr(long([0, 1, 2]), long([0, 1]), eids=long(eids))


def test_numbers_of_nodes_may_be_numpys():
    edges = torch.tensor([[0, 1], [1, 0]])
    assert Graph.from_edge_index(edges, num_nodes=np.int64(2)).num_dst == 2
