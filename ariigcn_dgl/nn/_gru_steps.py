"""A GRU's cell over all rows of a batch, run step by step, forward and back.

Gates of a row are r, z, n, u: reset, update, new, and what the state adds to new. R rows, H width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ariigcn_dgl.nn._step_products import StepProduct, has_kernels, write_outer_sum

GATES = 4


class Cell(NamedTuple):
    """The parameters of `torch.nn.GRUCell`, in its order, and what dropout multiplies states by.

    Columns of `weight_ih` are those of a row and, after them, those of what is known only once its
    step is reached. `kept`: (R, H) tensor or None.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor
    kept: Tensor | None


class GRUSteps:
    r"""Run a GRU's cell from states of zero; dropout acts on every new state.

    .. math::
        r, z = \sigma(W_{r,z} x + b_{r,z} + U_{r,z} h + c_{r,z}), \quad u = U_n h + c_n, \quad
        n = \tanh(W_n x + b_n + r u), \quad h' = k (n + z (h - n))

    Parameters
    ----------
    cell : Cell
    rows : (R, D) tensor
        The part of x that is known for all steps.
    sizes : sequence of int
        Rows of each step; they follow each other.
    copies : int
        States that each row is read by.
    """

    def __init__(self, cell: Cell, rows: Tensor, sizes: Sequence[int], copies: int = 1) -> None:
        self.width = width = cell.weight_hh.size(1)
        self.copies = copies
        of_rows, of_others = cell.weight_ih.tensor_split([rows.size(1)], 1)
        gates = rows.new_empty(len(rows), GATES * width)
        gates[:] = torch.cat([cell.bias_ih, cell.bias_hh[2 * width :]])
        gates[:, : 2 * width] += cell.bias_hh[: 2 * width]
        StepProduct(of_rows.T).add(gates[:, : 3 * width], rows)
        self.gates = gates if copies == 1 else gates.repeat_interleave(copies, 0)
        self.of_others = StepProduct(of_others.T)
        to_reset_update, to_new = cell.weight_hh.tensor_split([2 * width])
        self.to_reset_update, self.to_new = StepProduct(to_reset_update.T), StepProduct(to_new.T)
        sizes = [size * copies for size in sizes]
        self.steps = self.gates.split(sizes)
        self.kept = split(cell.kept, sizes)

    def add_others(self, step: int, others: Tensor) -> None:
        """Add the rest of x, (B, D'), to the gates of a step."""
        gates = self.steps[step][:, : 3 * self.width]
        if self.copies == 1:
            self.of_others.add(gates, others)
            return
        added = others.new_zeros(len(others), gates.size(1))
        self.of_others.add(added, others)
        gates.unflatten(0, (-1, self.copies)).add_(added.unsqueeze(1))

    def run(self, step: int, state: Tensor, out: Tensor) -> None:
        """Write the states after a step, given those before it."""
        gates, width = self.steps[step], self.width
        if step > 0:  # before, states are zeros
            self.to_reset_update.add(gates[:, : 2 * width], state)
            self.to_new.add(gates[:, 3 * width :], state)
        pass_gates(gates, state, self.kept[step], out)


class GRUStepsGradient:
    """Run a GRU's cell back.

    Parameters
    ----------
    cell, rows, sizes, copies
        As for `GRUSteps`.
    gates : (R copies, 4 H) tensor
        As `GRUSteps` left them.
    states : (R copies, H) tensor
        Before each step.
    """

    def __init__(
        self,
        cell: Cell,
        rows: Tensor,
        sizes: Sequence[int],
        gates: Tensor,
        states: Tensor,
        copies: int = 1,
    ) -> None:
        self.cell, self.rows, self.states, self.copies = cell, rows, states, copies
        self.width = width = states.size(1)
        self.first = sizes[0]  # rows of the first step, before which states are zeros
        self.arguments = torch.empty_like(gates)  # of the gates: their gradients
        of_inputs = self.arguments[:, : 3 * width]
        # Copies of a row add up.
        self.of_inputs = of_inputs if copies == 1 else gates.new_empty(len(rows), 3 * width)
        self.to_others = StepProduct(cell.weight_ih[:, rows.size(1) :])
        of_reset_update, of_new = cell.weight_hh.tensor_split([2 * width])
        self.of_reset_update, self.of_new = StepProduct(of_reset_update), StepProduct(of_new)
        self.inputs = self.of_inputs.split(sizes)
        sizes = [size * copies for size in sizes]
        self.steps = list(
            zip(
                gates.split(sizes),
                states.split(sizes),
                split(cell.kept, sizes),
                self.arguments.split(sizes),
                strict=True,
            )
        )

    def run(self, step: int, grad: Tensor, out: Tensor) -> None:
        """Write the gradient of the states before a step, given that of the states after it."""
        width, (gates, state, kept, arguments) = self.width, self.steps[step]
        pass_gates_back(grad, gates, state, kept, arguments, out)
        if self.copies > 1:
            inputs = arguments[:, : 3 * width].unflatten(0, (-1, self.copies))
            torch.sum(inputs, 1, out=self.inputs[step])
        if step > 0:
            self.of_reset_update.add(out, arguments[:, : 2 * width])
            self.of_new.add(out, arguments[:, 3 * width :])

    def add_to_others(self, step: int, out: Tensor) -> None:
        """Add the gradient of what `GRUSteps.add_others` was given."""
        self.to_others.add(out, self.inputs[step])

    def add_to_rows(self, out: Tensor) -> None:
        """Add the gradient of the rows."""
        StepProduct(self.cell.weight_ih[:, : self.rows.size(1)]).add(out, self.of_inputs)

    def gradients(self, others: Tensor | None) -> list[Tensor | None]:
        """Return the gradients of a `Cell`: of each weight one product for all steps.

        Parameters
        ----------
        others : (R', D') tensor or None
            What was added at the steps, from the first one on at which something was.
        """
        width, known = self.width, self.rows.size(1)
        weight_ih = torch.empty_like(self.cell.weight_ih)
        write_outer_sum(weight_ih[:, :known], self.of_inputs, self.rows)
        if others is not None:
            later = slice(len(self.rows) - len(others), None)
            write_outer_sum(weight_ih[:, known:], self.of_inputs[later], others)
        weight_hh = torch.empty_like(self.cell.weight_hh)
        later = slice(self.first * self.copies, None)
        arguments, states = self.arguments[later], self.states[later]
        write_outer_sum(weight_hh[: 2 * width], arguments[:, : 2 * width], states)
        write_outer_sum(weight_hh[2 * width :], arguments[:, 3 * width :], states)
        bias_ih = self.of_inputs.sum(0)
        bias_new = self.arguments[:, 3 * width :].sum(0)
        return [weight_ih, weight_hh, bias_ih, torch.cat([bias_ih[: 2 * width], bias_new]), None]


def split(x: Tensor | None, sizes: Sequence[int]) -> Sequence[Tensor | None]:
    """Return the rows of each step; None for each where there are none."""
    return [None] * len(sizes) if x is None else x.split(sizes)


def pass_gates(gates: Tensor, state: Tensor, kept: Tensor | None, out: Tensor) -> None:
    """Make of the arguments of gates, (B, 4 H), their values, and write the states after them."""
    if has_kernels(gates):
        torch.ops.ariigcn.gru_gates.default(gates, state, kept, out)
        return
    reset, update, new, from_state = gates.chunk(GATES, 1)
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
    reset, update, new, from_state = gates.chunk(GATES, 1)
    of_reset, of_update, of_new, of_from_state = grad_gates.chunk(GATES, 1)
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
