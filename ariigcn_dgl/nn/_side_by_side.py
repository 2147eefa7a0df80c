"""Stacks of layers that are alike, one for each modality, run together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeGuard, cast

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.ops._precision import autocasts

Rows = Tensor | list[Tensor]  # (M, N, D); a list where the modalities' widths differ
WEIGHTLESS = (nn.Identity, nn.ReLU, nn.LeakyReLU, nn.GELU, nn.Tanh, nn.Dropout, Dropout)


def run_side_by_side(stacks: Iterable[nn.Module], rows: Rows) -> Rows:
    """Return what each stack makes of its own rows, as one tensor wherever they are equally wide.

    Linear layers are then one batched product, activations and dropout one call: the time of a
    training step, in which all products are small, is that of its calls, on a GPU above all. Other
    layers that stand in their place (quantised ones, adapters), and hooks, are called as they are.

    Parameters
    ----------
    stacks : iterable of M nn.Sequential
        Of the same layers but for their widths: nn.Linear, and others without weights.
    rows : (M, N, D) tensor or list of M (N, D_m) tensors
        What each stack reads.
    """
    stacks = list(stacks)
    if not all(type(stack) is nn.Sequential and not _has_hooks(stack) for stack in stacks):
        return _each(stacks, rows)
    for layers in zip(*cast("list[nn.Sequential]", stacks), strict=True):
        rows = _apply(layers, rows)
    return rows


def is_linear(layer: nn.Module | None) -> TypeGuard[nn.Linear]:
    """Return whether a layer does what nn.Linear does with its weight, and nothing else."""
    return (
        isinstance(layer, nn.Linear)  # a parametrized one, too: its weight is what it computes
        and type(layer).forward is nn.Linear.forward
        and not _has_hooks(layer)
    )


def grouped_linear(linears: Iterable[nn.Module], rows: Tensor) -> Tensor:
    """Return what each layer makes of its own rows, (M, N, D'), of (M, N, D) or of all's (N, D)."""
    layers = list(linears)
    rows = rows.expand(len(layers), -1, -1)
    if _are_linear(layers):
        return _product(layers, rows)
    return torch.stack([layer(x) for layer, x in zip(layers, rows, strict=True)])


def _product(layers: Sequence[nn.Linear], rows: Tensor) -> Tensor:
    weight = torch.stack([layer.weight for layer in layers])
    bias = torch.stack([layer.bias for layer in layers])
    if autocasts(rows):
        dtype = torch.get_autocast_dtype(rows.device.type)
        rows, weight, bias = (x.to(dtype) for x in (rows, weight, bias))
    return GroupedLinear.apply(rows, weight, bias)


class GroupedLinear(torch.autograd.Function):
    """A product for each group, whose weights' gradient is laid out as the weights are.

    That of torch.baddbmm is its transpose, of which each layer's part would have to be copied.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return (M, N, D'), given (M, N, D), (M, D', D) and (M, D')."""
        return torch.baddbmm(bias.unsqueeze(1), rows, weight.transpose(1, 2))

    @staticmethod
    def setup_context(ctx, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        rows, weight, _ = inputs
        ctx.save_for_backward(rows, weight)
        ctx.save_for_forward(rows, weight)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        needs_rows, needs_weight, needs_bias = ctx.needs_input_grad
        return (
            grad @ weight if needs_rows else None,
            grad.transpose(1, 2) @ rows if needs_weight else None,
            grad.sum(1) if needs_bias else None,
        )

    @staticmethod
    def jvp(ctx, of_rows: Tensor, of_weight: Tensor, of_bias: Tensor) -> Tensor:
        rows, weight = ctx.saved_tensors
        changed = of_rows @ weight.transpose(1, 2) + rows @ of_weight.transpose(1, 2)
        return changed + of_bias.unsqueeze(1)


def _apply(layers: Sequence[nn.Module], rows: Rows) -> Rows:
    if isinstance(rows, Tensor) and _are_alike(layers):
        return layers[0](rows)
    if isinstance(rows, Tensor) and _are_linear(layers):
        return _product(layers, rows)
    return _each(layers, rows)


def _each(layers: Sequence[nn.Module], rows: Rows) -> Rows:
    made = [layer(x) for layer, x in zip(layers, rows, strict=True)]
    return torch.stack(made) if _equally_wide(made) else made


def _are_linear(layers: Sequence[nn.Module]) -> TypeGuard[Sequence[nn.Linear]]:
    """Return whether one product does what the layers do."""
    linears = [layer for layer in layers if is_linear(layer) and layer.bias is not None]
    return len(linears) == len(layers) and _equally_wide([x.weight for x in linears])


def _are_alike(layers: Sequence[nn.Module]) -> bool:
    """Return whether each layer does to rows what the first does."""
    first = layers[0]
    if type(first) not in WEIGHTLESS or any(type(layer) is not type(first) for layer in layers):
        return False
    # Settings too, as of dropout that acts on one modality alone, or is switched off for one.
    return not any(_has_hooks(x) or vars(x) != vars(first) for x in layers)


def _has_hooks(layer: nn.Module) -> bool:
    """Return whether calling a layer does more than its class says."""
    hooks = (
        layer._forward_hooks,
        layer._forward_pre_hooks,
        layer._backward_hooks,
        layer._backward_pre_hooks,
    )
    return any(len(x) > 0 for x in hooks) or "forward" in vars(layer)


def _equally_wide(tensors: Sequence[Tensor]) -> bool:
    return all(x.shape == tensors[0].shape for x in tensors)
