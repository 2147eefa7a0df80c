"""The gates of a GRU's cell over all rows of a batch, filled and read step by step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ariigcn_dgl.nn._step_products import StepProduct, outer_sum

GATES = 3  # new, reset, update


class GRUSteps:
    r"""Run a GRU's cell, in which dropout acts on every new state.

    .. math::
        r, z = \sigma(x_{r,z} + U_{r,z} h + b_{r,z}), \quad n = \tanh(x_n + r u), \quad
        u = U_n h + b_n, \quad h' = k (n + z (h - n))

    A row's gates are n, r, z, u, so that what inputs add to them, and what the state adds to them,
    lie side by side. R rows, H width.

    Parameters
    ----------
    added : (R, 3 H) tensor
        x of n, r, z, as far as it is known for all steps; `inputs` takes the rest.
    weight, bias : (3 H, H) and (3 H,) tensors
        U and b of r, z, n, as torch has them.
    kept : (R, H) tensor or None
        k, what dropout multiplies new states by; None: 1.
    sizes : sequence of int
        Rows of each step; they follow each other.
    """

    def __init__(
        self,
        added: Tensor,
        weight: Tensor,
        bias: Tensor,
        kept: Tensor | None,
        sizes: Sequence[int],
    ) -> None:
        width = weight.size(1)
        self.gates = added.new_zeros(len(added), (GATES + 1) * width)
        self.gates[:, : GATES * width] = added
        self.gates[:, width:] += bias
        self.recurrent = StepProduct(weight.T)
        self.inputs = self.gates[:, : GATES * width].split(sizes)
        self.from_state = self.gates[:, width:].split(sizes)
        self.both = self.gates[:, width : GATES * width].split(sizes)
        self.parts = list(zip(*(x.split(sizes) for x in self.gates.chunk(GATES + 1, 1)), strict=True))
        self.kept = None if kept is None else kept.split(sizes)

    def run(self, step: int, state: Tensor, out: Tensor) -> None:
        """Write the states after a step."""
        self.recurrent.add(self.from_state[step], state)
        self.both[step].sigmoid_()
        new, reset, update, from_state = self.parts[step]
        new.addcmul_(reset, from_state).tanh_()
        torch.lerp(new, state, update, out=out)
        if self.kept is not None:
            out.mul_(self.kept[step])


class GRUStepsGradient:
    """Run a GRU's cell back.

    Parameters
    ----------
    gates : (R, 4 H) tensor
        As `GRUSteps` left them.
    states : (R, H) tensor
        Before each step.
    weight, kept, sizes
        As for `GRUSteps`.

    Attributes
    ----------
    arguments : (R, 4 H) tensor
        Gradients of the gates' arguments, filled step by step.
    """

    def __init__(
        self,
        gates: Tensor,
        states: Tensor,
        weight: Tensor,
        kept: Tensor | None,
        sizes: Sequence[int],
    ) -> None:
        width = weight.size(1)
        new, reset, update, from_state = gates.chunk(GATES + 1, 1)
        keep = (1 - update) if kept is None else (1 - update) * kept
        self.states = states
        # What d state has to be multiplied with to become the gradient of each gate's argument.
        factors = torch.empty_like(gates).view(len(gates), GATES + 1, width)
        to_new = torch.mul(keep, 1 - new * new, out=factors[:, 0])
        torch.mul(to_new * from_state, reset * (1 - reset), out=factors[:, 1])
        torch.mul((states - new) * update, keep, out=factors[:, 2])
        torch.mul(to_new, reset, out=factors[:, 3])
        self.arguments = torch.empty_like(gates)
        self.recurrent = StepProduct(weight)
        self.width = width
        self.factors = factors.split(sizes)
        self.to_state = (update if kept is None else update * kept).split(sizes)
        self.of_all = self.arguments.view_as(factors).split(sizes)
        self.of_inputs = self.arguments[:, : GATES * width].split(sizes)
        self.of_state = self.arguments[:, width:].split(sizes)

    def run(self, step: int, grad: Tensor, out: Tensor) -> None:
        """Write the gradient of the states before a step, given that of the states after it."""
        torch.mul(grad.unsqueeze(1), self.factors[step], out=self.of_all[step])
        torch.mul(grad, self.to_state[step], out=out)
        self.recurrent.add(out, self.of_state[step])

    def added(self) -> Tensor:
        """Return the gradient of what was added to the gates, (R, 3 H)."""
        return self.arguments[:, : GATES * self.width]

    def gradients(self, others: Tensor) -> list[Tensor | None]:
        """Return the gradients of a `Cell`, given what it reads besides, (R, D)."""
        added = self.added()
        return [added, outer_sum(added, others), *self.parameters(), None]

    def parameters(self) -> tuple[Tensor, Tensor]:
        """Return the gradients of weight and bias: one product for all steps."""
        of_state = self.arguments[:, self.width :]
        return outer_sum(of_state, self.states), of_state.sum(0)
