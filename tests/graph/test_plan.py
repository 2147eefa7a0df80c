"""Plans that torch's operators make on a device: the native ones, entry by entry."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.plan import (
    composed_counting_sort,
    composed_csr_plan,
    csr_plan,
    edge_plan,
    pack,
    sort_edges,
    unpack,
)
from tests.attention_inputs import dialogues, edges

GRAPHS = {
    "no nodes": edges(0, 0, 0),
    "no targets": edges(0, 3, 0),
    "no sources": edges(3, 0, 0),
    "no edges": edges(4, 4, 0),
    "one node": dialogues([1]),
    "isolated nodes": edges(9, 9, 3),
    "more sources": edges(3, 30, 90),
    "dialogues": dialogues([3, 1, 12, 2], 4),
}


def check(graph: Graph, split: bool = True) -> None:
    edges = graph.indptr.long(), graph.src, graph.etypes, graph.num_rels, graph.num_src
    plan, sizes, facts = csr_plan(*edges, split)
    ours, our_sizes, our_facts = composed_csr_plan(*edges, split)
    assert (our_sizes, our_facts) == (sizes, facts)
    assert ours.equal(plan)


def test_segments_begin_where_target_or_relation_changes():
    indptr, etypes = torch.tensor([0, 3, 3, 5]), torch.tensor([0, 0, 2, 2, 2])
    plan, sizes, _ = composed_csr_plan(indptr, torch.tensor([0, 1, 1, 2, 2]), etypes, 3, 3)
    arrays = unpack(plan, sizes)
    assert arrays["edge_seg"].tolist() == [0, 0, 1, 2, 2]
    assert arrays["seg_ptr"].tolist() == [0, 2, 3, 5]
    assert (arrays["seg_dst"].tolist(), arrays["seg_rel"].tolist()) == ([0, 0, 2], [0, 2, 2])


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("split", [True, False], ids=["components", "one"])
def test_plan_is_the_native_one(graph: Graph, split: bool):
    check(graph, split)


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_packing_undoes_unpacking(graph: Graph):
    assert pack(unpack(graph.plan, graph.sizes)).equal(graph.plan)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 30), st.integers(1, 4))
def test_plan_of_any_edges_is_the_native_one(num_dst, num_src, count, num_rels):
    check(edges(num_dst, num_src, count if num_dst and num_src else 0, num_rels))


@given(st.lists(st.integers(0, 5), max_size=20))
def test_order_is_the_native_one(values: list[int]):
    found = composed_counting_sort(torch.tensor(values, dtype=torch.int64), 6)
    expected = torch.ops.ariigcn.counting_sort(torch.tensor(values, dtype=torch.int64), 6)
    assert all(a.equal(b) for a, b in zip(found, expected, strict=True))


def check_edges(num_dst: int, num_src: int, count: int, num_rels: int, by_target: bool) -> None:
    generator = torch.Generator().manual_seed(count)
    sizes = {"src": num_src, "etypes": num_rels, "dst": num_dst}
    drawn = {k: torch.randint(n, (count,), generator=generator) for k, n in sizes.items()}
    drawn["dst"] = drawn["dst"].sort().values if by_target else drawn["dst"]
    src, etypes, dst = drawn.values()
    indptr, order = sort_edges({k: (x, sizes[k]) for k, x in drawn.items()})
    ours, *known = composed_csr_plan(indptr, src[order], etypes[order], num_rels, num_src)
    found, (plan, *native) = edge_plan(src, dst, etypes, num_src, num_dst, num_rels)
    assert found.equal(order)
    assert native == known
    assert plan.equal(ours)


def test_edges_lie_by_target_relation_and_source_and_as_they_came():
    rows = [1, 0, 1, 0, 2, 0], [1, 1, 1, 1, 1, 0], [0, 1, 0, 0, 0, 0]
    order, (plan, sizes, _) = edge_plan(*map(torch.tensor, rows), 3, 2, 2)
    assert order.tolist() == [5, 3, 0, 2, 4, 1]
    arrays = unpack(plan, sizes)
    assert arrays["indptr"].tolist() == [0, 1, 6]
    assert arrays["indices"].tolist() == [0, 0, 1, 1, 2, 0]
    assert arrays["seg_ptr"].tolist() == [0, 1, 5, 6]


@pytest.mark.parametrize("nodes", [(0, 0), (0, 3), (3, 0), (4, 4)])
def test_plan_of_no_edges_is_torchs(nodes: tuple[int, int]):
    num_dst, num_src = nodes
    none = torch.zeros(0, dtype=torch.int64)
    order, (plan, *known) = edge_plan(none, none, none, num_src, num_dst, 2)
    composed, *expected = composed_csr_plan(none.new_zeros(num_dst + 1), none, none, 2, num_src)
    assert (len(order), known) == (0, expected)
    assert plan.equal(composed)


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 200),
    st.sampled_from([1, 2, 4, 300]),  # of which 300 have too many pairs with targets to be counted
    st.booleans(),
)
def test_plan_of_edges_in_any_order_is_torchs(num_dst, num_src, count, num_rels, by_target):
    check_edges(num_dst, num_src, count, num_rels, by_target)


@pytest.mark.parametrize("by_target", [False, True])
@pytest.mark.parametrize("num_dst", [1000, 30_000])  # of many edges and of few
@pytest.mark.parametrize("count", [2**16, 2**16 + 1])  # where another sort begins
def test_so_is_that_of_many_edges(num_dst: int, by_target: bool, count: int):
    check_edges(num_dst, 50, count, 3, by_target)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", GRAPHS)
def test_graph_built_on_a_gpu_is_the_cpus(name: str):
    expected = GRAPHS[name]
    found = Graph.from_edges(
        *(x.cuda() for x in (expected.src, expected.dst, expected.etypes)),
        num_src=expected.num_src,
        num_dst=expected.num_dst,
        num_rels=expected.num_rels,
    )
    assert found.plan.cpu().equal(expected.plan)
    assert (found.sizes, found.facts) == (expected.sizes, expected.facts)
