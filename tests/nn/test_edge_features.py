"""Edges with features, which enter the additive score."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv, pyg

IN, OUT, RELS, NODES, EDGES, WIDTH = 3, 4, 2, 5, 12, 3
SRC, DST = torch.randint(NODES, (2, EDGES), generator=torch.Generator().manual_seed(0))
ETYPES = torch.arange(EDGES) % RELS
# torch's own: formulas of forward mode that are scripts, and what it does while it compiles.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


X, EDGE_FEAT = draw(NODES, IN), draw(EDGES, WIDTH, seed=1)


def make(in_feats=IN, **options) -> RelEdgeAttentionConv:
    torch.manual_seed(0)
    options = {"edge_feats": WIDTH, "allow_zero_in_degree": True} | options
    conv = RelEdgeAttentionConv(in_feats, OUT, RELS, **options).double()
    torch.nn.init.normal_(conv.score_bias)
    return conv


def make_graph() -> Graph:
    return Graph.from_edges(SRC, DST, ETYPES, num_src=NODES, num_dst=NODES, num_rels=RELS)


def slow(conv: RelEdgeAttentionConv, x: Tensor, edge_feat: Tensor) -> tuple[Tensor, Tensor]:
    """Return sums and attention of the first head, edge by edge."""
    scores = [
        F.leaky_relu(
            x[i] @ conv.weight_dst[0]
            + x[j] @ conv.weight_src[0]
            + edge_feat[e] @ conv.weight_edge[0]
            + conv.score_bias[0, r],
            conv.negative_slope,
        )
        @ conv.score[0, :, 0]
        for e, (j, i, r) in enumerate(zip(SRC, DST, ETYPES, strict=True))
    ]
    attention = torch.stack(scores).exp()
    rel = ETYPES if conv.softmax == "relation" else torch.zeros_like(ETYPES)
    totals = torch.zeros(NODES, RELS, dtype=x.dtype).index_put((DST, rel), attention, True)
    attention = attention / totals[DST, rel]
    rows = torch.einsum("e,ei,eio->eo", attention, x[SRC], conv.rel_weight[0, ETYPES])
    return torch.zeros(NODES, OUT, dtype=x.dtype).index_add(0, DST, rows), attention


def test_an_edges_feature_moves_its_attention():
    conv = RelEdgeAttentionConv(1, 1, edge_feats=1, attn_feats=1)
    for name, weight in conv.named_parameters():
        torch.nn.init.constant_(weight, float(name in ("score", "weight_edge", "rel_weight")))
    graph = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([0, 0]), num_src=2, num_dst=1)
    feat = torch.tensor([[0.0], [1.0]]), torch.zeros(1, 1)
    edge_feat = torch.tensor([[0.0], [1.0]])
    out, attention = conv(graph, feat, edge_feat=edge_feat, get_attention=True)
    expected = torch.tensor([1.0, torch.e]) / (1 + torch.e)
    torch.testing.assert_close(attention.flatten(), expected)
    torch.testing.assert_close(out, expected[1:].unsqueeze(1))


@pytest.mark.parametrize("impl", ["native", "reference"])
@pytest.mark.parametrize("softmax", ["all", "relation"])
def test_equals_the_loop_over_edges(softmax: str, impl: str):
    conv = make(softmax=softmax, impl=impl, bias=True)
    leaves = [x.clone().requires_grad_() for x in (X, EDGE_FEAT)]
    found = conv(make_graph(), leaves[0], edge_feat=leaves[1], get_attention=True)
    expected = slow(conv, *leaves)
    torch.testing.assert_close(found[0], expected[0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found[1].flatten(), expected[1], rtol=1e-10, atol=1e-12)
    weights = [p for name, p in conv.named_parameters() if name != "bias"]
    weigh = draw(NODES, OUT, seed=2)
    grads = [torch.autograd.grad((x[0] * weigh).sum(), leaves + weights) for x in (found, expected)]
    torch.testing.assert_close(*grads, rtol=1e-9, atol=1e-12)


def test_heads_groups_and_ids_are_each_what_one_alone_is():
    graph, conv = make_graph(), make(num_groups=2, num_heads=2, bias=True)
    twice = torch.stack([X, 2 * X])
    out = conv(graph, twice, edge_feat=EDGE_FEAT)
    for k in range(4):
        one, state = make(), conv.state_dict()
        one.load_state_dict({name: x[k : k + 1] for name, x in state.items()})
        found = one(graph, twice[k // 2], edge_feat=EDGE_FEAT)
        torch.testing.assert_close(out[k // 2, :, k % 2], found)
    ids = make(NODES)
    one_hot = ids(graph, torch.eye(NODES, dtype=torch.float64), edge_feat=EDGE_FEAT)
    torch.testing.assert_close(ids(graph, None, edge_feat=EDGE_FEAT), one_hot)


@pytest.mark.parametrize("check", [torch.autograd.gradcheck, torch.autograd.gradgradcheck])
def test_derivatives(check):
    conv, graph = make(softmax="relation"), make_graph()
    names, weights = zip(*conv.named_parameters(), strict=True)

    def call(x: Tensor, edge_feat: Tensor, *own: Tensor) -> Tensor:
        given = dict(zip(names, own, strict=True))
        return torch.func.functional_call(conv, given, (graph, x), {"edge_feat": edge_feat})

    leaves = [x.detach().clone().requires_grad_() for x in (X, EDGE_FEAT, *weights)]
    assert check(call, leaves, fast_mode=True)


def test_edge_types_have_features_by_name():
    edges = {("a", "of", "b"): ([0, 1], [0, 0]), ("b", "to", "a"): ([0, 0], [1, 0])}
    g, conv = dgl.heterograph(edges), make(IN)
    feat = {"a": X[:2], "b": X[2:3]}
    edge_feat = {"of": EDGE_FEAT[:2], ("b", "to", "a"): EDGE_FEAT[2:4]}
    out = conv(g, feat, edge_feat=edge_feat)
    graph = Graph.from_dgl(g)
    whole = conv(graph, X[:3], edge_feat=EDGE_FEAT[:4])
    torch.testing.assert_close(torch.cat([out["a"], out["b"]]), whole)


def test_pygs_face_calls_them_edge_attr():
    conv = pyg.RelEdgeAttentionConv(IN, OUT, RELS, edge_dim=1).double()
    edge_index, attr = torch.stack([SRC, DST]), EDGE_FEAT[:, 0]
    out = conv(X, edge_index, ETYPES, edge_attr=attr)
    expected = conv.conv(make_graph(), X, edge_feat=attr.unsqueeze(1))
    assert out.equal(expected.flatten(1))


@pytest.mark.parametrize(
    ("options", "edge_feat", "words"),
    [
        ({}, None, "edge_feat must be given, 3 wide, as the layer has edge_feats"),
        ({"edge_feats": None}, EDGE_FEAT, "edge_feat must be left out"),
        (
            {},
            EDGE_FEAT[1:],
            r"edge_feat must have shape \(12, 3\), one row .* \(11, 3\)",
        ),
        ({}, EDGE_FEAT.float(), "edge_feat must have the dtype of the layer's weights"),
        ({}, {"of": EDGE_FEAT}, "edge_feat must be a dict by edge type where feat is a dict"),
    ],
)
def test_edge_features_that_do_not_fit_are_refused(options: dict, edge_feat, words: str):
    with pytest.raises(ValueError, match=words):
        make(**options)(make_graph(), X, edge_feat=edge_feat)


@pytest.mark.parametrize("score", ["bilinear", None])
def test_other_scores_take_none(score):
    with pytest.raises(ValueError, match="edge_feats must be None with score="):
        RelEdgeAttentionConv(IN, OUT, score=score, edge_feats=WIDTH)


def test_autocast_stays_close_and_trains():
    conv, graph = make().float(), make_graph()
    x, edge_feat = X.float(), EDGE_FEAT.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = conv(graph, x, edge_feat=edge_feat)
        low.float().square().sum().backward()
    torch.testing.assert_close(low.float(), conv(graph, x, edge_feat=edge_feat), rtol=0.1, atol=0.1)
    assert all(p.grad is None or p.grad.isfinite().all() for p in conv.parameters())


@pytest.mark.slow
def test_compiles_into_one_program():
    torch._dynamo.reset()
    conv, graph = make(), make_graph()
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(
        compiled(graph, X, edge_feat=EDGE_FEAT), conv(make_graph(), X, edge_feat=EDGE_FEAT)
    )


def test_no_edges_leave_the_bias():
    none = torch.zeros(0, dtype=torch.int64)
    graph = Graph.from_edges(none, none, none, num_src=NODES, num_dst=NODES, num_rels=RELS)
    conv = make()
    torch.nn.init.normal_(conv.bias)
    assert conv(graph, X, edge_feat=EDGE_FEAT[:0]).equal(conv.bias.expand(NODES, -1))
