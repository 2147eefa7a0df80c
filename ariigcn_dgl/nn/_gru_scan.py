"""The recurrence of a GRU, for several directions at once."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class GRUScan(torch.autograd.Function):
    r"""Run the recurrence from states of zero, given what the inputs add to the gates.

    .. math::
        r, z = \sigma(x_{r,z} + U_{r,z} h + b_{r,z}), \qquad
        n = \tanh(x_n + r (U_n h + b_n)), \qquad h' = n + z (h - n)

    Shapes: T time steps, S directions, B sequences, H width. Per time step there is one matrix
    product forward and one backward; what can be done for all time steps at once is.
    """

    @staticmethod
    def forward(ctx, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the states (T, S, B, H), given (T, S, B, 3 H), (S, 3 H, H) and (S, 3 H)."""
        width = weight.size(-1)
        bias = bias.unsqueeze(1)
        gates = inputs[..., : 2 * width] + bias[..., : 2 * width]
        # Cloned, because the loop computes in place and the inputs are the caller's.
        new = inputs[..., 2 * width :].clone(memory_format=torch.contiguous_format)
        from_state = torch.empty_like(new)  # U_n h + b_n
        states = new.new_zeros(len(new) + 1, *new.shape[1:])
        matrix, bias_new = weight.transpose(1, 2).contiguous(), bias[..., 2 * width :]
        reset, update = gates.chunk(2, -1)
        views = (gates, reset, update, new, from_state, states, states[1:])
        for gate, r, z, n, u, before, after in zip(*(x.unbind() for x in views), strict=False):
            addend = torch.bmm(before, matrix)
            torch.add(addend[..., 2 * width :], bias_new, out=u)
            gate.add_(addend[..., : 2 * width]).sigmoid_()
            n.addcmul_(r, u).tanh_()
            torch.lerp(n, before, z, out=after)
        ctx.save_for_backward(gates, new, from_state, states, weight)
        return states[1:].clone()  # the caller's own: backward reads these here

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, new, from_state, states, weight = ctx.saved_tensors
        reset, update = gates.chunk(2, -1)
        # what d state has to be multiplied with to become the gradient of each gate's argument
        to_new = (1 - update) * (1 - new * new)
        to_update = (states[:-1] - new) * update * (1 - update)
        to_reset = to_new * from_state * reset * (1 - reset)
        factors = torch.stack([to_reset, to_update, to_new * reset], -2)  # (T, S, B, 3, H)
        grad_state, products = grad.clone(), torch.empty_like(factors)
        recurrent = products.flatten(3)
        views = (grad_state.unsqueeze(-2), factors, products, recurrent, grad_state, update)
        later = None
        for wide, factor, product, rows, now, z in reversed(
            list(zip(*(x.unbind() for x in views), strict=True))
        ):
            if later is not None:  # nothing follows the last time step
                now.add_(later)
            torch.mul(wide, factor, out=product)
            later = torch.bmm(rows, weight).addcmul_(now, z)
        # Of all time steps at once: a product for each would be thin.
        rows = recurrent.transpose(0, 1).flatten(1, 2)  # (S, T B, 3 H)
        before = states[:-1].transpose(0, 1).flatten(1, 2)
        grad_weight, grad_bias = rows.transpose(1, 2) @ before, rows.sum(1)
        products[..., 2, :] = grad_state * to_new  # of the input, which r does not multiply
        return recurrent, grad_weight, grad_bias
