"""Fused relational attention: what it computes, on any graph, of any width, in any precision."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import relational_attention, relational_attention_reference
from ariigcn_dgl.ops.edge_softmax import SOFTMAXES
from ariigcn_dgl.ops.relational_attention import ACTIVATIONS
from tests.attention_inputs import OPTIONAL, arguments, dialogues, edges, weights_like

WIDTHS = (1, 3, 15, 16, 17, 33, 63, 64, 65, 100, 257)  # around vectors, tiles, panels, depths


def star(rays: int, inwards: bool) -> Graph:
    """Return a graph in which all nodes are linked with node 0, itself included."""
    all_nodes, hub = torch.arange(rays), torch.zeros(rays, dtype=torch.int64)
    ends = (all_nodes, hub) if inwards else (hub, all_nodes)
    return Graph.from_edges(*ends, all_nodes % 3, num_src=rays, num_dst=rays)


GRAPHS = {
    "no nodes": edges(0, 0, 0),
    "no targets": edges(0, 3, 0),
    "no sources": edges(3, 0, 0),
    "no edges": edges(3, 3, 0),
    "one node": dialogues([1], 1),
    "isolated nodes": edges(9, 9, 5),
    "double edges": edges(2, 3, 20, 2),
    "star": star(200, inwards=True),
    "outward star": star(200, inwards=False),
    "dialogues": dialogues([3, 1, 30], 10),
    "many dialogues": dialogues([50] * 50, 2),
    "a dialogue of more than one block": dialogues([5, 2100, 40, 7], 1),
    "a dialogue that starts within a block": dialogues([2000, 300, 1, 1900, 200], 1),
}
MANY = edges(40, 30, 300)


def results(function, graph: Graph, inputs: dict[str, Tensor], **options) -> dict[str, Tensor]:
    """Return output, attention and the gradients of a sum that weighs each entry differently."""
    inputs = {k: x.detach().clone().requires_grad_() for k, x in inputs.items()}
    out = function(graph, **inputs, **options)
    weights = [weights_like(x) for x in out]
    grads = torch.autograd.grad(out, list(inputs.values()), weights, materialize_grads=True)
    assert all(grad.dtype == x.dtype for grad, x in zip(grads, inputs.values(), strict=True))
    return dict(zip(("out", "alpha", *inputs), (*out, *grads), strict=True))


def assert_close(ours: dict[str, Tensor], exact: dict[str, Tensor], tolerance: float) -> None:
    """Fail unless every tensor's error is small in norm; those that vanish count as 1 / 100."""
    errors = {
        k: ((x - exact[k]).norm() / exact[k].norm().clamp(min=1e-2)).item() for k, x in ours.items()
    }
    assert ours.keys() == exact.keys()
    assert {k: e for k, e in errors.items() if not e < tolerance} == {}


def check(graph: Graph, inputs: dict[str, Tensor], tolerance: float = 1e-12, **options) -> None:
    ours = results(relational_attention, graph, inputs, **options)
    assert {x.dtype for x in ours.values()} == {inputs["feat"].dtype}
    doubles = {k: x.double() for k, x in inputs.items()}
    exact = results(relational_attention_reference, graph, doubles, **options)
    assert_close({k: x.double() for k, x in ours.items()}, exact, tolerance)


def two_sources(etypes: list[int], **options) -> tuple[Tensor, Tensor]:
    """Attend from one target to two sources with scores 0 and ln 3, values 1 and 2."""
    graph = Graph.from_csr(
        torch.tensor([0, 2]), torch.tensor([0, 1]), torch.tensor(etypes), num_rels=2, num_src=2
    )
    column, feat = torch.tensor([[[1.0], [0.0]]]), torch.tensor([[[0.0, 1.0], [math.log(3), 2.0]]])
    rel_weight = torch.tensor([[[[0.0], [10.0]], [[0.0], [100.0]]]])
    options = {"dst_feat": torch.zeros(1, 1, 2)} | options
    return relational_attention(
        graph, feat, column, column, torch.ones(1, 1), rel_weight, **options
    )


def test_attention_is_the_softmax_over_a_targets_in_edges():
    torch.testing.assert_close(two_sources([0, 1])[1], torch.tensor([[0.25, 0.75]]))


@pytest.mark.parametrize(("etypes", "expected"), [([0, 1], [1.0, 1.0]), ([0, 0], [0.25, 0.75])])
def test_within_relations_it_is_that_over_the_edges_of_each(etypes, expected):
    _, alpha = two_sources(etypes, softmax="relation")
    torch.testing.assert_close(alpha, torch.tensor([expected]))


LITERAL = {
    "each neighbour is transformed by its relation": ([0, 1], {}, 152.5),
    "neighbours of one relation are averaged": ([0, 0], {}, 8.75),
    "they are summed without normalise": ([0, 0], {"normalise": False}, 17.5),
    "edges are weighted": ([0, 1], {"edge_weight": torch.tensor([2.0, 0.1])}, 20),
    "the target adds to the score": ([0, 1], {"dst_feat": torch.full((1, 1, 2), -9.0)}, 105),
    "a relation adds its bias": ([0, 1], {"bias": torch.tensor([[[9.0], [9.0]]])}, 152.5),
    "bias": ([0, 1], {"bias": torch.tensor([[[math.log(9)], [0.0]]])}, 57.5),
    "GELU is the identity far above zero": ([0, 1], {"gelu": True}, 152.5),
}


@pytest.mark.parametrize("case", LITERAL)
def test_literal(case: str):
    etypes, options, expected = LITERAL[case]
    assert two_sources(etypes, **options)[0].item() == pytest.approx(expected, rel=1e-6)


AT_MINUS_ONE = {
    "leaky_relu": -0.2,
    "tanh": math.tanh(-1),
    "elu": math.exp(-1) - 1,
    "gelu": -0.15865525393145707,
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_score_is_that_of_the_activation(activation: str):
    graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    feat, one = torch.tensor([[[-1.0], [0.0]]]), torch.ones(1, 1, 1)
    options = {"dst_feat": torch.zeros(1, 1, 1), "activation": activation, "negative_slope": 0.2}
    _, alpha = relational_attention(graph, feat, one, one, one[0], one[None], **options)
    low, zero = alpha.flatten().tolist()
    assert math.log(low / zero) == pytest.approx(AT_MINUS_ONE[activation], rel=1e-5)


@pytest.mark.parametrize(("gelu", "expected"), [(False, [10.0, -10.0]), (True, [10.0, 0.0])])
def test_a_self_edge_alone_is_transformed_as_it_is(gelu: bool, expected: list[float]):
    inputs = arguments(GRAPHS["one node"], (1, 2, 2), optional=(), dtype=torch.float32)
    inputs["feat"], inputs["rel_weight"] = torch.ones(1, 1, 1), torch.zeros(1, 5, 1, 2)
    inputs["rel_weight"][0, -1, 0] = torch.tensor([10.0, -10.0])  # self edges' own relation
    out, alpha = relational_attention(GRAPHS["one node"], **inputs, gelu=gelu)
    assert (out.flatten().tolist(), alpha.tolist()) == (pytest.approx(expected), [[1.0]])


@pytest.mark.parametrize("gelu", [False, True])
def test_targets_without_in_edges_get_zeros(gelu: bool):
    graph = GRAPHS["isolated nodes"]
    out, _ = relational_attention(graph, **arguments(graph), gelu=gelu)
    empty = graph.indptr.diff() == 0
    assert 0 < empty.sum() < graph.num_dst
    assert out[:, empty].count_nonzero() == 0
    assert out[:, ~empty].count_nonzero() == out[:, ~empty].numel()


def test_heads_of_a_modality_share_its_rows():
    graph = GRAPHS["one node"]
    inputs = arguments(graph, (1, 1, 1), (2, 2), ())
    inputs["feat"] = torch.tensor([[[1.0]], [[2.0]]]).double()
    inputs["rel_weight"] = torch.tensor([1.0, 10, 100, 1000]).double()[:, None, None, None]
    inputs["rel_weight"] = inputs["rel_weight"].expand(4, 5, 1, 1)
    assert relational_attention(graph, **inputs)[0].flatten().tolist() == [1, 10, 200, 2000]


def test_large_scores_do_not_overflow():
    _, alpha = two_sources([0, 1], dst_feat=torch.full((1, 1, 2), 1e4))
    torch.testing.assert_close(alpha, torch.tensor([[0.25, 0.75]]), rtol=1e-2, atol=0)


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["in_feats", "attn_feats", "out_feats"])
@pytest.mark.parametrize("width", WIDTHS)
def test_equals_the_reference_around_tile_edges(width: int, axis: int):
    widths = [4, 4, 4]
    widths[axis] = width
    optional = OPTIONAL[: 1 + width % 3]
    check(MANY, arguments(MANY, tuple(widths), (2, 2), optional), negative_slope=0.2, gelu=True)


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("optional", [(), OPTIONAL], ids=["plain", "all"])
def test_equals_the_reference_on_any_graph(graph: Graph, optional: tuple[str, ...]):
    inputs = arguments(graph, (3, 2, 5), (1, 2), optional)
    check(graph, inputs, 1e-11, gelu=bool(optional))  # the star's rays cancel


# Heads' messages are transformed first or summed first, whichever is less work.
ORDERS = {
    "transformed first": (edges(60, 6, 300), (9, 3, 5)),
    "summed first": (edges(6, 60, 100), (3, 3, 20)),
    "summed first, some columns at a time": (edges(6, 60, 100), (9, 3, 20)),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("heads", [3, 8, 12, 17])  # in powers of two, up to a vector of them
def test_any_number_of_heads_equals_the_reference(heads: int, order: str):
    graph, widths = ORDERS[order]
    for options in ({"gelu": True}, {"activation": "tanh", "softmax": "relation"}):
        check(graph, arguments(graph, widths, (2, heads)), **options)
        check(graph, arguments(graph, widths, (1, heads), (), torch.float32), 3e-6, **options)


SLOPES = {"relu": ("leaky_relu", 0.0), "leaky_relu": ("leaky_relu", 0.2)}
KINDS = SLOPES | {name: (name, 0.0) for name in ACTIVATIONS[1:]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optional", [(), *((name,) for name in OPTIONAL), OPTIONAL], ids="+".join)
def test_equals_the_reference_with_any_activation_and_input(optional: tuple[str, ...], kind: str):
    graph, (activation, slope) = edges(30, 30, 200), KINDS[kind]
    inputs = arguments(graph, (7, 18, 5), (2, 1), optional)
    check(graph, inputs, activation=activation, negative_slope=slope)


@pytest.mark.parametrize("gelu", [False, True], ids=["linear", "gelu"])
@pytest.mark.parametrize("normalise", [False, True], ids=["sum", "mean"])
@pytest.mark.parametrize("num_rels", [1, 2, 9, 40])
def test_equals_the_reference_with_any_relations(num_rels: int, normalise: bool, gelu: bool):
    graph = edges(30, 25, 250, num_rels)
    inputs = arguments(graph, (6, 3, 20), (1, 3))
    check(graph, inputs, normalise=normalise, gelu=gelu, activation="tanh")


@pytest.mark.parametrize("kind", ["leaky_relu", "tanh"])
@pytest.mark.parametrize("optional", [(), OPTIONAL], ids=["plain", "all"])
@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_equals_the_reference_within_relations(graph: Graph, optional: tuple[str, ...], kind: str):
    activation, slope = KINDS[kind]
    inputs = arguments(graph, (3, 18, 5), (1, 2), optional)
    options = {"activation": activation, "negative_slope": slope}
    check(graph, inputs, 1e-11, softmax="relation", normalise=False, **options)


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(
    nodes=st.tuples(st.integers(0, 70), st.integers(0, 70)),
    square=st.booleans(),
    count=st.integers(0, 300),
    num_rels=st.integers(1, 6),
    widths=st.tuples(*[st.integers(1, 40)] * 3),
    groups=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    optional=st.sets(st.sampled_from(OPTIONAL)),
    activation=st.sampled_from(ACTIVATIONS),
    flags=st.tuples(st.booleans(), st.booleans()),
    softmax=st.sampled_from(SOFTMAXES),
)
def test_equals_the_reference_on_random_graphs(
    nodes, square, count, num_rels, widths, groups, optional, activation, flags, softmax
):
    num_dst, num_src = nodes if not square else nodes[:1] * 2
    graph = edges(num_dst, num_src, count * (min(num_dst, num_src) > 0), num_rels)
    inputs = arguments(graph, widths, groups, tuple(optional))
    options = {"normalise": flags[0], "gelu": flags[1], "negative_slope": 0.1}
    check(graph, inputs, 1e-11, activation=activation, softmax=softmax, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("widths", [(100, 100, 100), (33, 65, 17)], ids=str)
def test_single_precision_is_within_a_few_millionths(widths: tuple[int, int, int], kind: str):
    activation, slope = KINDS[kind]
    inputs = arguments(MANY, widths, (2, 1), dtype=torch.float32)
    check(MANY, inputs, 3e-6, activation=activation, negative_slope=slope, gelu=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_half_precision_only_rounds_the_results(activation: str, dtype: torch.dtype):
    inputs = arguments(MANY, (33, 17, 65), (2, 2), dtype=dtype)
    check(MANY, inputs, torch.finfo(dtype).eps / 2, activation=activation)


@pytest.mark.parametrize("which", [0, 1], ids=["output", "attention"])
def test_either_result_may_be_used_alone(which: int):
    inputs = {k: x.requires_grad_() for k, x in arguments(MANY).items()}
    ours, theirs = (
        torch.autograd.grad(
            function(MANY, **inputs, gelu=True)[which].square().sum(),
            list(inputs.values()),
            materialize_grads=True,
        )
        for function in (relational_attention, relational_attention_reference)
    )
    torch.testing.assert_close(ours, theirs)
