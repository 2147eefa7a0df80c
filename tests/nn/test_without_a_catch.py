"""Every kind of the layer copies, pickles, exports, compiles, casts and differentiates alike."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv

NODES, IN, OUT, RELS, EDGES = 8, 8, 4, 3, 20
SRC, DST = torch.randint(NODES - 1, (2, EDGES), generator=torch.Generator().manual_seed(0))
ETYPES = torch.arange(EDGES) % RELS
X = torch.randn(NODES, IN, generator=torch.Generator().manual_seed(1))
MEANS = {"score": None, "softmax": "relation"}
KINDS = {
    "means": MEANS | {"self_loop": True},
    "one mean": {"score": None, "norm": "relation"},
    "means of heads": MEANS | {"num_heads": 2},
    "means, bases": MEANS | {"regularizer": "basis", "num_bases": 2, "self_loop": True},
    "means, blocks": MEANS | {"regularizer": "bdd", "num_bases": 2},
    "attention": {"softmax": "relation", "self_loop": True, "layer_norm": True},
    "bilinear": {"softmax": "relation", "score": "bilinear", "residual": True},
}
ON_IDS = {name: options for name, options in KINDS.items() if name not in ("bilinear",)}
FEATURES = {"features": X, "none": None, "ids": torch.arange(NODES).flip(0)}
CALLS = [
    pytest.param(kind, rows, id=f"{kind}, {rows}")
    for rows in FEATURES
    for kind in (KINDS if rows == "features" else ON_IDS)
]
# torch's own: formulas of forward mode that are scripts, and what it does while it compiles.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def make(kind: str) -> RelEdgeAttentionConv:
    torch.manual_seed(0)
    conv = RelEdgeAttentionConv(IN, OUT, RELS, allow_zero_in_degree=True, **KINDS[kind])
    for name, parameter in conv.named_parameters():
        if "bias" in name:
            nn.init.normal_(parameter)
    return conv


def make_graph() -> Graph:
    """Return a graph whose last node is alone."""
    return Graph.from_edges(SRC, DST, ETYPES, num_src=NODES, num_dst=NODES, num_rels=RELS)


def gradients(conv: nn.Module, *arguments) -> list[Tensor]:
    return torch.autograd.grad(conv(*arguments).float().square().sum(), list(conv.parameters()))


@pytest.mark.parametrize(("kind", "rows"), CALLS)
def test_copies_pickles_and_states_compute_the_same(kind: str, rows: str):
    conv, graph, feat = make(kind), make_graph(), FEATURES[rows]
    expected = conv(graph, feat)
    loaded = RelEdgeAttentionConv(IN, OUT, RELS, allow_zero_in_degree=True, **KINDS[kind])
    loaded.load_state_dict(conv.state_dict())
    for twin in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv)), loaded):
        assert twin(graph, feat).equal(expected)


@pytest.mark.parametrize(("kind", "rows"), CALLS)
def test_autocast_stays_close_and_trains(kind: str, rows: str):
    conv, graph, feat = make(kind), make_graph(), FEATURES[rows]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = conv(graph, feat)
        grads = gradients(conv, graph, feat)
    torch.testing.assert_close(low.float(), conv(graph, feat), rtol=0.05, atol=0.05)
    assert all(x.isfinite().all() and x.dtype == torch.float32 for x in grads)


@pytest.mark.parametrize(("kind", "rows"), CALLS)
def test_torch_func_has_the_gradients_of_backward(kind: str, rows: str):
    conv, graph, feat = make(kind), make_graph(), FEATURES[rows]

    def loss(weights: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(conv, weights, (graph, feat)).square().sum()

    found = torch.func.grad(loss)({name: p.detach() for name, p in conv.named_parameters()})
    expected = dict(zip(found, gradients(conv, make_graph(), feat), strict=True))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_jacrev_is_the_jacobian_of_backward(kind: str):
    conv, graph = make(kind), make_graph()
    expected = torch.autograd.functional.jacobian(lambda x: conv(graph, x), X)
    torch.testing.assert_close(torch.func.jacrev(lambda x: conv(graph, x))(X), expected)


COMPILED = [
    ("means", "features"),
    ("bilinear", "features"),
    ("means of heads", "none"),
    ("means, bases", "none"),
    ("attention", "ids"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "rows"), COMPILED)
def test_compiles_into_one_program(kind: str, rows: str):
    torch._dynamo.reset()
    conv, feat = make(kind), FEATURES[rows]
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    for graph in (make_graph(), make_graph()):
        torch.testing.assert_close(compiled(graph, feat), conv(make_graph(), feat))
        found = gradients(compiled, graph, feat)
        torch.testing.assert_close(found, gradients(conv, make_graph(), feat))


@pytest.mark.slow
@pytest.mark.parametrize("score", ["additive", "bilinear", None])
@pytest.mark.parametrize("mode", ["jvp", "grad"])
def test_compiled_derivatives_are_those_of_torch_func(score: str | None, mode: str):
    torch._dynamo.reset()
    graph = make_graph()
    conv = RelEdgeAttentionConv(IN, OUT, RELS, score=score, allow_zero_in_degree=True)

    def derivative(rows: Tensor) -> Tensor:
        if mode == "grad":
            return torch.func.grad(lambda x: conv(graph, x).square().sum())(rows)
        return torch.func.jvp(lambda x: conv(graph, x), (rows,), (rows.cos(),))[1]

    compiled = torch.compile(derivative, fullgraph=True, backend="aot_eager")
    expected = derivative(X)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(compiled(X), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_relations_may_be_int32(kind: str):
    conv, g = make(kind), dgl.graph((SRC, DST), num_nodes=NODES)
    assert conv(g, X, ETYPES.int()).equal(conv(make_graph(), X))


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_without_edges_harms_no_gradient(kind: str):
    conv, feat = make(kind), X.clone().requires_grad_()
    grads = torch.autograd.grad(conv(make_graph(), feat).square().sum(), [feat, *conv.parameters()])
    assert all(x.isfinite().all() for x in grads)


class Held(nn.Module):
    """A layer with the graph that it always reads."""

    def __init__(self, conv: nn.Module, graph: Graph) -> None:
        super().__init__()
        self.conv, self.graph = conv, graph

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.graph, x)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch.export.load
@pytest.mark.parametrize("kind", ["means", "attention"])
def test_a_layer_that_holds_its_graph_can_be_exported(kind: str, tmp_path):
    held = Held(make(kind), make_graph())
    torch.export.save(torch.export.export(held, (X,)), tmp_path / "layer.pt2")
    loaded = torch.export.load(tmp_path / "layer.pt2").module()
    torch.testing.assert_close(loaded(2 * X), held(2 * X))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch.export.load
@pytest.mark.parametrize("kind", ["means", "attention"])
def test_an_exported_program_takes_graphs_of_the_same_sizes(kind: str, tmp_path):
    conv, graph = make(kind), make_graph()
    program = torch.export.export(conv, (graph, X))
    program.example_inputs = None  # torch would pickle the graph
    torch.export.save(program, tmp_path / "layer.pt2")
    loaded = torch.export.load(tmp_path / "layer.pt2").module()
    order = torch.randperm(NODES - 1, generator=torch.Generator().manual_seed(2))
    other = Graph.from_edges(order[SRC], order[DST], ETYPES, num_src=NODES, num_dst=NODES)
    for one in (graph, other):
        torch.testing.assert_close(loaded(one, X), conv(one, X))
    fewer = Graph.from_edges(SRC[1:], DST[1:], ETYPES[1:], num_src=NODES, num_dst=NODES)
    with pytest.raises(ValueError, match="num_edges=19"):
        loaded(fewer, X)


@pytest.mark.slow
def test_sparse_gradients_compile():
    torch._dynamo.reset()
    conv = RelEdgeAttentionConv(NODES, OUT, RELS, allow_zero_in_degree=True, sparse=True)
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    found = gradients(compiled, make_graph(), None)
    assert found[list(dict(conv.named_parameters())).index("rel_weight")].is_sparse
    expected = [x.to_dense() for x in gradients(conv, make_graph(), None)]
    torch.testing.assert_close([x.to_dense() for x in found], expected)
