"""The recurrence of a GRU, for several directions at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ariigcn_dgl._native import build_info
from ariigcn_dgl.nn._scan import Scan

GATES = 3  # reset, update, new
HAS_KERNELS = bool(build_info()["cuda_archs"])  # else cuDNN runs a GRU on CUDA


class GRUScan(Scan):
    r"""Run the recurrence from states of zero, given what the inputs add to the gates.

    .. math::
        r, z = \sigma(x_{r,z} + U_{r,z} h + b_{r,z}), \qquad
        n = \tanh(x_n + r (U_n h + b_n)), \qquad h' = n + z (h - n)

    Shapes: T time steps, S directions, B sequences, H width. On the CPU there is one matrix product
    per time step forward and one backward; what can be done for all time steps at once is. On CUDA
    one kernel does all steps, where the weight of a direction fits into a block's memory.
    """

    @staticmethod
    def forward(ctx, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return the states (T, S, B, H), given (T, S, B, 3 H), (S, 3 H, H) and (S, 3 H)."""
        if inputs.is_cuda:
            inputs, weight, bias = (x.contiguous() for x in (inputs, weight, bias))
            states, gates = torch.ops.ariigcn.gru_scan(inputs, weight, bias)
            ctx.save_for_backward(gates, states, weight)
            return states[1:]
        gates, new, from_state, states = _scan(inputs, weight, bias)
        ctx.save_for_backward(gates, new, from_state, states, weight)
        return states[1:].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        *kept, states, weight = ctx.saved_tensors
        if grad.is_cuda:
            backward = torch.ops.ariigcn.gru_scan_backward
            recurrent, grad_new = backward(grad.contiguous(), states, *kept, weight)
        else:
            gates, new, from_state = kept
            recurrent, grad_new = _scan_backward(grad, gates, new, from_state, states, weight)
        return scan_gradients(recurrent, grad_new, states[:-1])

    @staticmethod
    def runs_on(device: torch.device, width: int, dtype: torch.dtype) -> bool:
        """Whether the device can do it for so many units H."""
        if device.type != "cuda":
            return device.type == "cpu"
        if not HAS_KERNELS:
            return False
        properties: Any = torch.cuda.get_device_properties(device)  # torch's stubs lack this one
        return scan_bytes(width, dtype) <= properties.shared_memory_per_block_optin


def scan_bytes(width: int, dtype: torch.dtype) -> int:
    """Return the shared memory that a block needs, as `gru_scan_bytes` in csrc/cuda/gru_scan."""
    padded = -(-width // 4) * 4
    number = 8 if dtype == torch.float64 else 4  # sums are kept in float32 or float64
    sequences = 4  # of a block at most, with two numbers for each row
    return padded * GATES * (width * dtype.itemsize + 2 * sequences * number)


def scan_gradients(
    recurrent: Tensor, grad_new: Tensor, before: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of inputs, weight and bias.

    Parameters
    ----------
    recurrent : (T, S, B, 3 H) tensor
        Gradients of what the state before and the bias add to the gates' arguments.
    grad_new : (T, S, B, H) tensor
        Gradient of the new gate's argument, in which r does not multiply what the input adds.
    before : (T, S, B, H) tensor
        States before each step.
    """
    rows = recurrent.transpose(0, 1).flatten(1, 2)  # (S, T B, 3 H)
    grad_weight = rows.transpose(1, 2) @ before.transpose(0, 1).flatten(1, 2)
    reset_update = recurrent[..., : -grad_new.size(-1)]
    return torch.cat([reset_update, grad_new], -1), grad_weight, rows.sum(1)


def _scan(inputs: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return r and z, n, U_n h + b_n, and the states, of which the first are zeros."""
    width = weight.size(-1)
    bias = bias.unsqueeze(1)
    gates = inputs[..., : 2 * width] + bias[..., : 2 * width]
    new = inputs[..., 2 * width :].clone(memory_format=torch.contiguous_format)
    from_state = torch.empty_like(new)
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
    return gates, new, from_state, states


def _scan_backward(
    grad: Tensor, gates: Tensor, new: Tensor, from_state: Tensor, states: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the first two arguments of `scan_gradients`."""
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
        if later is not None:
            now.add_(later)
        torch.mul(wide, factor, out=product)
        later = torch.bmm(rows, weight).addcmul_(now, z)
    return recurrent, grad_state * to_new


@torch.library.register_fake("ariigcn::gru_scan")
def _(inputs, weight, bias):
    steps, *sequences, rows = inputs.shape
    width = rows // GATES
    states = inputs.new_empty(steps + 1, *sequences, width)
    return states, inputs.new_empty(steps, *sequences, (GATES + 1) * width)


@torch.library.register_fake("ariigcn::gru_scan_backward")
def _(grad, states, gates, weight):
    return grad.new_empty(*grad.shape[:-1], GATES * grad.size(-1)), torch.empty_like(grad)
