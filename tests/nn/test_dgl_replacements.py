"""The calls that docs/layers.md names replace layers of dgl.nn: equal results and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl import dgl
from ariigcn_dgl.nn import RelEdgeAttentionConv
from tests.nn.replacing import CLOSE, assert_replaced, randomise

IN, OUT, HEADS, RELS, NODES, EDGES = 6, 4, 3, 5, 40, 90  # of which some nodes have no in-edges
MEANS = {"score": None, "softmax": "relation", "allow_zero_in_degree": True}


@pytest.fixture
def g() -> dgl.DGLGraph:
    src, dst = torch.randint(NODES, (2, EDGES), generator=torch.Generator().manual_seed(0))
    return dgl.graph((src, dst), num_nodes=NODES)


@pytest.fixture
def etypes() -> Tensor:
    return torch.randint(RELS, (EDGES,), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def feat() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(NODES, IN, generator=generator, dtype=torch.float64, requires_grad=True)


def in_degrees(g: dgl.DGLGraph, etypes: Tensor) -> Tensor:
    """Return |N_i^r| of every edge, (E,)."""
    _, segment, sizes = torch.unique(
        g.edges()[1] * RELS + etypes, return_inverse=True, return_counts=True
    )
    return sizes[segment].double()


def of_rel_graph_conv(theirs: dgl.nn.RelGraphConv) -> dict[str, Tensor]:
    linear = theirs.linear_r
    found = {
        None: lambda: {"rel_weight": linear.W[None]},
        "basis": lambda: {"bases": linear.W[None], "coefficients": linear.coeff[None]},
        "bdd": lambda: {"blocks": linear.W.view(1, RELS, 2, IN // 2, OUT // 2)},
    }[linear.regularizer]()
    if theirs.bias:
        found["bias"] = theirs.h_bias[None]
    if theirs.self_loop:
        found["loop_weight"] = theirs.loop_weight
    if theirs.layer_norm:
        norm = theirs.layer_norm_weight
        found |= {"layer_norm.weight": norm.weight, "layer_norm.bias": norm.bias}
    return found


@pytest.mark.parametrize("options", [{}, {"layer_norm": True}, {"bias": False, "self_loop": False}])
@pytest.mark.parametrize("regularizer", [None, "basis", "bdd"])
def test_means_within_relations_are_rel_graph_conv(g, etypes, feat, regularizer, options: dict):
    bases = {"regularizer": regularizer, "num_bases": 2 if regularizer else None}
    options = {"self_loop": True, "activation": torch.tanh} | options
    theirs = randomise(dgl.nn.RelGraphConv(IN, OUT, RELS, **bases, **options))
    ours = RelEdgeAttentionConv(IN, OUT, RELS, **bases, **options, **MEANS)
    norm = 1 / in_degrees(g, etypes).unsqueeze(1)
    arguments = g, feat, etypes
    assert_replaced(ours, of_rel_graph_conv, arguments, theirs, (*arguments, norm), feat)


@pytest.mark.parametrize("weighted", [False, True], ids=["sums", "norm"])
def test_edge_weights_make_means_the_sums_of_rel_graph_conv(g, etypes, feat, weighted: bool):
    theirs = randomise(dgl.nn.RelGraphConv(IN, OUT, RELS))
    ours = RelEdgeAttentionConv(IN, OUT, RELS, self_loop=True, **MEANS)
    norm = torch.rand(EDGES, dtype=torch.float64) if weighted else torch.ones(EDGES).double()
    arguments = g, feat, etypes
    weight = norm * in_degrees(g, etypes)
    their_norm = norm.unsqueeze(1) if weighted else None
    assert_replaced(
        ours,
        of_rel_graph_conv,
        arguments,
        theirs,
        (*arguments, their_norm),
        feat,
        edge_weight=weight,
    )


def test_means_within_relations_are_rel_graph_conv_on_a_block(g, etypes, feat):
    g.edata["rel"] = etypes
    seeds = torch.tensor([7, 0, 21])
    block = dgl.to_block(dgl.in_subgraph(g, seeds), seeds)
    rows, rel = feat[block.srcdata[dgl.NID]], block.edata["rel"]
    theirs = randomise(dgl.nn.RelGraphConv(IN, OUT, RELS))
    ours = RelEdgeAttentionConv(IN, OUT, RELS, self_loop=True, **MEANS)
    norm = 1 / in_degrees(g, etypes)[block.edata[dgl.EID]].unsqueeze(1)
    arguments = block, rows, rel
    # The parameters of relations that no edge of the block has get no gradient.
    own = torch.func.functional_call(ours.double(), of_rel_graph_conv(theirs), arguments)
    torch.testing.assert_close(own, theirs(*arguments, norm), **CLOSE)


def of_gat(theirs: dgl.nn.GATConv) -> dict[str, Tensor]:
    linears = (theirs.fc, theirs.fc) if hasattr(theirs, "fc") else (theirs.fc_src, theirs.fc_dst)
    src, dst = (linear.weight.view(HEADS, OUT, -1).mT for linear in linears)
    left, right = (x.view(HEADS, OUT, 1) for x in (theirs.attn_l, theirs.attn_r))
    found = {
        "rel_weight": src.unsqueeze(1),
        "weight_src": src @ left,
        "weight_dst": dst @ right,
        "score": left.new_ones(HEADS, 1, 1),
        "score_bias": left.new_zeros(HEADS, 1, 1),
    }
    if theirs.has_linear_res:
        found["residual.weight"] = theirs.res_fc.weight
    bias = theirs.res_fc.bias if theirs.has_linear_res else theirs.bias
    return found | {"bias": bias.view(HEADS, OUT)}


@pytest.mark.parametrize("options", [{}, {"residual": True, "negative_slope": 0.01}])
def test_an_additive_score_of_width_one_is_gat(g, feat, options: dict):
    options = {"activation": torch.tanh} | options
    g = dgl.add_self_loop(g)
    theirs = randomise(dgl.nn.GATConv(IN, OUT, HEADS, **options))
    ours = RelEdgeAttentionConv(IN, OUT, 1, HEADS, attn_feats=1, **options)
    assert_replaced(ours, of_gat, (g, feat), theirs, (g, feat), feat)
    weight = torch.rand(g.num_edges(), dtype=torch.float64)
    their_arguments = (g, feat, weight)
    assert_replaced(ours, of_gat, (g, feat), theirs, their_arguments, feat, edge_weight=weight)


def test_an_additive_score_of_width_one_is_gat_between_two_node_types():
    edges = torch.arange(40) % 10, torch.arange(40) % 8
    g = dgl.heterograph({("a", "to", "b"): edges}, num_nodes_dict={"a": 10, "b": 8})
    pair = tuple(torch.randn(n, d).double().requires_grad_() for n, d in ((10, IN), (8, 5)))
    theirs = randomise(dgl.nn.GATConv((IN, 5), OUT, HEADS))
    ours = RelEdgeAttentionConv((IN, 5), OUT, 1, HEADS, attn_feats=1)
    assert_replaced(ours, of_gat, (g, pair), theirs, (g, pair), *pair)


def test_means_within_relations_are_graph_convs_summed_over_edge_types():
    torch.manual_seed(0)
    edges = {
        ("a", "there", "b"): (torch.randint(9, (30,)), torch.randint(7, (30,))),
        ("b", "back", "a"): (torch.randint(7, (30,)), torch.randint(9, (30,))),
        ("a", "self", "a"): (torch.randint(9, (12,)), torch.randint(9, (12,))),
    }
    g = dgl.heterograph(edges, num_nodes_dict={"a": 9, "b": 7})
    feat = {name: torch.randn(n, IN).double().requires_grad_() for name, n in (("a", 9), ("b", 7))}
    convs = {
        name: dgl.nn.GraphConv(IN, OUT, norm="right", bias=False, allow_zero_in_degree=True)
        for name in ("there", "back", "self")
    }
    theirs = randomise(dgl.nn.HeteroGraphConv(convs, aggregate="sum"))
    ours = RelEdgeAttentionConv(IN, OUT, 3, bias=False, **MEANS)

    def weights(theirs: nn.Module) -> dict[str, Tensor]:
        by_relation = [theirs.mods[name].weight for _, name, _ in g.canonical_etypes]
        return {"rel_weight": torch.stack(by_relation)[None]}

    assert_replaced(ours, weights, (g, feat), theirs, (g, feat), *feat.values())
