"""Layers whose in-widths are -1: the first call or the first state tells them."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from ariigcn_dgl import dgl
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv, pyg

IN, OUT, RELS, NODES = 8, 4, 3, 6
SRC, DST = torch.randint(NODES, (2, 20), generator=torch.Generator().manual_seed(0))
GRAPH = Graph.from_edges(SRC, DST, torch.arange(20) % RELS, num_src=NODES, num_dst=NODES)
X = torch.randn(NODES, IN, generator=torch.Generator().manual_seed(1))
KINDS = {
    "plain": {},
    "residual": {"residual": True, "self_loop": True},
    "residual of the same width": {"residual": True, "num_heads": 2},
    "bilinear": {"score": "bilinear"},
    "means": {"score": None},
    "bases": {"regularizer": "basis", "num_bases": 2},
    "blocks": {"regularizer": "bdd", "num_bases": 2, "score": None},
    "matrix of the self edges": {"regularizer": "basis", "self_relation": True},
}


def make(in_feats=-1, **options) -> RelEdgeAttentionConv:
    torch.manual_seed(0)
    return RelEdgeAttentionConv(in_feats, OUT, RELS, allow_zero_in_degree=True, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_call_draws_what_known_widths_draw(kind: str):
    known, lazy = make(IN, **KINDS[kind]), make(**KINDS[kind])  # the seed is set anew
    assert any(is_lazy(x) for x in lazy.parameters())
    assert lazy(GRAPH, X).equal(known(GRAPH, X))
    assert repr(lazy) == repr(known)


@pytest.mark.parametrize("kind", KINDS)
def test_states_are_loaded_before_and_after_the_first_call(kind: str):
    known, lazy = make(IN, **KINDS[kind]), make(**KINDS[kind])
    lazy.load_state_dict(make(**KINDS[kind]).state_dict())  # of a layer that has none either
    torch.nn.init.normal_(known.bias)
    for _ in range(2):
        lazy.load_state_dict(known.state_dict())
        assert lazy(GRAPH, X).equal(known(GRAPH, X))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_learn_their_own_widths(copied):
    conv = make(residual=True)
    twin = copied(conv)
    conv(GRAPH, X)
    twin(GRAPH, X[:, :5])
    assert (conv.src_feats, twin.src_feats) == (IN, 5)


def test_an_optimiser_made_before_trains_all_weights():
    conv = make(residual=True)
    optimiser = torch.optim.SGD(conv.parameters(), 0.1)
    before = copy.deepcopy(dict(make(IN, residual=True).named_parameters()))
    conv(GRAPH, X).square().sum().backward()
    optimiser.step()
    assert all(not p.equal(before[name]) for name, p in conv.named_parameters())


def test_dtype_is_kept():
    assert make(residual=True).double()(GRAPH, X.double()).dtype == torch.float64


def test_a_layer_called_first_in_inference_mode_can_be_trained():
    conv = make(residual=True)
    with torch.inference_mode():
        conv(GRAPH, X)
    conv(GRAPH, X).sum().backward()


@pytest.mark.parametrize("in_feats", [-1, (-1, -1), (IN, -1), (-1, 5)], ids=str)
def test_sides_have_widths_of_their_own(in_feats):
    conv = RelEdgeAttentionConv(in_feats, OUT, residual=True)
    graph = Graph.from_edges(torch.tensor([0, 1]), torch.tensor([0, 0]), num_src=2, num_dst=1)
    conv(graph, (X[:2], X[:1, :5]))
    assert (conv.src_feats, conv.dst_feats) == (IN, 5)


def test_groups_and_node_types_tell_widths():
    assert make(num_groups=2)(GRAPH, torch.stack([X, X])).shape == (2, NODES, OUT)
    g = dgl.heterograph({("a", "to", "b"): ([0, 1], [0, 0]), ("b", "of", "a"): ([0], [1])})
    conv = RelEdgeAttentionConv(-1, OUT, 2, allow_zero_in_degree=True)
    assert conv(g, {"a": X[:2], "b": X[:1]})["b"].shape == (1, OUT)


def test_pygs_face_takes_lazy_widths():
    conv = pyg.RelEdgeAttentionConv((-1, -1), OUT, RELS, score=None)
    assert conv((X, None), GRAPH).shape == (NODES, OUT)
    with pytest.raises(ValueError, match=r"x must have shape \(N, 8\), got \(6, 5\)"):
        conv((X[:, :5], None), GRAPH)


def raised(call) -> str:
    with pytest.raises((ValueError, RuntimeError)) as caught:
        call()
    return str(caught.value)


def test_what_needs_the_widths_before_is_refused():
    assert "in_feats must be given where nodes have ids" in raised(lambda: make()(GRAPH, None))
    assert "in_channels must be given" in raised(
        lambda: pyg.RelEdgeAttentionConv(-1, OUT)(None, torch.stack([SRC, DST]))
    )
    assert "uninitialized parameter" in raised(lambda: make().weight_src.shape)
    blocks = make(regularizer="bdd", num_bases=2)
    assert "num_bases must divide in_feats (5)" in raised(lambda: blocks(GRAPH, X[:, :5]))
    assert blocks(GRAPH, X).shape == (NODES, OUT)  # none the worse
    odd = make(IN).load_state_dict
    assert "uninitialized parameter" in raised(lambda: odd(make().state_dict()))


def test_a_state_of_another_layer_is_refused():
    other: dict[str, Tensor] = RelEdgeAttentionConv(IN, OUT + 1, RELS).state_dict()
    assert "size mismatch for weight_src" in raised(lambda: make().load_state_dict(other))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_compiling_wants_a_call_before():
    conv = make()
    compiled = torch.compile(conv, fullgraph=True, backend="aot_eager")
    with pytest.raises(Exception, match="in_feats must be known when the layer is compiled"):
        compiled(GRAPH, X)
    expected = conv(GRAPH, X)
    torch.testing.assert_close(compiled(GRAPH, X), expected)
