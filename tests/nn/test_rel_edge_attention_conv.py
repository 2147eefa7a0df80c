"""The layer against a loop over edges, in every form that DGL's graphs and features have."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv

IN, OUT, HEADS, RELS, NODES = 3, 4, 2, 3, 5
SRC, DST = torch.tensor([0, 1, 2, 2, 4, 3, 0, 1]), torch.tensor([1, 2, 0, 2, 3, 4, 2, 0])
ETYPES = torch.tensor([0, 1, 2, 1, 0, 2, 1, 0])
USER_ITEM = {
    ("item", "of", "user"): ([0, 2, 2], [1, 0, 1]),
    ("user", "knows", "user"): ([0, 1, 2], [2, 2, 1]),
    ("user", "rates", "item"): ([0, 1, 1, 2], [2, 2, 0, 1]),
}


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def make(in_feats=IN, out_feats=OUT, num_rels=RELS, num_heads=HEADS, **options):
    """Return a layer in double precision whose biases are not zero."""
    torch.manual_seed(0)
    conv = RelEdgeAttentionConv(in_feats, out_feats, num_rels, num_heads, **options).double()
    for name, parameter in conv.named_parameters():
        if "bias" in name or name.startswith("layer_norm"):
            torch.nn.init.normal_(parameter)
    return conv


@pytest.fixture
def g() -> dgl.DGLGraph:
    return dgl.graph((SRC, DST), num_nodes=NODES)


@pytest.fixture
def hetero() -> dgl.DGLGraph:
    return dgl.heterograph(USER_ITEM)


@pytest.fixture
def feat() -> Tensor:
    return draw(NODES, IN)


def matrix(conv: RelEdgeAttentionConv, head: int, rel: int) -> Tensor:
    """Return W_r, written out."""
    if hasattr(conv, "rel_weight"):
        return conv.rel_weight[head, rel]
    if hasattr(conv, "bases"):
        return sum(
            c * v for c, v in zip(conv.coefficients[head, rel], conv.bases[head], strict=True)
        )
    return torch.block_diag(*conv.blocks[head, rel])


def score(conv: RelEdgeAttentionConv, head: int, target: Tensor, source: Tensor, rel: int):
    if conv.score_kind is None:
        return torch.zeros((), dtype=target.dtype)
    if conv.score_kind == "bilinear":
        return target @ conv.weight_score[head] @ source
    hidden = target @ conv.weight_dst[head] + source @ conv.weight_src[head]
    if conv.score_bias is not None:
        hidden = hidden + conv.score_bias[head, rel]
    return F.leaky_relu(hidden, conv.negative_slope) @ conv.score[head, :, 0]


def loop(conv, edges, source: Tensor, target: Tensor, weight=None) -> tuple[Tensor, Tensor]:
    """Return the layer's results, edge by edge, for edges (source, target, relation)."""
    out = torch.zeros(len(target), conv.num_heads or 1, conv.out_feats, dtype=source.dtype)
    attention = torch.zeros(len(edges), conv.num_heads or 1, 1, dtype=source.dtype)
    for h in range(conv.num_heads or 1):
        scores = [score(conv, h, target[i], source[j], r).exp() for j, i, r in edges]
        for e, (j, i, r) in enumerate(edges):
            rels = {r} if conv.softmax == "relation" else range(conv.num_rels)
            total = sum(
                s for s, (_, to, rel) in zip(scores, edges, strict=True) if to == i and rel in rels
            )
            attention[e, h] = scores[e] / total
            same = sum(1 for _, to, kind in edges if (to, kind) == (i, r))
            factor = attention[e, h] / (same if conv.norm == "relation" else 1)
            factor = factor if weight is None else factor * weight[e]
            out[i, h] += factor * (source[j] @ matrix(conv, h, r))
    if conv.layer_norm is not None:
        out = conv.layer_norm(out)
    out = out if conv.bias is None else out + conv.bias
    if conv.loop_weight is not None:
        out = out + (target @ conv.loop_weight).view(out.shape)
    if conv.residual is not None:
        out = out + conv.residual(target).view(out.shape)
    out = out if conv.num_heads else out[:, 0]
    return (conv.activation(out) if conv.activation else out), attention


def assert_equals_loop(conv, results, edges, source, target, weight=None) -> None:
    expected = loop(conv, edges, source, target, weight)
    torch.testing.assert_close(results, expected, rtol=1e-10, atol=1e-12)


EDGES = list(zip(SRC.tolist(), DST.tolist(), ETYPES.tolist(), strict=True))
KINDS = {
    "plain": {},
    "one head": {"num_heads": None},
    "bilinear": {"score": "bilinear"},
    "averaged by relation": {"norm": "relation"},
    "basis": {"regularizer": "basis", "num_bases": 2},
    "block-diagonal": {"regularizer": "bdd", "num_bases": 2, "in_feats": 4},
    "without bias": {"bias": False},
    "residual": {"residual": True, "activation": torch.tanh},
    "residual of the same width": {"residual": True, "out_feats": 2, "in_feats": 4},
    "wide scores": {"attn_feats": 7, "negative_slope": 0.0},
    "gelu": {"activation": F.gelu},
    "fused gelu": {"activation": F.gelu, "bias": False},
    "bilinear gelu": {"activation": F.gelu, "bias": False, "score": "bilinear"},
    "within relations": {"softmax": "relation"},
    "bilinear within relations": {"softmax": "relation", "score": "bilinear"},
    "means of all": {"score": None},
    "means within relations": {"score": None, "softmax": "relation", "num_heads": None},
    "own matrix": {"self_loop": True},
    "own matrix and residual": {"self_loop": True, "residual": True, "score": None},
    "normalised": {"layer_norm": True, "activation": F.gelu, "bias": False},
    "all": {"regularizer": "basis", "score": "bilinear", "norm": "relation", "residual": True},
}


@pytest.mark.parametrize("weighted", [False, True], ids=["", "edge_weight"])
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@torch.no_grad()
def test_equals_the_loop(g, options: dict, weighted: bool):
    conv = make(**options)
    feat, weight = draw(NODES, conv.src_feats), draw(len(SRC)) if weighted else None
    results = conv(g, feat, ETYPES, edge_weight=weight, get_attention=True)
    assert_equals_loop(conv, results, EDGES, feat, feat, weight)


@pytest.mark.parametrize("in_feats", [(3, 5), (5, 3), (4, 4)], ids=str)
@pytest.mark.parametrize("score", ["additive", "bilinear"])
@torch.no_grad()
def test_a_bipartite_graph_takes_a_pair_of_any_widths(in_feats: tuple[int, int], score: str):
    conv = make(in_feats, num_rels=2, score=score, residual=True)
    src, dst = torch.tensor([0, 1, 1, 3]), torch.tensor([1, 0, 1, 2])
    g = dgl.heterograph({("a", "to", "b"): (src, dst)}, num_nodes_dict={"a": 4, "b": 3})
    pair, etypes = (draw(4, in_feats[0]), draw(3, in_feats[1], seed=1)), torch.tensor([1, 0, 1, 1])
    results = conv(g, pair, etypes, get_attention=True)
    edges = list(zip(src.tolist(), dst.tolist(), etypes.tolist(), strict=True))
    assert_equals_loop(conv, results, edges, *pair)


def hetero_edges(g: dgl.DGLGraph) -> list[tuple[int, int, int]]:
    """Return edges among users 0 to 2 and items 3 to 5, by canonical edge type."""
    first = {"user": 3, "item": 0}  # DGL sorts node types by name
    return [
        (j + first[s], i + first[d], r)
        for r, (s, e, d) in enumerate(g.canonical_etypes)
        for j, i in zip(*(x.tolist() for x in g.edges(etype=(s, e, d))), strict=True)
    ]


@pytest.mark.parametrize("by_name", [False, True], ids=["canonical", "name"])
@torch.no_grad()
def test_a_heterograph_takes_and_gives_dicts(hetero, by_name: bool):
    conv, feat = make(), {"user": draw(3, IN), "item": draw(3, IN, seed=1)}
    weights = {etype: draw(hetero.num_edges(etype), seed=9) for etype in hetero.canonical_etypes}
    given = {etype[1] if by_name else etype: w for etype, w in weights.items()}
    out, attention = conv(hetero, feat, edge_weight=given, get_attention=True)
    rows, edges = torch.cat([feat["item"], feat["user"]]), hetero_edges(hetero)
    assert list(attention) == hetero.canonical_etypes
    results = torch.cat([out["item"], out["user"]]), torch.cat(list(attention.values()))
    assert_equals_loop(conv, results, edges, rows, rows, torch.cat(list(weights.values())))


def test_attention_sums_to_one_over_all_relations(hetero):
    feat = {"user": draw(3, IN), "item": draw(3, IN, seed=1)}
    _, attention = make()(hetero, feat, get_attention=True)
    sums = torch.zeros(3, HEADS, 1, dtype=torch.float64)
    for etype, alpha in attention.items():
        if etype[2] == "user":
            sums.index_add_(0, hetero.edges(etype=etype)[1], alpha)
    torch.testing.assert_close(sums, torch.ones_like(sums))


def test_a_heterograph_of_one_node_type_takes_a_tensor(feat):
    chosen = F.one_hot(ETYPES).T.bool()
    parts = {("u", f"r{r}", "u"): (SRC[c], DST[c]) for r, c in enumerate(chosen)}
    g, conv = dgl.heterograph(parts, num_nodes_dict={"u": NODES}), make()
    order = torch.argsort(ETYPES, stable=True)
    out, attention = conv(g, feat, get_attention=True)
    expected, own = conv(dgl.graph((SRC, DST)), feat, ETYPES, get_attention=True)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(attention, own[order])
    torch.testing.assert_close(conv(g, {"u": feat})["u"], expected)


def test_a_block_updates_its_targets(g, feat):
    conv, seeds = make(), torch.tensor([2, 0])
    g.edata["rel"] = ETYPES
    block = dgl.to_block(dgl.in_subgraph(g, seeds), seeds)
    rows = feat[block.srcdata[dgl.NID]]
    expected = conv(g, feat, ETYPES)[seeds]
    torch.testing.assert_close(conv(block, rows, block.edata["rel"]), expected)
    pair = rows, rows[: block.num_dst_nodes()]
    torch.testing.assert_close(conv(block, pair, block.edata["rel"]), expected)


@pytest.mark.parametrize("score", ["additive", "bilinear", None])
def test_a_block_updates_its_targets_in_every_group(g, feat, score: str | None):
    conv, seeds = make(num_groups=2, score=score), torch.tensor([2, 0])
    g.edata["rel"] = ETYPES
    block = dgl.to_block(dgl.in_subgraph(g, seeds), seeds)
    groups = torch.stack([feat, 2 * feat])
    out = conv(block, groups[:, block.srcdata[dgl.NID]], block.edata["rel"])
    torch.testing.assert_close(out, conv(g, groups, ETYPES)[:, seeds])


def test_a_block_of_several_node_types_updates_its_targets(hetero):
    conv, feat = make(), {"user": draw(3, IN), "item": draw(3, IN, seed=1)}
    seeds = {"user": torch.tensor([1]), "item": torch.tensor([2, 0])}
    block = dgl.to_block(dgl.in_subgraph(hetero, seeds), seeds)
    rows = {name: feat[name][block.srcnodes[name].data[dgl.NID]] for name in feat}
    out, expected = conv(block, rows), conv(hetero, feat)
    for name in seeds:
        torch.testing.assert_close(out[name], expected[name][seeds[name]])
    targets = {name: x[: block.num_dst_nodes(name)] for name, x in rows.items()}
    torch.testing.assert_close(conv(block, (rows, targets)), out)


def test_a_graph_orders_edges_as_they_were_given(g, feat):
    conv, weight = make(), draw(len(SRC))
    graph = Graph.from_edge_index(torch.stack([SRC, DST]), ETYPES, num_nodes=NODES)
    expected = conv(g, feat, ETYPES, edge_weight=weight, get_attention=True)
    torch.testing.assert_close(conv(graph, feat, edge_weight=weight, get_attention=True), expected)


def test_32_bit_graphs_and_etypes_give_the_same(g, feat):
    conv = make()
    assert conv(g.int(), feat, ETYPES.int()).equal(conv(g, feat, ETYPES))


def test_nothing_of_the_users_graph_changes(g, feat):
    g.ndata["h"], g.edata["a"] = feat, ETYPES
    make()(g, feat, ETYPES, get_attention=True)
    assert (list(g.ndata), list(g.edata)) == (["h"], ["a"])
    assert g.ndata["h"] is feat


def test_a_graph_that_has_changed_since_is_seen_as_it_is(g, feat):
    conv = make(num_rels=1)
    before = conv(g, feat)
    g.add_edges([4], [0])
    assert not conv(g, feat).equal(before)
    assert conv(g, feat).equal(conv(dgl.graph(g.edges(), num_nodes=NODES), feat))


def test_a_graph_without_nodes_gives_nothing():
    conv, nothing = make(), torch.empty(0, dtype=torch.int64)
    out, attention = conv(
        dgl.graph(([], []), num_nodes=0), draw(0, IN), nothing, get_attention=True
    )
    assert (out.shape, attention.shape) == ((0, HEADS, OUT), (0, HEADS, 1))


# Targets without in-edges


def test_targets_without_in_edges_are_an_error_that_names_the_fix(feat):
    g = dgl.graph((SRC, DST), num_nodes=NODES + 1)
    with pytest.raises(dgl.DGLError, match=r"the first is node 5.*add_self_loop.*allow_zero"):
        make()(g, draw(NODES + 1, IN), ETYPES)


def test_targets_without_in_edges_are_a_value_error_with_a_graph_that_is_not_dgls():
    graph = Graph.from_csr(torch.tensor([0, 1, 1]), torch.tensor([0]), num_rels=RELS)
    with pytest.raises(ValueError, match=r"node 1, .* add self edges, or .*allow_zero"):
        make()(graph, draw(2, IN))


def test_the_error_names_the_node_type(hetero):
    hetero.add_nodes(2, ntype="user")
    feat = {"user": draw(5, IN), "item": draw(3, IN)}
    with pytest.raises(
        dgl.DGLError, match=r"the first is node 3 of type 'user'.*add edges.*allow_zero"
    ):
        make()(hetero, feat)


@pytest.mark.parametrize("way", ["argument", "setter"])
def test_targets_without_in_edges_may_get_the_bias_and_the_residual_alone(way: str):
    conv = make(residual=True, allow_zero_in_degree=way == "argument")
    conv.set_allow_zero_in_degree(True)
    feat = draw(NODES + 1, IN)
    out = conv(dgl.graph((SRC, DST), num_nodes=NODES + 1), feat, ETYPES)
    torch.testing.assert_close(out[-1], conv.bias + conv.residual(feat[-1]).view(HEADS, OUT))


def test_without_bias_and_residual_targets_without_in_edges_get_zeros():
    conv = make(bias=False, allow_zero_in_degree=True)
    assert conv(dgl.graph(([0], [1])), draw(2, IN), torch.tensor([0]))[0].abs().sum() == 0


# Derivatives and training


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_every_weight_has_the_derivative_of_the_loop(g, options: dict):
    conv = make(**options)
    feat = draw(NODES, conv.src_feats).requires_grad_()
    leaves = [feat, *conv.parameters()]
    weight = torch.linspace(-1, 2, NODES, dtype=torch.float64)
    results = [
        torch.autograd.grad((out.flatten(1).sum(1) * weight).sum(), leaves)
        for out in (conv(g, feat, ETYPES), loop(conv, EDGES, feat, feat)[0])
    ]
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-12)
    assert all(grad.abs().max() > 0 for grad in results[0])


@pytest.mark.parametrize("options", [{}, {"score": "bilinear", "regularizer": "basis"}])
def test_second_derivatives(g, options: dict):
    conv, weight = make(**options), draw(len(SRC)).requires_grad_()
    inputs = [draw(NODES, IN).requires_grad_(), weight]
    assert torch.autograd.gradgradcheck(
        lambda x, w: conv(g, x, ETYPES, edge_weight=w), inputs, fast_mode=True
    )


def test_a_penalty_on_the_gradient_trains(g):
    conv, feat = make(), draw(NODES, IN).requires_grad_()
    (slope,) = torch.autograd.grad(conv(g, feat, ETYPES).sum(), feat, create_graph=True)
    slope.square().sum().backward()
    grads = {name: p.grad for name, p in conv.named_parameters() if name != "bias"}
    assert all(grad.abs().sum() > 0 for grad in grads.values())


@pytest.mark.parametrize("score", ["additive", "bilinear"])
def test_dropout_works_in_training_only(g, feat, score: str):
    conv = make(score=score, feat_drop=0.4, attn_drop=0.4)
    assert not conv(g, feat, ETYPES).equal(conv(g, feat, ETYPES))
    conv.eval()
    assert conv(g, feat, ETYPES).equal(make(score=score)(g, feat, ETYPES))


@pytest.mark.parametrize("groups", [None, 2])
def test_dropout_hits_the_targets_of_a_block_as_sources_and_targets_alike(groups: int | None):
    block = dgl.to_block(dgl.graph(([0, 1], [0, 1])), torch.tensor([0, 1]))
    conv = RelEdgeAttentionConv(6, 6, num_groups=groups, feat_drop=0.5, bias=False)
    read: list[Tensor] = []
    conv._attend = lambda inputs, src, dst: (read.extend((src, dst)), (dst, dst))[1]
    conv._finish = lambda out, own, activated: out
    conv(block, torch.ones(2, 6) if groups is None else torch.ones(2, 2, 6))
    assert read[0].equal(read[1])


def test_replicas_of_data_parallel_compute():
    """They hold their weights as attributes and list no parameters."""
    conv = RelEdgeAttentionConv(2, 1, score=None)
    replica = conv._replicate_for_data_parallel()
    for name, weight in conv._parameters.items():
        setattr(replica, name, weight if weight is None else weight.clone())
    graph = Graph.from_edges(torch.tensor([0]), torch.tensor([0]), num_src=1, num_dst=1)
    assert not list(replica.parameters())
    assert replica(graph, torch.ones(1, 2)).equal(conv(graph, torch.ones(1, 2)))
    assert replica(graph, torch.tensor([0])).equal(conv(graph, torch.tensor([0])))


def test_widths_may_be_integers_of_numpy():
    assert RelEdgeAttentionConv(np.int64(3), 4).weight_src.shape == (1, 3, 4)


@pytest.mark.parametrize("score", ["additive", "bilinear"])
def test_autocast_stays_close_and_trains(g, score: str):
    conv, feat = make(score=score, residual=True).float(), draw(NODES, IN).float()
    plain = conv(g, feat, ETYPES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = conv(g, feat, ETYPES)
    low.sum().backward()
    torch.testing.assert_close(low.float(), plain, rtol=0.05, atol=0.05)
    assert all(p.grad.isfinite().all() for p in conv.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_stays_close(g, dtype: torch.dtype):
    conv, feat = make(), draw(NODES, IN)
    exact = conv(g, feat, ETYPES)
    low = conv.to(dtype)(g, feat.to(dtype), ETYPES)
    assert low.dtype == dtype
    torch.testing.assert_close(low.double(), exact, rtol=0.05, atol=0.05)


def random_graph(nodes: int, edges: int) -> Graph:
    """Return a graph whose targets have in-edges; every number of edges is another graph."""
    generator = torch.Generator().manual_seed(edges)
    src = torch.randint(nodes, (edges,), generator=generator)
    return Graph.from_edges(
        src, torch.arange(edges) % nodes, src % RELS, num_src=nodes, num_dst=nodes, num_rels=RELS
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
@pytest.mark.parametrize("kind", ["plain", "block-diagonal", "bilinear"])
def test_compiles_into_one_graph_with_graphs_made_outside(kind: str):
    torch._dynamo.reset()
    conv = make(**KINDS[kind])
    backend = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(conv, fullgraph=True, backend=backend)
    for nodes, edges in ((5, 8), (7, 11), (9, 30), (4, 6)):
        graph, feat = random_graph(nodes, edges), draw(nodes, conv.src_feats)
        weight = draw(edges).requires_grad_()
        results = []
        for layer in (conv, compiled):
            out, attention = layer(graph, feat, edge_weight=weight, get_attention=True)
            grads = torch.autograd.grad(out.square().sum(), [*conv.parameters(), weight])
            results.append((out, attention, *grads))
        torch.testing.assert_close(*results)
    assert backend.frame_count <= 2  # once for these sizes, once for any


# The module


def test_copies_and_pickles_compute_the_same(g, feat):
    conv = make(activation=F.gelu, residual=True)
    expected = conv(g, feat, ETYPES)
    for twin in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):
        assert twin(g, feat, ETYPES).equal(expected)
        assert all(a is not b for a, b in zip(twin.parameters(), conv.parameters(), strict=True))


STATE = {
    "plain": {"weight_dst": (2, 3, 4), "rel_weight": (2, 3, 3, 4)},
    "basis": {"weight_dst": (2, 3, 4), "bases": (2, 2, 3, 4), "coefficients": (2, 3, 2)},
    "block-diagonal": {"weight_dst": (2, 4, 4), "blocks": (2, 3, 2, 2, 2)},
}


@pytest.mark.parametrize("kind", STATE)
def test_the_state_has_these_names_and_shapes(kind: str):
    expected = STATE[kind] | {"score": (2, 4, 1), "score_bias": (2, 3, 4), "bias": (2, 4)}
    expected["weight_src"] = expected["weight_dst"]
    state = make(**KINDS[kind]).state_dict()
    assert {name: tuple(x.shape) for name, x in state.items()} == expected


def test_other_kinds_have_these_states():
    assert set(make(bias=False).state_dict()) == {"weight_dst", "weight_src", "score", "rel_weight"}
    names = set(make(score="bilinear", residual=True).state_dict())
    assert names == {"weight_score", "rel_weight", "bias", "residual.weight"}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_parameters_can_be_drawn_anew(options: dict):
    conv = make(**options)
    before = {name: p.detach().clone() for name, p in conv.named_parameters()}
    conv.reset_parameters()
    for name, parameter in conv.named_parameters():
        assert not parameter.equal(before[name])
        assert ("bias" in name) == (parameter.abs().max() == 0)


@pytest.mark.parametrize("activation", [nn.PReLU(), nn.LayerNorm(OUT)], ids=["prelu", "norm"])
def test_an_activation_keeps_its_own_parameters(g, feat, activation: nn.Module):
    activation = activation.to(feat)
    for parameter in activation.parameters():
        nn.init.constant_(parameter, 0.5)
    conv = RelEdgeAttentionConv(IN, OUT, RELS, activation=activation).to(feat)
    conv.reset_parameters()
    assert all((p == 0.5).all() for p in activation.parameters())
    assert conv(g, feat, ETYPES).requires_grad


def test_a_state_is_loaded_back(g, feat):
    conv, other = make(), RelEdgeAttentionConv(IN, OUT, RELS, HEADS).double()
    other.load_state_dict(conv.state_dict())
    assert other(g, feat, ETYPES).equal(conv(g, feat, ETYPES))


def test_it_says_what_it_is(g):
    shown = repr(make((3, 5), score="bilinear"))
    assert "in_feats=(3, 5), out_feats=4, num_rels=3, num_heads=2, score='bilinear'" in shown
    graph = Graph.from_dgl(g, ETYPES, num_rels=RELS)
    assert repr(graph) == "Graph(num_src=5, num_dst=5, num_edges=8, num_rels=3, device=cpu)"


# What is refused


REFUSED = {
    "another width": (lambda g, x: (g, x[:, 1:], ETYPES), "feat must be 3 wide .* got 2"),
    "a node too few": (lambda g, x: (g, x[1:], ETYPES), r"feat must .* 5 source .* got .*\(4, 3\)"),
    "no rows": (lambda g, x: (g, x[0], ETYPES), r"feat must have one row .* got shape \(3,\)"),
    "single precision": (
        lambda g, x: (g, x.float(), ETYPES),
        r"feat must have the dtype of the layer's weights \(torch.float64\), got torch.float32",
    ),
    "features elsewhere": (
        lambda g, x: (g, x.to("meta"), ETYPES),
        r"feat must be on the device of the layer \(cpu\), got meta",
    ),
    "no etypes": (lambda g, x: (g, x), "etypes must give the relation of each .* 8 edges"),
    "too few etypes": (lambda g, x: (g, x, ETYPES[1:]), "etypes must have one entry .* 8 edges"),
    "floating etypes": (lambda g, x: (g, x, ETYPES.float()), "etypes must be an integer tensor"),
    "etypes out of range": (
        lambda g, x: (g, x, ETYPES + 1),
        r"etypes must lie in \[0, 3\), got 3 at edge 2",
    ),
    "etypes elsewhere": (
        lambda g, x: (g, x, ETYPES.to("meta")),
        r"etypes must be on the device of the graph \(cpu\), got meta",
    ),
    "a graph of fewer relations": (
        lambda g, x: (Graph.from_dgl(g), x),
        "graph must have 3 relations, the layer's num_rels, got 1",
    ),
    "a graph elsewhere": (
        lambda g, x: (Graph.from_dgl(g, ETYPES).to("meta"), x),
        r"graph must be on the device of feat \(cpu\), got meta: graph.to\('cpu'\)",
    ),
    "etypes with a Graph": (
        lambda g, x: (Graph.from_dgl(g, ETYPES), x, ETYPES),
        "etypes must be left out with a Graph",
    ),
    "no graph": (lambda g, x: (torch.stack([SRC, DST]), x), "graph must be a DGLGraph or a Graph"),
    "names for a Graph": (
        lambda g, x: (Graph.from_dgl(g, ETYPES), {"u": x}),
        "feat must be a tensor or a pair with a Graph",
    ),
    "a list": (lambda g, x: (g, [x, x], ETYPES), "feat must be a tensor, a dict .* got list"),
    "a triple": (lambda g, x: (g, (x, x, x), ETYPES), r"feat must be a pair .* got 3"),
    "one tensor for two kinds of nodes": (
        lambda g, x: (dgl.heterograph({("a", "to", "b"): (SRC, DST)}), x, ETYPES),
        "feat must be a pair .* got one tensor",
    ),
    "one tensor for two node types": (
        lambda g, x: (dgl.heterograph(USER_ITEM), x),
        r"feat must be a dict .* \['item', 'user'\], got Tensor",
    ),
    "a node type too few": (
        lambda g, x: (dgl.heterograph(USER_ITEM), {"user": x[:3]}),
        r"feat must have the node types .* got \['user'\] without 'item'",
    ),
    "too few rows of a type": (
        lambda g, x: (dgl.heterograph(USER_ITEM), {"user": x[:2], "item": x[:3]}),
        r"feat\['user'\] must have one row for each of 3 nodes, got shape \(2, 3\)",
    ),
    "node types of two widths": (
        lambda g, x: (dgl.heterograph(USER_ITEM), {"user": x[:3, 1:], "item": x[:3]}),
        r"feat\['user'\] must be as wide .* \(3\), got 2: project",
    ),
    "node types of two precisions": (
        lambda g, x: (dgl.heterograph(USER_ITEM), {"user": x[:3].float(), "item": x[:3]}),
        r"feat\['user'\] must be torch.float64 on cpu .* got torch.float32",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_in_a_sentence(g, feat, case: str):
    arguments, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as error:
        make()(*arguments(g, feat))
    assert "\n" not in str(error.value)


BAD_WEIGHTS = {
    "one too few": (torch.ones(7).double(), r"edge_weight must have shape \(8,\).* got \(7,\)"),
    "a column": (torch.ones(8, 1).double(), r"edge_weight must have shape \(8,\).* got \(8, 1\)"),
    "single precision": (torch.ones(8), "edge_weight must have the dtype of the layer's weights"),
    "a list": ([1.0] * 8, "edge_weight must be a tensor on cpu, got list"),
    "elsewhere": (torch.ones(8, device="meta"), "edge_weight must be a tensor on cpu, got meta"),
    "by edge type": ({"a": torch.ones(8)}, "edge_weight must be a dict .* got dict"),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_edge_weights_are_refused(g, feat, case: str):
    weight, message = BAD_WEIGHTS[case]
    with pytest.raises(ValueError, match=message):
        make()(g, feat, ETYPES, edge_weight=weight)


BAD_TYPED_WEIGHTS = {
    "a tensor": (torch.ones(10).double(), "edge_weight must be a dict .* got Tensor"),
    "a type missing": ({"of": torch.ones(3)}, "edge_weight must have every edge type"),
    "one too few": (
        {"of": torch.ones(2), "knows": torch.ones(3), "rates": torch.ones(4)},
        r"edge_weight\['of'\] must have shape \(3,\), got \(2,\)",
    ),
}


@pytest.mark.parametrize("case", BAD_TYPED_WEIGHTS)
def test_bad_edge_weights_by_type_are_refused(hetero, case: str):
    weight, message = BAD_TYPED_WEIGHTS[case]
    feat = {"user": draw(3, IN), "item": draw(3, IN)}
    with pytest.raises(ValueError, match=message):
        make()(hetero, feat, edge_weight=weight)


def test_a_name_of_several_edge_types_says_which_is_meant():
    types = ("user", "rates", "item"), ("bot", "rates", "item")
    g = dgl.heterograph(dict.fromkeys(types, ([0], [0])))
    conv = RelEdgeAttentionConv(2, 1, 2, score=None, bias=False, allow_zero_in_degree=True)
    feat, weight = {name: torch.ones(1, 2) for name in g.ntypes}, torch.ones(1)
    with pytest.raises(ValueError, match="edge_weight must say which edge type 'rates' is: one of"):
        conv(g, feat, edge_weight={"rates": weight})
    conv(g, feat, edge_weight=dict.fromkeys(types, weight))


BAD_OPTIONS = {
    r"in_feats must be at least 1 \(-1: the first call tells it\), got 0": {"in_feats": 0},
    "out_feats must be at least 1, got -1": {"out_feats": -1},
    "num_rels must be at least 1, got 0": {"num_rels": 0},
    "num_heads must be at least 1, got 0": {"num_heads": 0},
    "attn_drop must lie in": {"attn_drop": 1.0},
    "feat_drop must lie in": {"feat_drop": -0.5},
    "score must be one of": {"score": "dot"},
    "norm must be one of": {"norm": "both"},
    "regularizer must be None, 'basis' or 'bdd', got 'lora'": {"regularizer": "lora"},
    "num_bases must be left out without regularizer, got 2": {"num_bases": 2},
    "num_bases must be at least 1, got 0": {"regularizer": "basis", "num_bases": 0},
    r"num_bases must divide in_feats \(3\) for 'bdd', got 2": {
        "regularizer": "bdd",
        "num_bases": 2,
    },
}


@pytest.mark.parametrize("message", BAD_OPTIONS)
def test_bad_options_are_refused(message: str):
    with pytest.raises(ValueError, match=message):
        make(**BAD_OPTIONS[message])
