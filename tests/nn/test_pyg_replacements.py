"""The calls that docs/layers.md names replace layers of PyG: equal results and gradients.

Slow, as PyG takes seconds to be imported.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn.pyg import RelEdgeAttentionConv
from ariigcn_dgl.optional import import_quietly, is_installed
from tests.nn.replacing import assert_replaced, randomise

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed("torch_geometric"), reason="needs PyG"),
]

IN, OUT, HEADS, RELS, NODES, EDGES = 6, 4, 3, 5, 40, 90  # of which some nodes have no in-edges
EDGE_INDEX = torch.randint(NODES, (2, EDGES), generator=torch.Generator().manual_seed(0))
EDGE_TYPE = torch.randint(RELS, (EDGES,), generator=torch.Generator().manual_seed(1))
EDGES_OF_TYPES = EDGE_INDEX, EDGE_TYPE
MEANS = {"score": None, "softmax": "relation"}


@pytest.fixture(scope="module")
def nn():
    return import_quietly("torch_geometric.nn")


@pytest.fixture
def x() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(NODES, IN, generator=generator, dtype=torch.float64, requires_grad=True)


def of_rgcn(theirs) -> dict[str, Tensor]:
    if theirs.num_bases:
        found = {"conv.bases": theirs.weight[None], "conv.coefficients": theirs.comp[None]}
    else:
        found = {"conv.blocks" if theirs.num_blocks else "conv.rel_weight": theirs.weight[None]}
    own = {"conv.bias": theirs.bias, "conv.loop_weight": theirs.root}
    own = {name: weight for name, weight in own.items() if weight is not None}
    return found | {name: x[None] if name == "conv.bias" else x for name, x in own.items()}


KINDS = {"full": {}, "bases": {"num_bases": 2}, "blocks": {"num_blocks": 2}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", ["RGCNConv", "FastRGCNConv"])
def test_means_within_relations_are_rgcn(nn, x, kind: str, layer: str):
    theirs = randomise(getattr(nn, layer)(IN, OUT, RELS, **KINDS[kind]))
    ours = RelEdgeAttentionConv(IN, OUT, RELS, self_loop=True, **KINDS[kind], **MEANS)
    assert_replaced(ours, of_rgcn, (x, *EDGES_OF_TYPES), theirs, (x, *EDGES_OF_TYPES), x)


def test_without_root_weight_targets_need_no_features(nn, x):
    theirs = randomise(nn.RGCNConv(IN, OUT, RELS, root_weight=False))
    ours = RelEdgeAttentionConv(IN, OUT, RELS, **MEANS)
    theirs_x, edges = (x, x[:20]), (EDGE_INDEX % torch.tensor([[NODES], [20]]), EDGE_TYPE)
    assert_replaced(
        ours, of_rgcn, ((x, None), *edges), theirs, (theirs_x, *edges), x, size=(NODES, 20)
    )


@pytest.mark.parametrize("kind", ["full", "bases"])
@pytest.mark.parametrize(
    ("layer", "ids"),
    [
        ("RGCNConv", None),
        ("RGCNConv", torch.arange(NODES).flip(0)),
        ("FastRGCNConv", None),  # of ids it reads nothing but how many there are
    ],
    ids=["none", "ids", "fast"],
)
def test_nodes_without_features_are_looked_up_as_rgcn_does(nn, kind: str, layer: str, ids):
    theirs = randomise(getattr(nn, layer)(NODES, OUT, RELS, **KINDS[kind]))
    ours = RelEdgeAttentionConv(NODES, OUT, RELS, self_loop=True, **KINDS[kind], **MEANS)
    assert_replaced(ours, of_rgcn, (ids, *EDGES_OF_TYPES), theirs, (ids, *EDGES_OF_TYPES))


def of_gat(theirs) -> dict[str, Tensor]:
    linears = theirs.lin or theirs.lin_src, theirs.lin or theirs.lin_dst
    src, dst = (linear.weight.view(HEADS, OUT, -1).mT for linear in linears)
    left, right = (x.view(HEADS, OUT, 1) for x in (theirs.att_src, theirs.att_dst))
    found = {
        "conv.rel_weight": src.unsqueeze(1),
        "conv.weight_src": src @ left,
        "conv.weight_dst": dst @ right,
        "conv.score": left.new_ones(HEADS, 1, 1),
        "conv.score_bias": left.new_zeros(HEADS, 1, 1),
        "conv.bias": theirs.bias.view(-1, OUT).expand(HEADS, -1),
    }
    if theirs.lin_edge is not None:
        edge = theirs.lin_edge.weight.view(HEADS, OUT, -1).mT
        found["conv.weight_edge"] = edge @ theirs.att_edge.view(HEADS, OUT, 1)
    if theirs.res is not None:
        found["conv.residual.weight"] = theirs.res.weight.view(-1, OUT, IN).expand(
            HEADS, -1, -1
        ).flatten(0, 1)  # fmt: skip
    return found


@pytest.mark.parametrize("options", [{}, {"residual": True}])
@pytest.mark.parametrize("concat", [True, False], ids=["concat", "mean"])
def test_an_additive_score_of_width_one_is_gat(nn, x, concat: bool, options: dict):
    options = {"heads": HEADS, "concat": concat} | options
    theirs = randomise(nn.GATConv(IN, OUT, add_self_loops=False, **options))
    ours = RelEdgeAttentionConv(IN, OUT, attn_feats=1, **options)
    assert_replaced(ours, of_gat, (x, EDGE_INDEX), theirs, (x, EDGE_INDEX), x)


def test_gat_adds_self_loops_which_ours_is_given(nn, x):
    utils = import_quietly("torch_geometric.utils")
    edge_index, _ = utils.add_self_loops(utils.remove_self_loops(EDGE_INDEX)[0], num_nodes=NODES)
    theirs = randomise(nn.GATConv(IN, OUT, HEADS))
    ours = RelEdgeAttentionConv(IN, OUT, heads=HEADS, attn_feats=1)
    assert_replaced(ours, of_gat, (x, edge_index), theirs, (x, EDGE_INDEX), x)


@pytest.fixture
def edge_attr() -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(EDGES, 2, generator=generator, dtype=torch.float64, requires_grad=True)


def test_gat_with_edge_features_is_too(nn, x, edge_attr):
    theirs = randomise(nn.GATConv(IN, OUT, HEADS, add_self_loops=False, edge_dim=2))
    ours = RelEdgeAttentionConv(IN, OUT, heads=HEADS, attn_feats=1, edge_dim=2)
    their_arguments, leaves = (x, EDGE_INDEX, edge_attr), (x, edge_attr)
    assert_replaced(
        ours, of_gat, (x, EDGE_INDEX), theirs, their_arguments, *leaves, edge_attr=edge_attr
    )


def of_gatv2(theirs) -> dict[str, Tensor]:
    linears = theirs.lin_l, theirs.lin_r, theirs.lin_edge
    src, dst, edge = (linear.weight.view(HEADS, OUT, -1).mT for linear in linears)
    return {
        "conv.rel_weight": src.unsqueeze(1),
        "conv.weight_src": src,
        "conv.weight_dst": dst,
        "conv.weight_edge": edge,
        "conv.score": theirs.att.view(HEADS, OUT, 1),
    }


def test_edge_features_in_the_score_are_gatv2(nn, x, edge_attr):
    theirs = randomise(nn.GATv2Conv(IN, OUT, HEADS, add_self_loops=False, edge_dim=2, bias=False))
    ours = RelEdgeAttentionConv(-1, OUT, heads=HEADS, edge_dim=2, bias=False)
    ours(x.detach().float(), EDGE_INDEX, edge_attr=edge_attr.float())  # which tells its width
    their_arguments, leaves = (x, EDGE_INDEX, edge_attr), (x, edge_attr)
    assert_replaced(
        ours, of_gatv2, (x, EDGE_INDEX), theirs, their_arguments, *leaves, edge_attr=edge_attr
    )


@pytest.mark.filterwarnings("ignore:Sparse")  # torch calls compressed layouts a beta
@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_coo], ids=str)
def test_the_adjacency_that_pyg_makes_is_read_as_pyg_reads_it(nn, x, layout: torch.layout):
    data, transforms = (import_quietly(f"torch_geometric.{x}") for x in ("data", "transforms"))
    edge_index = EDGE_INDEX.unique(
        dim=1
    ).contiguous()  # a matrix has one entry for each pair of nodes
    edge_type = EDGE_TYPE[: edge_index.size(1)]
    given = data.Data(edge_index=edge_index, edge_type=edge_type, num_nodes=NODES)
    adj_t = transforms.ToSparseTensor("edge_type", layout=layout)(given).adj_t
    conv = RelEdgeAttentionConv(IN, OUT, RELS, heads=HEADS).double()
    torch.testing.assert_close(conv(x, adj_t), conv(x, edge_index, edge_type))
    theirs = randomise(nn.GATConv(IN, OUT, HEADS, add_self_loops=False))
    one = RelEdgeAttentionConv(IN, OUT, heads=HEADS, attn_feats=1)
    assert_replaced(one, of_gat, (x, adj_t), theirs, (x, adj_t), x)
