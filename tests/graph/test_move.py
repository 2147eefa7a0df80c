"""Graphs on other devices: one packed plan of int32, which travels in one piece."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph import graph as module


@pytest.fixture
def graph() -> Graph:
    """Three targets, four sources, six edges, relations 0 to 2."""
    return Graph.from_csr(
        torch.tensor([0, 4, 4, 6]),
        torch.tensor([2, 2, 0, 1, 3, 2]),
        torch.tensor([0, 0, 0, 2, 1, 1]),
        num_src=4,
        eids=torch.tensor([5, 1, 2, 3, 4, 0]),
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[list[Tensor]]:
    """Collect what is sent, call by call."""
    calls, send = [], module.send
    monkeypatch.setattr(module, "send", lambda x, device: calls.append(x) or send(x, device))
    return calls


def test_a_graph_travels_in_one_piece(graph: Graph, sent: list[list[Tensor]]):
    moved = graph.to("meta")
    ((eids, plan),) = sent
    assert eids is graph.eids
    assert plan is graph.plan
    assert (moved.sizes, moved.facts) == (graph.sizes, graph.facts)


def test_a_plan_is_int32_and_the_callers_numbers_int64(graph: Graph):
    for moved in (graph, graph.to("meta")):
        assert moved.plan.dtype == torch.int32
        assert {x.dtype for x in (moved.eids, moved.src, moved.dst, moved.etypes)} == {torch.int64}


def test_arrays_are_views_of_the_plan(graph: Graph):
    assert graph.seg_rel.untyped_storage().data_ptr() == graph.plan.untyped_storage().data_ptr()


def test_what_is_derived_is_on_the_graphs_device(graph: Graph):
    moved = graph.to("meta")
    derived = [moved.src, moved.dst, moved.etypes, moved.norm, moved.in_norm]
    plans = [moved.merged.plan, moved.segments_of_target.plan]
    assert {x.device.type for x in [*derived, *plans]} == {"meta"}
    assert {x.dtype for x in plans} == {torch.int32}


def test_self_edges_of_a_moved_graph_need_no_values():
    moved = Graph.from_dialogues(torch.tensor([3]), torch.tensor([0, 1, 0])).to("meta")
    assert moved.self_edges.shape == (3,)


def test_moving_to_its_own_device_returns_the_graph(graph: Graph):
    assert graph.to("cpu") is graph
