"""The layer with PyG's signature: the same numbers, in PyG's shapes."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv, pyg
from ariigcn_dgl.optional import import_quietly, is_installed

IN, OUT, HEADS, RELS, NODES = 3, 4, 2, 3, 5
EDGE_INDEX = torch.tensor([[0, 1, 2, 2, 4, 3], [1, 2, 0, 2, 3, 4]])
EDGE_TYPE = torch.tensor([0, 1, 2, 1, 0, 2])
GRAPH = Graph.from_edges(*EDGE_INDEX, EDGE_TYPE, num_src=NODES, num_dst=NODES)


@pytest.fixture
def x() -> Tensor:
    return torch.randn(NODES, IN, generator=torch.Generator().manual_seed(0))


def make(**options) -> pyg.RelEdgeAttentionConv:
    torch.manual_seed(0)
    return pyg.RelEdgeAttentionConv(IN, OUT, RELS, heads=HEADS, **options)


@pytest.mark.parametrize("kind", [{}, {"num_bases": 2}, {"residual": True, "bias": False}])
def test_heads_stand_side_by_side_or_are_averaged(x, kind):
    heads = make(**kind).conv(GRAPH, x)
    side_by_side, mean = (make(concat=c, **kind)(x, EDGE_INDEX, EDGE_TYPE) for c in (True, False))
    assert side_by_side.equal(heads.flatten(1))
    assert mean.equal(heads.mean(1))


def test_weights_are_those_of_the_dgl_layer():
    assert isinstance(make().conv, RelEdgeAttentionConv)
    assert set(make().state_dict()) == {f"conv.{name}" for name in make().conv.state_dict()}


def test_blocks_make_the_matrices_block_diagonal():
    conv = pyg.RelEdgeAttentionConv(4, 4, RELS, num_blocks=2)
    assert conv.conv.blocks.shape == (1, RELS, 2, 2, 2)


def test_attention_comes_with_the_edges_in_their_order(x):
    weight = torch.rand(6)
    out, (edge_index, alpha) = make()(
        x, EDGE_INDEX, EDGE_TYPE, edge_weight=weight, return_attention_weights=True
    )
    assert edge_index is EDGE_INDEX
    sums = torch.zeros(NODES, HEADS).index_add(0, EDGE_INDEX[1], alpha)
    torch.testing.assert_close(sums, torch.ones_like(sums))
    expected = make().conv(GRAPH, x, edge_weight=weight)
    assert out.equal(expected.flatten(1))


def test_a_graph_may_stand_for_the_edge_index(x):
    assert make()(x, GRAPH).equal(make()(x, EDGE_INDEX, EDGE_TYPE))


def test_an_edge_index_written_to_is_seen_as_it_is(x):
    conv, edge_index = make(), EDGE_INDEX.clone()
    before = conv(x, edge_index, EDGE_TYPE)
    edge_index[0, 0] = 3
    assert not conv(x, edge_index, EDGE_TYPE).equal(before)
    assert conv(x, edge_index, EDGE_TYPE).equal(conv(x, edge_index.clone(), EDGE_TYPE))


def test_a_pair_of_widths_joins_two_kinds_of_nodes():
    conv = pyg.RelEdgeAttentionConv((3, 7), OUT, heads=HEADS)
    out = conv((torch.ones(4, 3), torch.ones(2, 7)), torch.tensor([[0, 3], [1, 0]]))
    assert out.shape == (2, HEADS * OUT)


def test_nodes_without_in_edges_get_the_bias(x):
    conv = make()
    torch.nn.init.normal_(conv.conv.bias)
    out = conv(x, EDGE_INDEX[:, :1], EDGE_TYPE[:1])
    torch.testing.assert_close(out[0], conv.conv.bias.flatten())


@pytest.mark.slow
@pytest.mark.skipif(not is_installed("torch_geometric"), reason="needs PyG")
def test_it_nests_in_hetero_conv():
    nn = import_quietly("torch_geometric.nn")
    edges = {
        ("a", "to", "b"): torch.tensor([[0, 1], [1, 0]]),
        ("b", "self", "b"): torch.tensor([[0], [1]]),
        ("b", "back", "a"): torch.tensor([[0], [1]]),
    }
    convs = {
        ("a", "to", "b"): pyg.RelEdgeAttentionConv((3, 7), OUT),
        ("b", "self", "b"): pyg.RelEdgeAttentionConv(7, OUT),
        ("b", "back", "a"): pyg.RelEdgeAttentionConv((7, 3), OUT),
    }
    rows = {"a": torch.randn(2, 3), "b": torch.randn(2, 7)}
    out = nn.HeteroConv(convs)(rows, edges)
    parts = {
        (s, e, d): convs[s, e, d](rows[s] if s == d else (rows[s], rows[d]), edges[s, e, d])
        for s, e, d in edges
    }
    expected = parts["a", "to", "b"] + parts["b", "self", "b"]
    torch.testing.assert_close(out["b"], expected)
    torch.testing.assert_close(out["a"], parts["b", "back", "a"])


def test_copies_and_pickles_compute_the_same(x):
    conv = make()
    for twin in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):
        assert twin(x, EDGE_INDEX, EDGE_TYPE).equal(conv(x, EDGE_INDEX, EDGE_TYPE))


def test_parameters_can_be_drawn_anew():
    conv = make()
    before = conv.conv.weight_src.detach().clone()
    conv.reset_parameters()
    assert not conv.conv.weight_src.equal(before)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int16, torch.uint8])
def test_types_may_be_integers_of_any_width(x, dtype):
    assert make()(x, EDGE_INDEX, EDGE_TYPE.to(dtype)).equal(make()(x, EDGE_INDEX, EDGE_TYPE))


def test_a_pair_may_be_a_list(x):
    conv = pyg.RelEdgeAttentionConv((3, 3), OUT, RELS)
    pair = x, x + 1
    expected = conv(pair, EDGE_INDEX, EDGE_TYPE)
    assert conv(list(pair), EDGE_INDEX, EDGE_TYPE).equal(expected)


@pytest.mark.parametrize("several", [list, tuple])
def test_more_or_fewer_than_a_pair_are_refused(x, several: type):
    with pytest.raises(ValueError, match=r"x must be a tensor, or a pair .* got 3"):
        make()(several([x, x, x]), EDGE_INDEX, EDGE_TYPE)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (lambda x: (x, None), r"of the targets, .* got \(x_src, None\): pass \(N_dst, 3\)"),
        (lambda x: (None, x), r"x must hold features of the sources, got \(None, x_dst\)"),
    ],
)
def test_features_of_one_side_alone_are_refused(x, pair, words):
    with pytest.raises(ValueError, match=words):
        make()(pair(x), EDGE_INDEX, EDGE_TYPE)


def test_graph_seen_in_inference_mode_can_be_trained_on(x):
    conv, edges = make(), EDGE_INDEX.clone()
    with torch.inference_mode():
        before = conv(x, edges, EDGE_TYPE)
    after = conv(x, edges, EDGE_TYPE)
    after.sum().backward()
    assert after.equal(before)
    assert conv.conv.weight_src.grad is not None


IDS = {"none": None, "ids": torch.arange(NODES).flip(0)}
MEANS = {"score": None, "softmax": "relation"}


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
def test_nodes_without_features_are_given_by_number(ids):
    conv = pyg.RelEdgeAttentionConv(NODES, OUT, RELS, self_loop=True, **MEANS)
    one_hot = torch.eye(NODES) if ids is None else torch.eye(NODES)[ids]
    out = conv(ids, EDGE_INDEX, EDGE_TYPE)
    torch.testing.assert_close(out, conv(one_hot, EDGE_INDEX, EDGE_TYPE))
    assert out.equal(conv(ids, GRAPH))


def test_ids_of_sources_and_of_targets_may_differ():
    conv = pyg.RelEdgeAttentionConv(NODES, OUT, self_loop=True, **MEANS)
    pair = torch.tensor([4, 2, 2]), torch.tensor([0, 3])
    edges = torch.tensor([[0, 1, 2], [1, 0, 1]])
    expected = conv(tuple(torch.eye(NODES)[ids] for ids in pair), edges)
    torch.testing.assert_close(conv(pair, edges), expected)


@pytest.mark.parametrize("ids", [False, True], ids=["features", "ids"])
def test_targets_need_no_features_where_nothing_reads_them(x, ids: bool):
    conv = pyg.RelEdgeAttentionConv(NODES if ids else IN, OUT, RELS, **MEANS)
    rows = torch.arange(NODES) if ids else x
    expected = conv((rows, rows), EDGE_INDEX, EDGE_TYPE)
    assert conv((rows, None), EDGE_INDEX, EDGE_TYPE).equal(expected)
    assert conv((rows, None), GRAPH).equal(expected)
    assert conv((rows, None), EDGE_INDEX[:, :4], EDGE_TYPE[:4], size=(5, 3)).shape == (3, OUT)


@pytest.mark.parametrize("own", ["self_loop", "residual"])
def test_targets_need_features_where_they_add_their_own(x, own: str):
    conv = pyg.RelEdgeAttentionConv(IN, OUT, RELS, **MEANS, **{own: True})
    with pytest.raises(ValueError, match=r"of the targets, which the own term reads, got"):
        conv((x, None), EDGE_INDEX, EDGE_TYPE)


LAYOUTS = {
    "coo": lambda x: x,
    "csr": lambda x: x.coalesce().to_sparse_csr(),
    "csc": lambda x: x.coalesce().to_sparse_csc(),
}


@pytest.mark.filterwarnings("ignore:Sparse")  # torch calls compressed layouts a beta
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_sparse_adjacency_holds_the_relations(x, layout: str):
    adj_t = LAYOUTS[layout](
        torch.sparse_coo_tensor(EDGE_INDEX.flip(0), EDGE_TYPE + 1, (5, 5), check_invariants=True)
    )
    adj_t.values().sub_(1) if layout != "coo" else adj_t._values().sub_(1)
    conv = make()
    expected = conv(x, EDGE_INDEX, EDGE_TYPE)
    torch.testing.assert_close(conv(x, adj_t), expected)
    assert conv(x, adj_t).equal(conv((x, x), adj_t))
    one = pyg.RelEdgeAttentionConv(IN, OUT)  # of one relation: the entries say nothing
    torch.testing.assert_close(one(x, adj_t.float()), one(x, EDGE_INDEX))


def test_edges_of_an_adjacency_keep_its_order(x):
    adj_t = torch.sparse_coo_tensor(EDGE_INDEX.flip(0), EDGE_TYPE, (5, 5), check_invariants=True)
    found = make()(x, adj_t, edge_weight=torch.arange(6.0), return_attention_weights=True)
    out, (_, alpha) = make()(
        x, EDGE_INDEX, EDGE_TYPE, edge_weight=torch.arange(6.0), return_attention_weights=True
    )
    assert found[0].equal(out)
    assert found[1][1].equal(alpha)
    assert found[1][0] is adj_t


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": (5, 4)}, r"size must be the numbers of sources and targets in x, \(5, 5\), got"),
        (
            {"edge_index": torch.sparse_coo_tensor([[0], [1]], [0], (4, 5), check_invariants=True)},
            r"the shape of edge_index, transposed, must be .* \(5, 5\), got \(5, 4\)",
        ),
        (
            {
                "edge_index": torch.sparse_coo_tensor(
                    [[0], [1]], [0.5], (5, 5), check_invariants=True
                ),
                "edge_type": None,
            },
            "edge_type must be an integer tensor",
        ),
        (
            {"edge_index": torch.sparse_coo_tensor([[0]], [1], (5,), check_invariants=True)},
            r"edge_index must be a sparse \(targets, sources\) matrix, got shape \(5,\)",
        ),
    ],
)
def test_sizes_that_contradict_are_refused(x, arguments: dict, words: str):
    given = {"edge_index": EDGE_INDEX, "edge_type": EDGE_TYPE} | arguments
    with pytest.raises(ValueError, match=words):
        make()(x, **given)


def test_no_ids_are_refused_where_sources_are_not_the_targets():
    conv = pyg.RelEdgeAttentionConv(NODES, OUT, RELS, **MEANS)
    with pytest.raises(ValueError, match=r"x must be a pair of ids, .* \(5 and 4\), got None"):
        conv(None, EDGE_INDEX, EDGE_TYPE, size=(5, 4))


REFUSED = {
    "no types": ((EDGE_INDEX,), "edge_type must give the relation of each edge"),
    "a list": (
        ([[0], [1]], EDGE_TYPE),
        r"edge_index must be a \(2, E\) tensor or a Graph, got list",
    ),
    "transposed": ((EDGE_INDEX.T, EDGE_TYPE), r"edge_index must be a \(2, E\) int64 tensor"),
    "types of floats": ((EDGE_INDEX, EDGE_TYPE.float()), "edge_type must be an integer tensor"),
    "too few types": ((EDGE_INDEX, EDGE_TYPE[1:]), r"edge_type must have shape \(6,\), got \(5,\)"),
    "types out of range": (
        (EDGE_INDEX, EDGE_TYPE + 1),
        r"edge_type must lie in \[0, 3\), got 3 at edge 2",
    ),
    "nodes out of range": (
        (EDGE_INDEX + 1, EDGE_TYPE),
        r"edge_index\[0\] must lie in \[0, 5\), got 5 at edge 4",
    ),
    "a graph elsewhere": ((GRAPH.to("meta"),), r"graph must be on the device of feat \(cpu\)"),
}


@pytest.mark.parametrize("bad", [torch.ones(NODES, 2), torch.ones(NODES)])
def test_features_of_another_width_are_refused(bad: Tensor):
    with pytest.raises(ValueError, match=r"x must have shape \(N, 3\), got \(5"):
        make()(bad, EDGE_INDEX, EDGE_TYPE)


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused(x, case: str):
    arguments, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        make()(x, *arguments)


def test_bases_and_blocks_at_once_are_refused():
    with pytest.raises(ValueError, match="num_bases and num_blocks must not both be given"):
        make(num_bases=2, num_blocks=2)
