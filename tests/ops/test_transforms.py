"""Forward mode and torch.func: the derivatives of the references, not zeros, for every operator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad

from ariigcn_dgl import ops
from ariigcn_dgl.graph import Graph

RULE = ops.PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)


def random(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


# Five nodes, one of them alone, two relations; all that is drawn is drawn here, as vmap forbids it.
SRC, DST = torch.tensor([0, 1, 2, 3, 0, 2, 1]), torch.tensor([1, 2, 0, 0, 0, 1, 3])
GRAPH = Graph.from_edges(SRC, DST, torch.arange(7) % 2, num_src=5, num_dst=5, num_rels=2)
X, OTHER, SCORE, EDGE_WEIGHT = random(2, 5, 4), random(2, 5, 4) * 0.5, random(2, 4), random(2, 7)
REL_WEIGHT, PROJECTIONS = random(2, 2, 4, 3), (random(2, 4, 3), -random(2, 4, 3), random(2, 3))


def relational_attention(feat: Tensor) -> Tensor:
    results = ops.relational_attention(GRAPH, feat, *PROJECTIONS, REL_WEIGHT)
    return torch.cat([x.flatten(1) for x in results], dim=1)


def pairwise_contrast(z: Tensor) -> Tensor:
    label, other = torch.tensor([[0, 1, 0, -1, 1]] * 2), torch.arange(5).expand(2, 5)
    return torch.stack(ops.pairwise_contrast(z, label, other % 2, other, RULE))


def contrast_loss(feat: Tensor) -> Tensor:
    label = torch.tensor([[0, 1, 0, -1, 1]] * 2)
    return ops.contrast_loss(feat, label, RULE, form="supcon").reshape(1)


OPERATORS: dict[str, Callable[[Tensor], Tensor]] = {
    "segment_spmm": lambda x: ops.segment_spmm(GRAPH, EDGE_WEIGHT, x),
    "relational_sum": lambda x: ops.relational_sum(GRAPH, EDGE_WEIGHT, x, REL_WEIGHT),
    "relational_lookup": lambda x: ops.relational_lookup(
        GRAPH, EDGE_WEIGHT, x.unsqueeze(1).expand(-1, 2, -1, -1)
    ),
    "additive_attention": lambda x: ops.additive_attention(GRAPH, x, *PROJECTIONS),
    "dot_attention": lambda x: ops.dot_attention(GRAPH, x, OTHER),
    "relational_attention": relational_attention,
    "pairwise_contrast": pairwise_contrast,
    "contrast_loss": contrast_loss,
    "dropout": lambda x: ops.dropout(x, 0.0),
}
# torch's own formulas of forward mode are scripts still.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
each_operator = pytest.mark.parametrize("name", OPERATORS)


def slope(function: Callable[[Tensor], Tensor], x: Tensor, tangent: Tensor) -> Tensor:
    """Return the derivative along the tangent, by central differences."""
    step = 1e-6
    return (function(x + step * tangent) - function(x - step * tangent)) / (2 * step)


@pytest.mark.slow
@each_operator
def test_jvp_is_the_slope_along_the_tangent(name: str) -> None:
    function, x = OPERATORS[name], X
    tangent = random(*x.shape, 1).squeeze(-1)
    value, found = torch.func.jvp(function, (x,), (tangent,))
    torch.testing.assert_close(value, function(x))
    torch.testing.assert_close(found, slope(function, x, tangent), rtol=1e-6, atol=1e-7)
    assert found.abs().max() > 0.01


@each_operator
def test_dual_tensors_carry_the_same_tangent_as_jvp(name: str) -> None:
    function, x = OPERATORS[name], X
    tangent = torch.ones_like(x)
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(function(forward_ad.make_dual(x, tangent))).tangent
    torch.testing.assert_close(found, torch.func.jvp(function, (x,), (tangent,))[1])


@each_operator
def test_dual_level_without_tangents_changes_nothing(name: str) -> None:
    function, x = OPERATORS[name], X
    with forward_ad.dual_level():
        assert torch.equal(function(x), function(x))


@each_operator
def test_grad_of_torch_func_is_that_of_backward(name: str) -> None:
    function, x = OPERATORS[name], X
    leaf = x.clone().requires_grad_()
    function(leaf).square().sum().backward()
    found = torch.func.grad(lambda y: function(y).square().sum())(x)
    torch.testing.assert_close(found, leaf.grad)


@each_operator
def test_jacobians_forward_and_backward_agree(name: str) -> None:
    function, x = OPERATORS[name], X
    torch.testing.assert_close(torch.func.jacrev(function)(x), torch.func.jacfwd(function)(x))


@each_operator
def test_gradients_of_samples_are_those_of_each_alone(name: str) -> None:
    function, x = OPERATORS[name], X
    gradient = torch.func.grad(lambda y: function(y).square().sum())
    batch = torch.stack([x, 2 * x, -x])
    found = torch.func.vmap(gradient)(batch)
    torch.testing.assert_close(found, torch.stack([gradient(row) for row in batch]))
