"""A linear map that a loop over time steps takes, with one gradient of its weight for all steps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class StepLinear:
    r"""Return :math:`a_t + W x_t`, called once per time step, in order.

    Autograd alone would make the gradient of W anew at every step: a thin product and a sum over
    a whole matrix each time. Here it is one product over all steps.

    Parameters
    ----------
    added : (T, B, K) tensor
        a, of all steps.
    weight : (K, D) tensor
        W.
    """

    def __init__(self, added: Tensor, weight: Tensor) -> None:
        self.inputs: list[Tensor] = []
        self.added = iter(_WeightGradient.apply(added, weight, self.inputs).unbind())
        self.matrix = weight.detach().T  # its gradient is `_WeightGradient`'s alone

    def __call__(self, x: Tensor) -> Tensor:
        """Return the next step's result, (B, K), of inputs (B, D)."""
        self.inputs.append(x.detach())  # a value that backward needs, not a way through it
        return torch.addmm(next(self.added), x, self.matrix)


class _WeightGradient(torch.autograd.Function):
    """Pass `added` on; its gradient and the inputs seen by then make the weight's."""

    @staticmethod
    def forward(ctx, added: Tensor, weight: Tensor, inputs: list[Tensor]) -> Tensor:
        ctx.inputs = inputs
        return added.view_as(added)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        inputs = torch.cat(ctx.inputs).to(grad)
        return grad, grad.flatten(0, 1).T @ inputs, None
