"""Nodes that have ids in place of features: the layer with one-hot features, without them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv

NODES, OUT, RELS = 9, 4, 3
SRC, DST = torch.randint(NODES, (2, 40), generator=torch.Generator().manual_seed(0))
ETYPES = torch.arange(40) % RELS
GRAPH = Graph.from_edges(SRC, DST, ETYPES, num_src=NODES, num_dst=NODES, num_rels=RELS)
ONE_HOT = torch.eye(NODES, dtype=torch.float64)


def make(**options) -> RelEdgeAttentionConv:
    torch.manual_seed(0)
    options = {"allow_zero_in_degree": True, "self_loop": True} | options
    return RelEdgeAttentionConv(NODES, OUT, RELS, **options).double()


def gradients(conv: RelEdgeAttentionConv, out: Tensor) -> list[Tensor]:
    weight = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)
    return [g.to_dense() for g in torch.autograd.grad(out, list(conv.parameters()), weight)]


KINDS = {
    "means": {"score": None},
    "means within relations": {"score": None, "softmax": "relation"},
    "attention": {},
    "attention within relations": {"softmax": "relation"},
    "heads": {"num_heads": 2},
    "heads of means": {"num_heads": 2, "score": None},
    "divided": {"score": None, "norm": "relation"},
    "sparse": {"sparse": True},
    "sparse means of heads": {"sparse": True, "score": None, "num_heads": 3},
    "basis": {"regularizer": "basis", "num_bases": 2, "num_heads": 2},
    "block-diagonal": {"regularizer": "bdd", "num_bases": 1, "score": None},
    "residual": {"residual": True, "layer_norm": True},
    "GELU alone": {"self_loop": False, "bias": False, "activation": F.gelu},
}


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("impl", ["native", "reference"])
def test_equals_one_hot_features_forward_and_backward(options: dict, impl: str):
    conv = make(**options, impl=impl)
    out, expected = conv(GRAPH, None), conv(GRAPH, ONE_HOT)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(gradients(conv, out), gradients(conv, expected))


@pytest.mark.parametrize("weighted", [False, True], ids=["", "edge_weight"])
def test_attention_is_returned_and_edges_are_weighted(weighted: bool):
    conv, weight = make(num_heads=2), torch.rand(40, dtype=torch.float64) if weighted else None
    results = conv(GRAPH, None, edge_weight=weight, get_attention=True)
    expected = conv(GRAPH, ONE_HOT, edge_weight=weight, get_attention=True)
    torch.testing.assert_close(results, expected)


def test_ids_need_not_be_the_numbers_of_the_nodes():
    conv, ids = make(), torch.arange(NODES).flip(0)
    torch.testing.assert_close(conv(GRAPH, ids), conv(GRAPH, ONE_HOT[ids]))


def test_a_heterograph_is_counted_type_after_type():
    g = dgl.heterograph({("a", "to", "b"): ([0, 1, 2], [0, 1, 1]), ("b", "of", "a"): ([0], [2])})
    conv = RelEdgeAttentionConv(5, OUT, 2, score=None, allow_zero_in_degree=True)
    rows = torch.eye(5).split([3, 2])
    expected = conv(g, dict(zip("ab", rows, strict=True)))
    torch.testing.assert_close(conv(g, None), expected)


def test_a_block_takes_the_ids_of_its_sources():
    g = dgl.graph((SRC, DST), num_nodes=NODES)
    g.edata["rel"] = ETYPES
    _, _, (block,) = dgl.dataloading.NeighborSampler([-1]).sample(g, torch.tensor([3, 5]))
    conv = make(score=None, softmax="relation")
    out = conv(block, block.srcdata[dgl.NID], block.edata["rel"])
    torch.testing.assert_close(out, conv(GRAPH, None)[[3, 5]])


def test_is_the_first_layer_of_r_gcn():
    """PyG's layer without features, with the same weights."""
    pyg = pytest.importorskip("torch_geometric.nn")
    theirs = pyg.FastRGCNConv(NODES, OUT, RELS).double()
    conv = make(score=None, softmax="relation")
    with torch.no_grad():
        theirs.bias.normal_()
        conv.rel_weight[0] = theirs.weight
        conv.loop_weight[:] = theirs.root
        conv.bias[0] = theirs.bias
    expected = theirs(None, torch.stack([SRC, DST]), ETYPES)
    torch.testing.assert_close(conv(GRAPH, None), expected, rtol=1e-6, atol=1e-6)


BAD = {
    "an id too large": ({}, torch.full((NODES,), NODES), "feat must have ids from 0 to 8"),
    "truths": ({}, torch.ones(NODES, NODES).bool(), "feat must be floats, .* or int64 ids, .*bool"),
    "rows of ids": ({}, torch.ones(NODES, NODES).long(), r"got torch.int64 of shape \(9, 9\)"),
    "complex numbers": ({}, torch.ones(NODES, 1).cfloat(), "got torch.complex64"),
    "a negative id": ({}, torch.full((NODES,), -2), "feat must have ids from 0 to 8.*got -2"),
    "a dot product": ({"score": "bilinear"}, None, "feat must be features: ids have neither dot"),
    "dropout of features": ({"feat_drop": 0.5}, None, "feat_drop must be 0 where nodes have ids"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_ids_cannot_do_is_refused(case: str):
    options, ids, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        make(**options)(GRAPH, ids)


def test_a_residual_that_is_more_than_its_weight_is_refused():
    conv = make(residual=True)
    conv.residual = nn.Sequential(conv.residual)
    with pytest.raises(ValueError, match=r"residual must be a plain .* got Sequential"):
        conv(GRAPH, None)


def test_none_is_refused_where_sources_are_not_the_targets():
    graph = Graph.from_edges(torch.tensor([0]), torch.tensor([0]), num_src=3, num_dst=2)
    with pytest.raises(ValueError, match="feat must be ids where sources and targets are not"):
        RelEdgeAttentionConv(3, OUT, allow_zero_in_degree=True)(graph, None)


def test_sparse_gradients_of_shared_parameters_are_refused():
    with pytest.raises(ValueError, match="sparse must be False with regularizer='basis'"):
        make(sparse=True, regularizer="basis")
