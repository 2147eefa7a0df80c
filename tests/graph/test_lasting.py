"""What a graph derives is the same in whichever mode it is first asked for."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv, pyg

NODES, RELS = 5, 2
EDGE_INDEX = torch.tensor([[0, 1, 2, 2, 4, 3], [1, 2, 0, 2, 3, 4]])
EDGE_TYPE = torch.tensor([0, 1, 1, 1, 0, 0])
X = torch.randn(NODES, 3, generator=torch.Generator().manual_seed(0))
KINDS = {
    "means": {"score": None, "softmax": "relation"},
    "bilinear": {"score": "bilinear", "norm": "relation"},
    "additive": {},
}

# torch's own formulas of forward mode are scripts still.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


def make_graph() -> Graph:
    return Graph.from_edges(*EDGE_INDEX, EDGE_TYPE, num_src=NODES, num_dst=NODES, num_rels=RELS)


def make(kind: str) -> RelEdgeAttentionConv:
    torch.manual_seed(0)
    return RelEdgeAttentionConv(3, 4, RELS, **KINDS[kind])


def trained(conv, *arguments) -> list[Tensor]:
    return list(torch.autograd.grad(conv(*arguments).square().sum(), list(conv.parameters())))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", [torch.func.grad, torch.func.jacrev, torch.func.hessian])
def test_a_graph_seen_first_by_torch_func_can_be_copied_and_trained_on(kind: str, mode):
    conv, graph = make(kind), make_graph()
    mode(lambda x: conv(graph, x).square().sum())(X)
    expected = trained(conv, make_graph(), X)
    for twin in (graph, copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))):
        torch.testing.assert_close(trained(conv, twin, X), expected)


def test_an_edge_index_that_torch_func_wraps_is_converted():
    conv = pyg.RelEdgeAttentionConv(3, 4, RELS)
    found = torch.func.grad(lambda x, *edges: conv(x, *edges).square().sum())(
        X, EDGE_INDEX, EDGE_TYPE
    )
    leaf = X.clone().requires_grad_()
    conv(leaf, EDGE_INDEX, EDGE_TYPE).square().sum().backward()
    torch.testing.assert_close(found, leaf.grad)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_seen_first_by_torch_compile_makes_one_program(kind: str):
    torch._dynamo.reset()
    conv = make(kind)
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    found = trained(compiled, make_graph(), X)
    torch.testing.assert_close(found, trained(conv, make_graph(), X))


def test_a_property_is_computed_once():
    graph = make_graph()
    assert graph.norm is graph.norm
    assert Graph.norm.__doc__.startswith("``1 / |N_i^r|``")
