"""The gates of a GRU's cell over all rows of a batch, filled and read step by step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ariigcn_dgl.nn._step_products import StepProduct, has_kernels, outer_sum

GATES = 4  # new, reset, update, and what the state adds to new


class GRUSteps:
    r"""Run a GRU's cell from states of zero; dropout acts on every new state.

    .. math::
        r, z = \sigma(x_{r,z} + U_{r,z} h + b_{r,z}), \quad u = U_n h + b_n, \quad
        n = \tanh(x_n + r u), \quad h' = k (n + z (h - n))

    A row's gates are n, r, z, u, so that those that inputs add to, and those that the state adds
    to, lie side by side. R rows, H width.

    Parameters
    ----------
    added : (R, 3 H) tensor
        x of n, r, z, as far as it is known for all steps; the rest is to be added to `inputs`.
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
        self.gates = added.new_empty(len(added), GATES * width)
        torch.add(
            added, torch.cat([bias.new_zeros(width), bias[: 2 * width]]), out=self.gates[:, : 3 * width]
        )
        self.gates[:, 3 * width :] = bias[2 * width :]
        self.recurrent = StepProduct(weight.T)
        self.steps = self.gates.split(sizes)
        self.inputs = self.gates[:, : 3 * width].split(sizes)
        self.from_state = self.gates[:, width:].split(sizes)
        self.kept = split(kept, sizes)

    def run(self, step: int, state: Tensor, out: Tensor) -> None:
        """Write the states after a step."""
        if step > 0:  # before, states are zeros
            self.recurrent.add(self.from_state[step], state)
        pass_gates(self.steps[step], state, self.kept[step], out)


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
        self.first = sizes[0]  # rows whose states before are zeros
        self.states = states
        self.recurrent = StepProduct(weight)
        arguments = torch.empty_like(gates)
        self.added = arguments[:, : 3 * width]  # gradient of what is added to the gates
        self.of_state = arguments[:, width:]
        self.of_inputs, self.of_states = self.added.split(sizes), self.of_state.split(sizes)
        self.steps = list(
            zip(*(split(x, sizes) for x in (gates, states, kept, arguments)), strict=True)
        )

    def run(self, step: int, grad: Tensor, out: Tensor) -> None:
        """Write the gradient of the states before a step, given that of the states after it."""
        pass_gates_back(grad, *self.steps[step], out)
        if step > 0:
            self.recurrent.add(out, self.of_states[step])

    def parameters(self) -> tuple[Tensor, Tensor]:
        """Return the gradients of weight and bias: one product for all steps."""
        weight = outer_sum(self.of_state[self.first :], self.states[self.first :])
        return weight, self.of_state.sum(0)

    def of_other(self, others: Tensor) -> Tensor:
        """Return the gradient of the weight of what is added besides: zeros at first, (R, D)."""
        return outer_sum(self.added[self.first :], others[self.first :])


def split(x: Tensor | None, sizes: Sequence[int]) -> Sequence[Tensor | None]:
    """Return the rows of each step; None for each where there are none."""
    return [None] * len(sizes) if x is None else x.split(sizes)


def pass_gates(gates: Tensor, state: Tensor, kept: Tensor | None, out: Tensor) -> None:
    """Make of the arguments of gates, (B, 4 H), their values, and write the states after them."""
    if has_kernels(gates):
        torch.ops.ariigcn.gru_gates.default(gates, state, kept, out)
        return
    new, reset, update, from_state = gates.chunk(GATES, 1)
    reset.sigmoid_()
    update.sigmoid_()
    new.addcmul_(reset, from_state).tanh_()
    torch.lerp(new, state, update, out=out)
    if kept is not None:
        out.mul_(kept)


def pass_gates_back(
    grad: Tensor,
    gates: Tensor,
    state: Tensor,
    kept: Tensor | None,
    grad_gates: Tensor,
    grad_state: Tensor,
) -> None:
    """Write the gradients of the gates' arguments, and of the state but for its part in them."""
    if has_kernels(gates):
        torch.ops.ariigcn.gru_gates_backward.default(
            grad, gates, state, kept, grad_gates, grad_state
        )
        return
    new, reset, update, from_state = gates.chunk(GATES, 1)
    of_new, of_reset, of_update, of_from_state = grad_gates.chunk(GATES, 1)
    after = grad if kept is None else grad * kept
    torch.mul(after, update, out=grad_state)
    torch.mul(after - grad_state, 1 - new * new, out=of_new)
    torch.mul(of_new, reset, out=of_from_state)
    torch.mul(of_from_state * from_state, 1 - reset, out=of_reset)
    torch.mul(grad_state * (1 - update), state - new, out=of_update)


@torch.library.register_fake("ariigcn::gru_gates")
def _(gates, state, kept, out):
    return None


@torch.library.register_fake("ariigcn::gru_gates_backward")
def _(grad, gates, state, kept, grad_gates, grad_state):
    return None
