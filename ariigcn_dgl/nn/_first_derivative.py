"""Backward passes written by hand, of which a derivative is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def first_derivative_only(backward: Callable) -> Callable:
    """Return a backward function of whose results no derivative is taken: RuntimeError instead.

    torch's `once_differentiable` refuses only where the gradient that backward is given needs a
    gradient itself. That of a sum does not, and second derivatives would come out as 0.
    """

    @functools.wraps(backward)
    def once(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        with torch.no_grad():
            results = backward(ctx, *grads)
        if torch.compiler.is_compiling() or not torch.is_grad_enabled():  # as without create_graph
            return results
        return tuple(
            None if x is None else _Refuse.apply(x.detach().requires_grad_()) for x in results
        )

    return once


class _Refuse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx, *grads: Tensor) -> tuple[Tensor]:
        raise RuntimeError(
            "the recurrences of this package have no second derivatives: those of torch, which "
            "ariigcn_dgl.nn.set_impl(model, 'reference') chooses for a GRU or LSTM, do on the CPU"
        )
