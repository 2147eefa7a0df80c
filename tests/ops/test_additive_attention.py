"""Additive attention is what relational attention attends with."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import additive_attention, relational_attention

GENERATOR = torch.Generator().manual_seed(0)
SRC, DST = torch.randint(20, (2, 90), generator=GENERATOR)
GRAPH = Graph.from_edges(SRC, DST, torch.arange(90) % 3, num_src=20, num_dst=20, num_rels=3)
SHAPES = {
    "feat": (1, 20, 6), "weight_dst": (2, 6, 5), "weight_src": (2, 6, 5), "score": (2, 5),
    "dst_feat": (1, 20, 6), "bias": (2, 3, 5),
}  # fmt: skip


def arguments() -> dict[str, Tensor]:
    drawn = {k: torch.randn(s, dtype=torch.float64, generator=GENERATOR) for k, s in SHAPES.items()}
    return {name: x.requires_grad_() for name, x in drawn.items()}


def gradients(alpha: Tensor, inputs: dict[str, Tensor]) -> list[Tensor]:
    weight = torch.linspace(-1, 1, alpha.numel(), dtype=alpha.dtype).view(alpha.shape)
    return list(torch.autograd.grad(alpha, list(inputs.values()), weight))


@pytest.mark.parametrize("activation", ["leaky_relu", "elu"])
@pytest.mark.parametrize("softmax", ["all", "relation"])
def test_equals_that_of_relational_attention_forward_and_backward(softmax: str, activation: str):
    inputs = arguments()
    options = {"softmax": softmax, "activation": activation, "negative_slope": 0.2}
    rel_weight = torch.ones(2, 3, 6, 1, dtype=torch.float64)
    _, expected = relational_attention(GRAPH, **inputs, rel_weight=rel_weight, **options)
    alpha = additive_attention(GRAPH, **inputs, **options)
    torch.testing.assert_close(alpha, expected)
    torch.testing.assert_close(gradients(alpha, inputs), gradients(expected, inputs))


def test_is_the_same_in_plain_torch():
    inputs = arguments()
    ours, reference = (additive_attention(GRAPH, **inputs, impl=i) for i in ("native", "reference"))
    torch.testing.assert_close(ours, reference)
    torch.testing.assert_close(gradients(ours, inputs), gradients(reference, inputs))


def test_a_softmax_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="softmax must be one of all, relation, got 'both'"):
        additive_attention(GRAPH, **arguments(), softmax="both")
