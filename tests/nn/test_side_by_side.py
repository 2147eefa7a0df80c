"""Stacks of layers run together: what each would make of its rows, and right derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._side_by_side import GroupedLinear, grouped_linear, run_side_by_side


def stacks(*widths: int) -> list[nn.Sequential]:
    torch.manual_seed(0)
    return [
        nn.Sequential(nn.Linear(width, 4), nn.ReLU(), nn.Linear(4, 3), nn.Linear(3, width))
        for width in widths
    ]


def tensors() -> list[Tensor]:
    """Return rows, weight and bias of two groups."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 5, 3), (2, 4, 3), (2, 4)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize("widths", [(2, 2), (5, 2, 7)], ids=str)
def test_each_stack_reads_its_own_rows(widths: tuple[int, ...]):
    layers, rows = stacks(*widths), [torch.randn(6, width) for width in widths]
    found = run_side_by_side(layers, rows)
    for one, stack, own in zip(found, layers, rows, strict=True):
        torch.testing.assert_close(one, stack(own))


def test_stacks_of_one_width_make_one_tensor():
    assert run_side_by_side(stacks(2, 2), torch.ones(2, 6, 2)).shape == (2, 6, 2)
    assert isinstance(run_side_by_side(stacks(2, 3), [torch.ones(6, 2), torch.ones(6, 3)]), list)


def test_rows_of_all_groups_are_each_layers():
    linears = [nn.Linear(3, 4), nn.Linear(3, 4)]
    rows = torch.randn(5, 3)
    found = grouped_linear(linears, rows)
    torch.testing.assert_close(found, torch.stack([linear(rows) for linear in linears]))


def test_gradients_are_laid_out_as_the_weights():
    linears = [nn.Linear(3, 4), nn.Linear(3, 4)]
    grouped_linear(linears, torch.randn(2, 5, 3)).sum().backward()
    assert all(linear.weight.grad.is_contiguous() for linear in linears)


# torch's own rules for forward mode
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_the_product_has_its_analytic_derivatives():
    inputs = [x.requires_grad_() for x in tensors()]
    assert torch.autograd.gradcheck(GroupedLinear.apply, inputs, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(GroupedLinear.apply, inputs)


def test_the_product_can_be_mapped():
    rows, weight, bias = tensors()
    many = torch.stack([rows, 2 * rows])
    found = torch.vmap(GroupedLinear.apply, (0, None, None))(many, weight, bias)
    torch.testing.assert_close(found[1], GroupedLinear.apply(2 * rows, weight, bias))


def test_the_product_follows_autocast():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = grouped_linear([nn.Linear(3, 4), nn.Linear(3, 4)], torch.ones(2, 5, 3))
    assert found.dtype == torch.bfloat16
