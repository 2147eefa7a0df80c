"""Graphs on other devices: int64 for callers, and int32 for kernels where that is enough."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph, move
from ariigcn_dgl.graph.move import PLAN, index_dtype

META, CPU = torch.device("meta"), torch.device("cpu")


@pytest.fixture
def graph() -> Graph:
    """Three targets, four sources, six edges, relations 0 to 2."""
    return Graph.from_csr(
        torch.tensor([0, 4, 4, 6]),
        torch.tensor([2, 2, 0, 1, 3, 2]),
        torch.tensor([0, 0, 0, 2, 1, 1]),
        num_src=4,
        eids=torch.tensor([2**40, 1, 2, 3, 4, 5]),
    )


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Collect what is sent."""
    sent, send = [], move.send
    monkeypatch.setattr(move, "send", lambda x, device: sent.extend(x) or send(x, device))
    return sent


def test_graph_on_the_cpu_is_its_own_plan(graph: Graph):
    assert graph.plan is graph
    assert graph.indices.dtype == torch.int64


def test_plan_of_another_device_is_int32(graph: Graph, values: list[Tensor]):
    plan = graph.to("meta").plan
    assert {getattr(plan, name).dtype for name in PLAN} == {torch.int32}
    sent = values[-len(PLAN) :]
    assert all(x.equal(getattr(graph, name).int()) for x, name in zip(sent, PLAN, strict=True))
    assert (plan.num_dst, plan.num_src, plan.num_edges, plan.num_rels) == (3, 4, 6, 3)
    assert plan.num_segments == graph.num_segments


def test_numbers_of_the_callers_edges_stay_int64(graph: Graph):
    assert graph.to("meta").plan.eids.dtype == torch.int64


@pytest.mark.slow
def test_plans_made_from_a_plan_are_int32(graph: Graph):
    moved = graph.to("meta")
    for plan in (moved.merged.plan, moved.segments_of_target.plan):
        assert {getattr(plan, name).dtype for name in PLAN} == {torch.int32}
    assert {x.dtype for x in moved.plan.relation_order} == {torch.int32}


@pytest.mark.parametrize("nodes", [0, 3])
def test_relation_order_of_no_edges_has_the_plans_type(nodes: int):
    none = torch.zeros(0, dtype=torch.int64)
    graph = Graph.from_csr(torch.zeros(nodes + 1, dtype=torch.int64), none, num_rels=2)
    assert {x.dtype for x in graph.to("meta").plan.relation_order} == {torch.int32}


@pytest.mark.slow
@pytest.mark.parametrize(("largest", "dtype"), [(5, torch.int64), (6, torch.int32)])
def test_int64_remains_where_int32_is_not_enough(graph, largest, dtype, monkeypatch):
    monkeypatch.setattr(move, "LARGEST_INT32", largest)  # the graph has 6 edges
    moved = graph.to("meta")
    assert {getattr(moved.plan, name).dtype for name in PLAN} == {dtype}
    assert (moved.narrow is None) == (dtype == torch.int64)
    assert {x.dtype for x in moved.plan.relation_order} == {dtype}


@pytest.mark.parametrize("sizes", ["num_dst", "num_src", "num_edges", "num_rels"])
def test_any_number_may_be_too_large(sizes: str):
    class Sizes:
        num_dst = num_src = num_edges = num_rels = 2**31 - 1

    assert index_dtype(Sizes(), META) == torch.int32
    assert index_dtype(Sizes(), CPU) == torch.int64
    setattr(Sizes, sizes, 2**31)
    assert index_dtype(Sizes(), META) == torch.int64


def test_graph_that_returns_to_the_cpu_is_int64(graph: Graph):
    assert graph.to("meta").to("cpu") is graph
