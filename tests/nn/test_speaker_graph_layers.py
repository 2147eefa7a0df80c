"""The graph layers of DialogueGCN against loops over edges, and against DGL."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv, SumConv

NODES, WIDTH, OUT, BASES = 8, 3, 4, 2
LENGTHS, SPEAKERS = torch.tensor([5, 1, 2]), torch.tensor([0, 1, 1, 0, 1, 0, 2, 1])


def graph_of(past: int = 2, future: int = 1) -> Graph:
    return Graph.from_dialogues(LENGTHS, SPEAKERS, past=past, future=future, relations="pairs")


@pytest.fixture
def graph() -> Graph:
    return graph_of()


@pytest.fixture
def feat() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(NODES, WIDTH, generator=generator, dtype=torch.float64)


@pytest.fixture
def edge_weight(graph: Graph) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(graph.num_edges, generator=generator, dtype=torch.float64)


@pytest.fixture
def conv(graph: Graph) -> RelEdgeAttentionConv:
    torch.manual_seed(0)
    conv = RelEdgeAttentionConv(
        WIDTH,
        OUT,
        graph.num_rels,
        score="bilinear",
        regularizer="basis",
        num_bases=BASES,
        self_relation=True,
    ).double()
    torch.nn.init.normal_(conv.bias)
    return conv


@pytest.fixture
def sum_conv() -> SumConv:
    torch.manual_seed(0)
    conv = SumConv(WIDTH, OUT).double()
    torch.nn.init.normal_(conv.bias)
    return conv


def edges(graph: Graph) -> list[tuple[int, int, int]]:
    triples = graph.src, graph.dst, graph.etypes
    return list(zip(*(x.tolist() for x in triples), strict=True))


@torch.no_grad()
def test_edge_attention_equals_the_loop(conv, graph: Graph, feat: Tensor):
    scores = [feat[i] @ conv.weight_score[0] @ feat[j] for j, i, _ in edges(graph)]
    expected = torch.empty(graph.num_edges, dtype=torch.float64)
    for e, (_, i, _) in enumerate(edges(graph)):
        rivals = [s for s, (_, k, _) in zip(scores, edges(graph), strict=True) if k == i]
        expected[e] = scores[e].exp() / sum(s.exp() for s in rivals)
    _, attention = conv(graph, feat, get_attention=True)
    torch.testing.assert_close(attention.flatten(), expected, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_the_self_relation_has_a_matrix_of_its_own(conv, graph: Graph, feat, edge_weight):
    out, attention = conv(graph, feat, edge_weight=edge_weight, get_attention=True)
    expected = conv.bias.repeat(NODES, 1)
    for e, (j, i, r) in enumerate(edges(graph)):
        matrix = conv.self_weight[0]
        if r < graph.num_rels - 1:
            matrix = sum(conv.coefficients[0, r, b] * conv.bases[0, b] for b in range(BASES))
        expected[i] += attention[e, 0] * edge_weight[e] * (feat[j] @ matrix)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_relational_conv_equals_dgls(conv, graph: Graph, feat: Tensor, edge_weight: Tensor):
    theirs = dgl.nn.RelGraphConv(WIDTH, OUT, graph.num_rels - 1, "basis", BASES).double()
    theirs.linear_r.W.copy_(conv.bases[0])
    theirs.linear_r.coeff.copy_(conv.coefficients[0])
    theirs.loop_weight.copy_(conv.self_weight[0])
    theirs.h_bias.copy_(conv.bias[0])
    conv.weight_score.zero_()  # then the attention is one over the number of neighbours
    edge_weight[graph.self_edges] = 1.0
    others = graph.src != graph.dst
    g = dgl.graph((graph.src[others], graph.dst[others]), num_nodes=NODES)
    expected = theirs(g, feat, graph.etypes[others], edge_weight[others].unsqueeze(1))
    out = conv(graph, feat, edge_weight=edge_weight / graph.in_norm)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)


def test_a_self_relation_without_a_regularizer_is_refused():
    with pytest.raises(ValueError, match="self_relation needs a regularizer"):
        RelEdgeAttentionConv(WIDTH, OUT, 3, self_relation=True)


@torch.no_grad()
def test_sum_conv_equals_the_loop(sum_conv, graph: Graph, feat: Tensor, edge_weight: Tensor):
    expected = sum_conv.bias.repeat(NODES, 1)
    for e, (j, i, _) in enumerate(edges(graph)):
        expected[i] += feat[j] @ sum_conv.weight
        if i == j:
            expected[i] += edge_weight[e] * (feat[i] @ sum_conv.self_weight)
    out = sum_conv(graph, feat, edge_weight)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)


def both_layers(conv, sum_conv, graph: Graph, feat: Tensor) -> Tensor:
    out, attention = conv(graph, feat, get_attention=True)
    return torch.cat([out, sum_conv(graph, feat, attention.flatten())], dim=1)


def test_derivatives(conv, sum_conv, graph: Graph, feat: Tensor):
    layers = lambda feat: both_layers(conv, sum_conv, graph, feat)  # noqa: E731
    assert torch.autograd.gradcheck(layers, [feat.requires_grad_()], fast_mode=True)


def test_all_weights_learn(conv, sum_conv, graph: Graph, feat: Tensor):
    both_layers(conv, sum_conv, graph, feat).square().sum().backward()
    parameters = [*conv.parameters(), *sum_conv.parameters()]
    assert all(p.grad.abs().sum() > 0 for p in parameters)


@torch.no_grad()
def test_a_past_only_window_makes_the_layers_causal(conv, sum_conv, feat: Tensor):
    graph = graph_of(future=0)
    changed = feat.clone()
    changed[3:5] += 1  # the last two utterances of the first dialogue
    before, after = (both_layers(conv, sum_conv, graph, x) for x in (feat, changed))
    assert (before - after).abs().sum(1).nonzero().flatten().tolist() == [3, 4]


def test_drawing_weights_anew_changes_them_all(conv, sum_conv):
    for layer in (conv, sum_conv):
        before = [p.detach().clone() for p in layer.parameters()]
        layer.reset_parameters()
        assert not any(p.equal(old) for p, old in zip(layer.parameters(), before, strict=True))


def test_input_of_another_shape_is_refused(sum_conv, graph: Graph, feat: Tensor, edge_weight):
    with pytest.raises(ValueError, match=r"^feat must have shape \(8, 3\)"):
        sum_conv(graph, feat[1:], edge_weight)
    with pytest.raises(ValueError, match=r"^edge_weight must have shape"):
        sum_conv(graph, feat, edge_weight[1:])


def test_the_sum_of_a_dgl_graph_is_that_of_its_structure(sum_conv):
    g = dgl.graph(([0, 1, 0], [0, 1, 1]))
    graph = Graph.from_dgl(g)
    feat, weight = torch.ones(2, WIDTH).double(), torch.tensor([1.0, 2.0, 3.0]).double()
    assert sum_conv(g, feat, weight).equal(sum_conv(graph, feat, weight))
