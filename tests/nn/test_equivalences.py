"""With fitting weights the layer is GATv2Conv, RelGraphConv and DialogueGCN's; gradients too."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv
from ariigcn_dgl.optional import is_installed

IN, OUT, HEADS, RELS, NODES, EDGES = 6, 4, 3, 5, 40, 300
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(autouse=True, params=[torch.float32, torch.float64], ids=str)
def dtype(request):
    """Make all tensors and modules of this precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def g() -> dgl.DGLGraph:
    generator = torch.Generator().manual_seed(0)
    src, dst = torch.randint(NODES, (2, EDGES), generator=generator)
    return dgl.add_self_loop(dgl.graph((src, dst), num_nodes=NODES))


@pytest.fixture
def etypes(g: dgl.DGLGraph) -> Tensor:
    return torch.randint(RELS, (g.num_edges(),), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def feat() -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(NODES, IN, generator=generator, requires_grad=True)


def randomise(module: nn.Module) -> nn.Module:
    """Give all parameters, biases too, values that differ."""
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_().mul_(0.5)
    return module.to(torch.get_default_dtype())  # DGL's own is float32 in places


def pull(out: Tensor, *leaves: Tensor) -> list[Tensor]:
    """Return the gradients of a sum that weighs every entry differently."""
    weight = torch.linspace(-1, 1.5, out.numel()).view(out.shape)
    return list(torch.autograd.grad((out * weight).mean(), leaves))


@torch.no_grad()
def from_gatv2(theirs: dgl.nn.GATv2Conv, **options) -> RelEdgeAttentionConv:
    """Return the layer with the weights of a GATv2Conv."""
    ours = RelEdgeAttentionConv(IN, OUT, 1, HEADS, **options)
    source, target = (
        linear.weight.view(HEADS, OUT, -1).mT for linear in (theirs.fc_src, theirs.fc_dst)
    )
    ours.weight_src.copy_(source)
    ours.weight_dst.copy_(target)
    ours.rel_weight.copy_(source.unsqueeze(1))
    ours.score.copy_(theirs.attn.view(HEADS, OUT, 1))
    ours.score_bias.copy_((theirs.fc_src.bias + theirs.fc_dst.bias).view(HEADS, 1, OUT))
    ours.bias.copy_(theirs.fc_src.bias.view(HEADS, OUT))
    if options.get("residual"):
        ours.residual.weight.copy_(theirs.res_fc.weight)
        ours.bias.add_(theirs.res_fc.bias.view(HEADS, OUT))
    return ours


def stacked(heads_in_out: Tensor) -> Tensor:
    """Return a (H, D_in, D_out) gradient as that of a linear layer's weight."""
    return heads_in_out.mT.reshape(HEADS * OUT, -1)


@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
def test_one_relation_is_gatv2(g, feat, residual: bool):
    theirs = randomise(dgl.nn.GATv2Conv(IN, OUT, HEADS, residual=residual, activation=torch.tanh))
    ours = from_gatv2(theirs, residual=residual, activation=torch.tanh)
    out, attention = ours(g, feat, get_attention=True)
    expected, their_attention = theirs(g, feat, get_attention=True)
    torch.testing.assert_close((out, attention), (expected, their_attention), **CLOSE)

    by_feat, dst, src, rel, score, bias, score_bias = pull(
        out,
        feat,
        ours.weight_dst,
        ours.weight_src,
        ours.rel_weight,
        ours.score,
        ours.bias,
        ours.score_bias,
    )
    linears = theirs.fc_dst, theirs.fc_src
    expected = pull(
        expected, feat, *(x.weight for x in linears), theirs.attn, *(x.bias for x in linears)
    )
    ours_as_theirs = [
        by_feat,
        stacked(dst),
        stacked(src + rel[:, 0]),  # one weight for scores and messages
        score.view(1, HEADS, OUT),
        score_bias.flatten(),
        score_bias.flatten() + bias.flatten(),
    ]
    torch.testing.assert_close(ours_as_theirs, expected, **CLOSE)


def test_one_relation_is_gatv2_on_a_block(g, feat):
    theirs = randomise(dgl.nn.GATv2Conv(IN, OUT, HEADS))
    seeds = torch.tensor([7, 0, 21])
    block = dgl.to_block(dgl.in_subgraph(g, seeds), seeds)
    rows = feat[block.srcdata[dgl.NID]]
    torch.testing.assert_close(from_gatv2(theirs)(block, rows), theirs(block, rows), **CLOSE)


def test_one_relation_is_gatv2_between_two_node_types():
    torch.manual_seed(0)
    edges = torch.randint(10, (40,)), torch.arange(40) % 8
    g = dgl.heterograph({("a", "to", "b"): edges}, num_nodes_dict={"a": 10, "b": 8})
    pair = torch.randn(10, IN), torch.randn(8, IN)
    theirs = randomise(dgl.nn.GATv2Conv(IN, OUT, HEADS))
    torch.testing.assert_close(from_gatv2(theirs)(g, pair), theirs(g, pair), **CLOSE)


def test_nested_in_hetero_graph_conv_it_is_gatv2_in_each_relation():
    torch.manual_seed(0)
    edges = {
        ("a", "there", "b"): (torch.randint(9, (30,)), torch.randint(7, (30,))),
        ("b", "back", "a"): (torch.randint(7, (30,)), torch.randint(9, (30,))),
        ("a", "self", "a"): (torch.randint(9, (30,)), torch.randint(9, (30,))),
    }
    g = dgl.heterograph(edges, num_nodes_dict={"a": 9, "b": 7})
    feat = {"a": torch.randn(9, IN), "b": torch.randn(7, IN)}
    theirs = {
        name: randomise(dgl.nn.GATv2Conv(IN, OUT, HEADS)) for name in ("there", "back", "self")
    }
    for conv in theirs.values():  # its bias does not reach nodes without in-edges, ours does
        nn.init.zeros_(conv.fc_src.bias)
    ours = dgl.nn.HeteroGraphConv({name: from_gatv2(conv) for name, conv in theirs.items()})
    results, expected = ours(g, feat), dgl.nn.HeteroGraphConv(theirs)(g, feat)
    torch.testing.assert_close(results, expected, **CLOSE)


def edge_norm(g: dgl.DGLGraph, etypes: Tensor, norm: str) -> Tensor:
    """Return 1 / |N_i| or 1 / (|N_i| |N_i^r|) of every edge, (E, 1)."""
    _, dst = g.edges(order="eid")
    degree = g.in_degrees()[dst]
    if norm == "none":
        return 1 / degree.unsqueeze(1)
    _, segment, sizes = torch.unique(dst * RELS + etypes, return_inverse=True, return_counts=True)
    return 1 / (degree * sizes[segment]).unsqueeze(1)


def from_rel_graph_conv(theirs: dgl.nn.RelGraphConv, regularizer: str | None, norm: str):
    """Return the layer with the weights of a RelGraphConv and scores of zero; and the pairs."""
    ours = RelEdgeAttentionConv(
        IN,
        OUT,
        RELS,
        regularizer=regularizer,
        num_bases=2 if regularizer else None,
        residual=True,
        norm=norm,
    )
    weight = theirs.linear_r.W
    pairs = {
        None: lambda: [(ours.rel_weight, weight)],
        "basis": lambda: [(ours.bases, weight), (ours.coefficients, theirs.linear_r.coeff)],
        "bdd": lambda: [(ours.blocks, weight)],
    }[regularizer]()
    pairs += [(ours.bias, theirs.h_bias)]
    with torch.no_grad():
        ours.score.zero_()
        for own, other in pairs:
            own.copy_(other.view(own.shape))
        ours.residual.weight.copy_(theirs.loop_weight.T)
    return ours, pairs


@pytest.mark.parametrize("norm", ["none", "relation"])
@pytest.mark.parametrize("regularizer", [None, "basis", "bdd"])
def test_uniform_attention_is_rel_graph_conv(g, etypes, feat, regularizer: str | None, norm: str):
    theirs = randomise(dgl.nn.RelGraphConv(IN, OUT, RELS, regularizer=regularizer, num_bases=2))
    ours, pairs = from_rel_graph_conv(theirs, regularizer, norm)
    out = ours(g, feat, etypes)
    expected = theirs(g, feat, etypes, edge_norm(g, etypes, norm))
    torch.testing.assert_close(out, expected, **CLOSE)
    grads = pull(out, feat, ours.residual.weight, *(own for own, _ in pairs))
    their_grads = pull(expected, feat, theirs.loop_weight, *(other for _, other in pairs))
    their_grads[1] = their_grads[1].T
    shaped = [x.view(y.shape) for x, y in zip(their_grads, grads, strict=True)]
    torch.testing.assert_close(grads, shaped, **CLOSE)


def test_uniform_attention_with_edge_weights_is_rel_graph_conv_with_any_norm(g, etypes, feat):
    theirs = randomise(dgl.nn.RelGraphConv(IN, OUT, RELS))
    ours, _ = from_rel_graph_conv(theirs, None, "none")
    norm = torch.rand(g.num_edges(), 1)
    degree = g.in_degrees()[g.edges()[1]]
    out = ours(g, feat, etypes, edge_weight=norm.squeeze(1) * degree)
    torch.testing.assert_close(out, theirs(g, feat, etypes, norm), **CLOSE)


def test_a_self_relation_is_one_more_basis_that_only_it_uses(feat):
    graph = Graph.from_dialogues(
        torch.tensor([25, 15]), torch.arange(NODES) % 2, past=4, future=3, relations="pairs"
    )
    bases, rels = 2, graph.num_rels
    options = {"score": "bilinear", "norm": "relation", "regularizer": "basis"}
    own = RelEdgeAttentionConv(IN, OUT, rels, num_bases=bases, self_relation=True, **options)
    randomise(own)
    ours = RelEdgeAttentionConv(IN, OUT, rels, num_bases=bases + 1, **options)
    with torch.no_grad():
        ours.weight_score.copy_(own.weight_score)
        ours.bases.copy_(torch.cat([own.bases, own.self_weight[None]], 1))
        ours.coefficients.copy_(torch.block_diag(own.coefficients[0], torch.ones(1, 1))[None])
        ours.bias.copy_(own.bias)
    out, expected = ours(graph, feat), own(graph, feat)
    torch.testing.assert_close(out, expected, **CLOSE)
    by_feat, score, mixed, coefficients, bias = pull(
        out, feat, ours.weight_score, ours.bases, ours.coefficients, ours.bias
    )
    leaves = (own.weight_score, own.bases, own.self_weight, own.coefficients, own.bias)
    expected_feat, *rest = pull(expected, feat, *leaves)
    results = [score, mixed[:, :-1], mixed[0, -1:], coefficients[:, :-1, :-1], bias]
    torch.testing.assert_close([by_feat, *results], [expected_feat, *rest], **CLOSE)


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("torch_geometric"), reason="needs PyG")
@pytest.mark.parametrize("concat", [True, False], ids=["concat", "mean"])
def test_one_relation_is_pygs_gatv2(g, feat, concat: bool):
    from ariigcn_dgl.nn import pyg
    from ariigcn_dgl.optional import import_quietly

    theirs = import_quietly("torch_geometric.nn").GATv2Conv(
        IN, OUT, HEADS, concat=concat, add_self_loops=False
    )
    randomise(theirs)
    ours = pyg.RelEdgeAttentionConv(IN, OUT, heads=HEADS, concat=concat)
    source, target = (x.weight.view(HEADS, OUT, -1).mT for x in (theirs.lin_l, theirs.lin_r))
    with torch.no_grad():
        ours.conv.weight_src.copy_(source)
        ours.conv.rel_weight.copy_(source.unsqueeze(1))
        ours.conv.weight_dst.copy_(target)
        ours.conv.score.copy_(theirs.att.view(HEADS, OUT, 1))
        ours.conv.score_bias.copy_((theirs.lin_l.bias + theirs.lin_r.bias).view(HEADS, 1, OUT))
        ours.conv.bias.copy_(theirs.lin_l.bias.view(HEADS, OUT))
        ours.conv.bias.add_(theirs.bias.view(-1, OUT))
    edge_index = torch.stack(g.edges(order="eid"))
    arguments = {"return_attention_weights": True}
    out, (index, attention) = ours(feat, edge_index, **arguments)
    expected, (their_index, their_attention) = theirs(feat, edge_index, **arguments)
    torch.testing.assert_close((out, attention), (expected, their_attention), **CLOSE)
    assert index.equal(their_index)
    torch.testing.assert_close(pull(out, feat), pull(expected, feat), **CLOSE)
