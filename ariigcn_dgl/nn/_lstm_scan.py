"""The recurrence of an LSTM, for several directions at once."""

from __future__ import annotations

import torch
from torch import Tensor

from ariigcn_dgl.nn._first_derivative import first_derivative_only


class LSTMScan(torch.autograd.Function):
    r"""Run the recurrence from states of zero, given what the inputs add to the gates.

    .. math::
        i, f, o = \sigma(x_{i,f,o} + U_{i,f,o} h + b_{i,f,o}), \qquad
        g = \tanh(x_g + U_g h + b_g), \qquad c' = f c + i g, \qquad h' = o \tanh c'

    Shapes: T time steps, S directions, B sequences, H width; gates in torch's order i, f, g, o. Per
    time step there is one matrix product forward and one backward; what can be done for all time
    steps at once is.
    """

    @staticmethod
    def forward(ctx, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the states (T, S, B, H), given (T, S, B, 4 H), (S, 4 H, H) and (S, 4 H)."""
        width = weight.size(-1)
        gates = inputs + bias.unsqueeze(1)  # a new tensor, which the loop computes in
        states, cells = gates.new_zeros(2, len(gates) + 1, *gates.shape[1:-1], width).unbind()
        squashed = torch.empty_like(states[1:])  # tanh c
        matrix = weight.transpose(1, 2).contiguous()
        in_forget, new, out = gates.split([2 * width, width, width], -1)
        views = (gates, in_forget, new, out, states, states[1:], cells, cells[1:], squashed)
        for gate, both, g, o, h, h_next, c, c_next, tanh_c in zip(
            *(x.unbind() for x in views), strict=False
        ):
            gate.add_(torch.bmm(h, matrix))
            i, f = both.sigmoid_().chunk(2, -1)
            torch.mul(f, c, out=c_next).addcmul_(i, g.tanh_())
            torch.mul(o.sigmoid_(), torch.tanh(c_next, out=tanh_c), out=h_next)
        ctx.save_for_backward(gates, states, cells, squashed, weight)
        return states[1:].clone()  # the caller's own: backward reads these here

    @staticmethod
    @first_derivative_only
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, states, cells, squashed, weight = ctx.saved_tensors
        i, f, g, o = gates.chunk(4, -1)
        # what d cell, and d state for the output gate, has to be multiplied with to become the
        # gradient of each gate's argument
        to_gates = torch.stack(
            [g * i * (1 - i), cells[:-1] * f * (1 - f), i * (1 - g * g), squashed * o * (1 - o)], -2
        )
        to_cell = o * (1 - squashed * squashed)
        grad_state, products = grad.clone(), torch.empty_like(to_gates)
        recurrent = products.flatten(3)
        views = (grad_state, to_gates, to_cell, f, products, recurrent)
        later, cell = torch.zeros_like(grad[0]), torch.zeros_like(grad[0])
        for now, factor, of_state, forget, product, rows in reversed(
            list(zip(*(x.unbind() for x in views), strict=True))
        ):
            now.add_(later)
            cell.addcmul_(now, of_state)
            torch.mul(cell.unsqueeze(-2), factor[..., :3, :], out=product[..., :3, :])
            torch.mul(now, factor[..., 3, :], out=product[..., 3, :])
            later = torch.bmm(rows, weight)
            cell = cell * forget
        # Of all time steps at once: a product for each would be thin.
        rows = recurrent.transpose(0, 1).flatten(1, 2)  # (S, T B, 4 H)
        before = states[:-1].transpose(0, 1).flatten(1, 2)
        return recurrent, rows.transpose(1, 2) @ before, rows.sum(1)
