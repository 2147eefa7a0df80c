"""Stacks of layers run together: what each would make of its rows, and right derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import orthogonal

from ariigcn_dgl.nn import ModalityEncoder
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


def scaled(layer: nn.Module, factor: float) -> nn.Module:
    layer.register_forward_hook(lambda layer, args, out: factor * out)
    return layer


class Adapted(nn.Module):
    """As a LoRA adapter is put in the place of a layer."""

    def __init__(self, base: nn.Linear, shift: float) -> None:
        super().__init__()
        self.base, self.shift = base, shift

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.shift


class Shifted(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 1


def pruned(layer: nn.Linear) -> nn.Linear:
    prune.random_unstructured(layer, "weight", 0.5)
    with torch.no_grad():  # as an optimiser does: the next call makes the weight of it
        layer.weight_orig.add_(1)
    return layer


CHANGED = {
    "hooks": lambda: [scaled(nn.Linear(3, 3), 2.0), scaled(nn.Linear(3, 3), 3.0)],
    "adapters": lambda: [Adapted(nn.Linear(3, 3), 1.0), Adapted(nn.Linear(3, 3), 2.0)],
    "subclasses": lambda: [Shifted(3, 3), Shifted(3, 3)],
    "one of two": lambda: [nn.Linear(3, 3), Adapted(nn.Linear(3, 3), 2.0)],
    "pruned": lambda: [pruned(nn.Linear(3, 3)), pruned(nn.Linear(3, 3))],
    "parametrized": lambda: [orthogonal(nn.Linear(3, 3)), orthogonal(nn.Linear(3, 3))],
    "without bias": lambda: [nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)],
    "normalised": lambda: [nn.LayerNorm(3), nn.LayerNorm(3, elementwise_affine=False)],
    "other slopes": lambda: [nn.LeakyReLU(0.1), nn.LeakyReLU(0.5)],
    "other layers": lambda: [nn.ReLU(), nn.Tanh()],
    "no dropout of the second": lambda: [nn.Dropout(0.99), nn.Dropout(0.99).eval()],
}


@pytest.mark.parametrize("make", CHANGED.values(), ids=CHANGED)
def test_layers_that_were_changed_are_called(make):
    torch.manual_seed(0)
    layers, rows = make(), torch.randn(2, 5, 3)
    torch.manual_seed(1)
    found = run_side_by_side([nn.Sequential(layer) for layer in layers], rows)
    torch.manual_seed(1)
    torch.testing.assert_close(
        found, torch.stack([layer(x) for layer, x in zip(layers, rows, strict=True)])
    )


@pytest.mark.parametrize("kind", ["hooks", "adapters", "without bias"])
def test_a_product_of_layers_that_were_changed_calls_them(kind: str):
    layers, rows = CHANGED[kind](), torch.randn(5, 3)
    found = grouped_linear(layers, rows)
    torch.testing.assert_close(found, torch.stack([layer(rows) for layer in layers]))


def test_hooks_of_whole_stacks_are_called():
    stacks = [scaled(nn.Sequential(nn.ReLU()), factor) for factor in (2.0, 3.0)]
    found = run_side_by_side(stacks, torch.ones(2, 1, 1))
    assert found.flatten().tolist() == [2, 3]


def test_modalities_of_an_adapted_encoder_keep_their_own_weights():
    encoder = ModalityEncoder({"text": 4, "audio": 3}, 4).eval()
    for shift, stack in enumerate(encoder.mlps.values()):
        stack[-1] = Adapted(stack[-1], shift)
    features = {"text": torch.ones(2, 4), "audio": torch.ones(2, 3)}
    expected = torch.stack([encoder.mlps[m](x) for m, x in features.items()])
    torch.testing.assert_close(encoder(features), expected)


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
