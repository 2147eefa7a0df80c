"""The graph layers against loops over edges, and the graphs that they take."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import (
    Graph,
    modal_graph,
    modal_relations,
    modal_to_dgl,
    relation_names,
    to_dgl,
)
from ariigcn_dgl.nn import MeanConv, RelationalGraph, RelEdgeAttentionConv

NAMES = relation_names("speaker")
NODES, WIDTH, GROUPS = 8, 3, 2


@pytest.fixture
def graph() -> Graph:
    lengths, speakers = torch.tensor([5, 1, 2]), torch.tensor([0, 1, 1, 0, 2, 0, 2, 1])
    return Graph.from_dialogues(lengths, speakers, past=2, future=1)


@pytest.fixture
def feat() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(GROUPS, NODES, WIDTH, generator=generator, dtype=torch.float64)


def modality_conv(in_feats: int, out_feats: int, groups: int, **options) -> RelEdgeAttentionConv:
    """Return the layer as AR-IIGCN has it."""
    return RelEdgeAttentionConv(
        in_feats,
        out_feats,
        len(NAMES),
        num_groups=groups,
        norm="relation",
        negative_slope=0.0,
        bias=False,
        activation=F.gelu,
        allow_zero_in_degree=True,
        **options,
    )


@pytest.fixture
def conv() -> RelEdgeAttentionConv:
    torch.manual_seed(0)
    return modality_conv(WIDTH, 4, GROUPS).double()


def edges(graph: Graph) -> list[tuple[int, int, int]]:
    triples = graph.src, graph.dst, graph.etypes
    return list(zip(*(x.tolist() for x in triples), strict=True))


def loop(conv: RelEdgeAttentionConv, graph: Graph, feat: Tensor) -> tuple[Tensor, Tensor]:
    """Compute Eq. 8-10 edge by edge, with the concatenation written out."""
    out = torch.zeros(len(feat), graph.num_dst, conv.rel_weight.size(-1), dtype=feat.dtype)
    attention = torch.zeros(len(feat), graph.num_edges, dtype=feat.dtype)
    for g, h in enumerate(feat):
        both = torch.cat([conv.weight_dst[g], conv.weight_src[g]])  # W_2 of Eq. 8, transposed
        scores = [
            (torch.cat([h[i], h[j]]) @ both).relu() @ conv.score[g, :, 0]
            for j, i, _ in edges(graph)
        ]
        for e, (j, i, r) in enumerate(edges(graph)):
            rivals = [
                s for s, (_, target, _) in zip(scores, edges(graph), strict=True) if target == i
            ]
            attention[g, e] = scores[e].exp() / sum(s.exp() for s in rivals)
            same = sum(1 for _, target, kind in edges(graph) if (target, kind) == (i, r))
            out[g, i] += attention[g, e] / same * (h[j] @ conv.rel_weight[g, r])
    return F.gelu(out), attention


@torch.no_grad()
def test_attention_conv_equals_the_loop(conv, graph: Graph, feat: Tensor):
    out, attention = conv(graph, feat, get_attention=True)
    assert attention.shape == (GROUPS, graph.num_edges, 1, 1)
    ours, theirs = (out, attention.flatten(1)), loop(conv, graph, feat)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_attention_conv_derivatives(conv, graph: Graph, feat: Tensor):
    feat.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: conv(graph, x), [feat], fast_mode=True)


def test_all_weights_learn(conv, graph: Graph, feat: Tensor):
    conv(graph, feat).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in conv.parameters())


def test_groups_do_not_mix(conv, graph: Graph, feat: Tensor):
    changed = feat.clone()
    changed[1] += 1
    assert conv(graph, changed)[0].equal(conv(graph, feat)[0])


def test_renumbering_relations_with_their_weights_changes_nothing(conv, graph, feat: Tensor):
    expected = conv(graph, feat)
    order = torch.tensor([3, 0, 4, 2, 1])
    renumbered = Graph.from_edges(
        graph.src, graph.dst, order[graph.etypes], num_src=NODES, num_dst=NODES
    )
    with torch.no_grad():
        conv.rel_weight.copy_(conv.rel_weight[:, order.argsort()].clone())
    torch.testing.assert_close(conv(renumbered, feat), expected)


def test_renumbering_nodes_renumbers_the_output(conv, graph, feat: Tensor):
    new = torch.randperm(NODES, generator=torch.Generator().manual_seed(0))
    renamed = Graph.from_edges(
        new[graph.src], new[graph.dst], graph.etypes, num_src=NODES, num_dst=NODES
    )
    moved = torch.empty_like(feat).index_copy(1, new, feat)
    torch.testing.assert_close(conv(renamed, moved)[:, new], conv(graph, feat))


def test_a_node_without_in_edges_gets_zero(conv, feat: Tensor):
    indptr = torch.tensor([0, 1, *[1] * (NODES - 1)])
    graph = Graph.from_csr(indptr, torch.tensor([3]), num_rels=len(NAMES))
    assert conv(graph, feat)[:, 1:].abs().sum() == 0


def test_groups_and_heads_are_layers_of_one_group_each(graph: Graph, feat: Tensor):
    both = modality_conv(WIDTH, 4, GROUPS, num_heads=3).double()
    out, attention = both(graph, feat, get_attention=True)
    assert (out.shape, attention.shape) == ((2, NODES, 3, 4), (2, graph.num_edges, 3, 1))
    for g in range(GROUPS):
        one = RelEdgeAttentionConv(
            *(WIDTH, 4, len(NAMES), 3),
            norm="relation",
            negative_slope=0.0,
            bias=False,
            activation=F.gelu,
        )
        own = {k: x[3 * g : 3 * g + 3] for k, x in both.state_dict().items()}
        one.double().load_state_dict(own)
        expected = one(graph, feat[g], get_attention=True)
        torch.testing.assert_close((out[g], attention[g]), expected, rtol=1e-12, atol=1e-12)


def test_bilinear_groups_are_layers_of_one_group_each(graph: Graph, feat: Tensor):
    options = {"score": "bilinear", "num_heads": 2}
    both = RelEdgeAttentionConv(WIDTH, 4, len(NAMES), num_groups=GROUPS, **options).double()
    out = both(graph, feat)
    for g in range(GROUPS):
        one = RelEdgeAttentionConv(WIDTH, 4, len(NAMES), **options).double()
        one.load_state_dict({k: x[2 * g : 2 * g + 2] for k, x in both.state_dict().items()})
        torch.testing.assert_close(out[g], one(graph, feat[g]), rtol=1e-12, atol=1e-12)


def test_a_residual_of_groups_is_refused():
    with pytest.raises(ValueError, match="residual and self_loop must be False with num_groups"):
        RelEdgeAttentionConv(4, 4, num_groups=2, residual=True)


def test_attention_drops_out_in_training_only(graph: Graph, feat: Tensor):
    conv = modality_conv(WIDTH, 4, GROUPS, attn_drop=0.5).double()
    assert not conv(graph, feat).equal(conv(graph, feat))
    conv.eval()
    assert conv(graph, feat).equal(conv(graph, feat))


def test_autocast_runs_the_layers(graph: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, len(NAMES), GROUPS, residual="norm")
    plain = layers(graph, feat.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = layers(graph, feat.float())
    low.sum().backward()
    torch.testing.assert_close(low.float(), plain, rtol=0.1, atol=0.1)
    assert all(p.grad.isfinite().all() for p in layers.parameters())


BAD = {
    "a node too few": (lambda feat: feat[:, 1:], "one row for each of the graph's 8 source nodes"),
    "another width": (lambda feat: feat[..., 1:], "must be 3 wide"),
    "a group too few": (lambda feat: feat[:1], r"shape \(2, N, 3\), .* got \(1, 8, 3\)"),
    "no groups": (lambda feat: feat[0], r"shape \(2, N, 3\), .* got \(8, 3\)"),
    "a pair": (lambda feat: (feat, feat), r"shape \(2, N, 3\), .* got tuple"),
}


@pytest.mark.parametrize("case", BAD)
def test_features_of_another_shape_are_refused(conv, graph: Graph, feat: Tensor, case: str):
    change, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        conv(graph, change(feat))


def test_a_graph_of_other_relations_is_refused(conv, graph: Graph, feat: Tensor):
    with pytest.raises(ValueError, match=r"graph must have 5 relations, .* got 1"):
        conv(graph.merged, feat)


@torch.no_grad()
def test_mean_conv_equals_the_loop(graph: Graph, feat: Tensor):
    conv = MeanConv(WIDTH, 4, GROUPS).double()
    attention = torch.rand(GROUPS, graph.num_edges, dtype=torch.float64)
    expected = torch.zeros(GROUPS, NODES, 4, dtype=torch.float64)
    for g, h in enumerate(feat):
        for e, (j, i, _) in enumerate(edges(graph)):
            degree = sum(1 for _, target, _ in edges(graph) if target == i)
            expected[g, i] += h[j] @ conv.weight[g] / degree
            if i == j:
                expected[g, i] += attention[g, e] * (h[i] @ conv.self_weight[g])
    ours = conv(graph, feat, attention)
    torch.testing.assert_close(ours, F.gelu(expected), rtol=1e-12, atol=1e-12)


def test_mean_conv_needs_a_self_edge_at_every_node(feat: Tensor):
    graph = Graph.from_csr(torch.arange(NODES + 1), torch.arange(NODES).roll(1))
    attention = torch.ones(GROUPS, NODES, dtype=torch.float64)
    with pytest.raises(ValueError, match="exactly one self edge"):
        MeanConv(WIDTH, 4, GROUPS).double()(graph, feat, attention)


def test_mean_conv_refuses_attention_of_other_edges(graph: Graph, feat: Tensor):
    attention = torch.ones(GROUPS, graph.num_edges - 1)
    with pytest.raises(ValueError, match="attention must have shape"):
        MeanConv(WIDTH, 4, GROUPS).double()(graph, feat, attention)


@pytest.mark.parametrize("layer", [MeanConv(3, 4), modality_conv(3, 4, 2)])
def test_parameters_can_be_drawn_anew(layer: torch.nn.Module):
    before = [p.detach().clone() for p in layer.parameters()]
    layer.reset_parameters()
    for old, new in zip(before, layer.parameters(), strict=True):
        assert not new.equal(old)
        assert new.abs().max() <= (6 / (new.size(-2) + new.size(-1))) ** 0.5


def test_two_layers_without_residual_are_the_convolutions(graph: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, len(NAMES), GROUPS).double()
    (block,) = layers.blocks
    first, attention = block.attend(graph, feat, get_attention=True)
    assert layers(graph, feat).equal(block.mean(graph, first, attention.flatten(1)))


def test_residual_sum_adds_the_input_of_each_layer(graph: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, len(NAMES), GROUPS, residual="sum").double()
    (block,) = layers.blocks
    out, attention = block.attend(graph, feat, get_attention=True)
    first = feat + out
    expected = first + block.mean(graph, first, attention.flatten(1))
    torch.testing.assert_close(layers(graph, feat), expected)


def test_residual_adds_and_normalises_each_layer(graph: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, len(NAMES), GROUPS, residual="norm").double()
    (block,) = layers.blocks
    out, attention = block.attend(graph, feat, get_attention=True)
    first = F.layer_norm(feat + out, (WIDTH,))
    second = F.layer_norm(first + block.mean(graph, first, attention.flatten(1)), (WIDTH,))
    torch.testing.assert_close(layers(graph, feat), second)


def test_blocks_follow_each_other(graph: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, len(NAMES), GROUPS, residual="norm", num_blocks=2).double()
    expected = feat
    for block in layers.blocks:
        one = RelationalGraph(WIDTH, len(NAMES), GROUPS, residual="norm").double()
        one.blocks[0].load_state_dict(block.state_dict())
        expected = one(graph, expected)
    assert layers(graph, feat).equal(expected)


@torch.no_grad()
def test_without_the_second_normalisation_attention_is_all_there_is(graph: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, len(NAMES), GROUPS, norm="none").double()
    conv = layers.blocks[0].attend
    out, attention = conv(graph, feat, get_attention=True)
    expected = torch.zeros_like(out)
    for g, h in enumerate(feat):
        for e, (j, i, r) in enumerate(edges(graph)):
            expected[g, i] += attention[g, e].squeeze() * (h[j] @ conv.rel_weight[g, r])
    torch.testing.assert_close(out, F.gelu(expected), rtol=1e-12, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("reduction", ["sum", "symmetric"])
def test_the_second_layer_adds_or_divides_by_both_degrees(
    graph: Graph, feat: Tensor, reduction: str
):
    conv = MeanConv(WIDTH, 4, GROUPS, reduction).double()
    degree = graph.indptr.diff().tolist()
    attention = torch.zeros(GROUPS, graph.num_edges, dtype=torch.float64)
    expected = torch.zeros(GROUPS, NODES, 4, dtype=torch.float64)
    for g, h in enumerate(feat):
        for j, i, _ in edges(graph):
            factor = 1 if reduction == "sum" else (degree[i] * degree[j]) ** -0.5
            expected[g, i] += factor * (h[j] @ conv.weight[g])
    ours = conv(graph, feat, attention)
    torch.testing.assert_close(ours, F.gelu(expected), rtol=1e-12, atol=1e-12)


PRESENT = torch.tensor([[True] * NODES, [True, False] * (NODES // 2)])


@pytest.fixture
def modal(graph: Graph) -> Graph:
    return modal_graph(graph, PRESENT, "window")


def test_messages_cross_modalities(modal: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, modal.num_rels, GROUPS, cross_modal=True).double()
    changed = feat.clone()
    changed[1, 0] += 1  # modality 1 of utterance 0, which modality 0 of utterance 1 can see
    ours, theirs = layers(modal, feat), layers(modal, changed)
    assert not ours[0, 1].equal(theirs[0, 1])
    assert ours[:, 7].equal(theirs[:, 7])  # of another dialogue


def test_nothing_comes_from_a_modality_that_is_missing(modal: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, modal.num_rels, GROUPS, cross_modal=True).double()
    changed = feat.clone()
    changed[1, 1] += 1  # missing
    ours, theirs = layers(modal, feat), layers(modal, changed)
    assert ours[PRESENT].equal(theirs[PRESENT])


def test_a_graph_across_modalities_is_one_of_so_many_nodes(modal: Graph, feat: Tensor):
    layers = RelationalGraph(WIDTH, modal.num_rels, GROUPS, cross_modal=True).double()
    flat = RelationalGraph(WIDTH, modal.num_rels, 1).double()
    flat.load_state_dict(layers.state_dict())
    rows = torch.stack([feat[n % GROUPS, n // GROUPS] for n in range(NODES * GROUPS)])
    out = flat(modal, rows[None])[0]
    for n in range(NODES * GROUPS):
        assert layers(modal, feat)[n % GROUPS, n // GROUPS].equal(out[n])


@pytest.fixture
def dialogues() -> list[dgl.DGLGraph]:
    """The dialogues of `graph` as DGL's graphs."""
    speakers, lengths = torch.tensor([0, 1, 1, 0, 2, 0, 2, 1]), [5, 1, 2]
    options = {"past": 2, "future": 1}
    return [
        to_dgl(Graph.from_dialogues(torch.tensor([len(part)]), part, **options), NAMES)
        for part in speakers.split(lengths)
    ]


def test_all_layers_take_a_batch_of_dgl_graphs(graph: Graph, feat: Tensor, dialogues):
    layers = RelationalGraph(WIDTH, len(NAMES), GROUPS, residual="norm", num_blocks=2).double()
    g = dgl.batch(dialogues)
    assert layers(g, feat, NAMES).equal(layers(graph, feat))
    # DGL counts edges type after type.
    ours = Graph.from_dgl(g, relation_names=NAMES)
    by_eid = torch.empty_like(ours.in_norm).index_copy(0, ours.eids, ours.in_norm)
    mean = layers.blocks[0].mean
    attention = by_eid.expand(GROUPS, -1)
    expected = mean(graph, feat, graph.in_norm.expand(GROUPS, -1))
    assert mean(g, feat, attention, NAMES).equal(expected)


def test_layers_across_modalities_take_a_batch_of_dgl_graphs(graph: Graph, modal, feat: Tensor):
    etypes = modal_relations(NAMES, ["text", "audio"], "window")
    layers = RelationalGraph(WIDTH, modal.num_rels, GROUPS, cross_modal=True).double()
    speakers, lengths = torch.tensor([0, 1, 1, 0, 2, 0, 2, 1]), [5, 1, 2]
    graphs = []
    for who, present in zip(speakers.split(lengths), PRESENT.split(lengths, dim=1), strict=True):
        one = Graph.from_dialogues(torch.tensor([len(who)]), who, past=2, future=1)
        graphs.append(modal_to_dgl(modal_graph(one, present, "window"), etypes, present))
    found = layers(dgl.batch(graphs), feat, etypes)
    assert found.equal(layers(modal, feat))


def test_layers_refuse_what_is_no_graph(feat: Tensor):
    layers = RelationalGraph(WIDTH, len(NAMES), GROUPS).double()
    with pytest.raises(ValueError, match="graph must be a DGLGraph or a Graph, got list"):
        layers([], feat)


class CountCalls(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))


def test_the_attention_layer_is_one_native_call_each_way_and_little_else():
    graph = Graph.from_dialogues(torch.tensor([5, 3]), torch.tensor([0, 1] * 4))
    conv = modality_conv(4, 6, groups=3)
    feat = torch.randn(3, 8, 4, requires_grad=True)
    with CountCalls() as calls:
        conv(graph, feat).sum().backward()
    native = [name for name in calls.names if name.startswith("ariigcn")]
    assert native == [
        "ariigcn.relational_attention.default",
        "ariigcn.relational_attention_backward.default",
    ]
    assert len(calls.names) <= 20
