"""The recurrence of a GRU, for several directions at once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ariigcn_dgl._native import build_info
from ariigcn_dgl.nn._first_derivative import first_derivative_only

GATES = 3  # reset, update, new
MOST_UNITS = 170  # of a block of 512 threads, one for each gate of each unit
HAS_KERNELS = bool(build_info()["cuda_archs"])  # else cuDNN runs a GRU on CUDA


class GRUScan(torch.autograd.Function):
    r"""Run the recurrence from states of zero, given what each row adds to the gates.

    .. math::
        r, z = \sigma(x_{r,z} + U_{r,z} h + b_{r,z}), \qquad
        n = \tanh(x_n + r (U_n h + b_n)), \qquad h' = n + z (h - n)

    Shapes: N rows, D directions, T time steps, B sequences, H width. On CUDA one kernel does all
    time steps. On the CPU there is one matrix product per time step forward and one backward; what
    can be done for all time steps at once is.
    """

    @staticmethod
    def forward(ctx, inputs: Tensor, rows: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return each row's states, (N, D, H); zeros of rows that no sequence reads.

        Parameters
        ----------
        inputs : (N, D, 3 H) tensor
            What each row adds to the gates.
        rows : (D, T, B) int64 tensor
            Row that a sequence reads at a time step, -1 behind its end.
        weight, bias : (D, 3 H, H) and (D, 3 H) tensors
            Make of the state before what it adds to the gates.
        """
        out, states, gates = torch.ops.ariigcn.gru_scan(inputs, rows, weight, bias)
        ctx.save_for_backward(rows, states, gates, weight)
        return out

    @staticmethod
    @first_derivative_only
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        rows, states, gates, weight = ctx.saved_tensors
        grad_inputs, recurrent = torch.ops.ariigcn.gru_scan_backward(
            grad.contiguous(), rows, states, gates, weight
        )
        return grad_inputs, None, *parameter_gradients(recurrent, states)


def parameter_gradients(recurrent: Tensor, states: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gradients of weight and bias.

    Parameters
    ----------
    recurrent : (D, T, B, 3 H) tensor
        Gradients of what the state before and the bias add to the gates' arguments.
    states : (D, T + 1, B, H) tensor
        From before the first step on.
    """
    rows = recurrent.flatten(1, 2)
    return rows.transpose(1, 2) @ states[:, :-1].flatten(1, 2), rows.sum(1)


def runs_on(device: torch.device, width: int, dtype: torch.dtype) -> bool:
    """Whether the device can do it for so many units H; the meta device stands for CUDA."""
    if device.type != "cuda":
        return device.type in ("cpu", "meta")
    if not HAS_KERNELS or width > MOST_UNITS:
        return False
    properties: Any = torch.cuda.get_device_properties(device)  # torch's stubs lack this one
    return scan_bytes(width, dtype) <= properties.shared_memory_per_block_optin


def scan_bytes(width: int, dtype: torch.dtype) -> int:
    """Return the shared memory that a block needs, as `gru_scan_bytes` in csrc/cuda/gru_scan."""
    padded = -(-width // 4) * 4
    number = 8 if dtype == torch.float64 else 4  # sums are kept in float32 or float64
    sequences = 4  # of a block at most, with two numbers for each row
    return padded * GATES * (width * dtype.itemsize + 2 * sequences * number)


@torch.library.impl("ariigcn::gru_scan", "CPU")
def _scan(
    inputs: Tensor, rows: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    width = weight.size(-1)
    read = torch.stack([x[own] for x, own in zip(inputs.unbind(1), rows, strict=True)])
    bias = bias.unsqueeze(1).unsqueeze(1)
    gates = inputs.new_empty(*rows.shape, (GATES + 1) * width)
    reset, update, new, from_state = gates.chunk(GATES + 1, -1)
    both = gates[..., : 2 * width]
    torch.add(read[..., : 2 * width], bias[..., : 2 * width], out=both)
    new.copy_(read[..., 2 * width :])
    states = inputs.new_zeros(len(rows), rows.size(1) + 1, rows.size(2), width)
    matrix, bias_new = weight.transpose(1, 2).contiguous(), bias[:, 0, :, 2 * width :]
    views = (both, reset, update, new, from_state, states, states[:, 1:])
    for gate, r, z, n, u, before, after in zip(*(x.unbind(1) for x in views), strict=False):
        addend = torch.bmm(before, matrix)
        torch.add(addend[..., 2 * width :], bias_new, out=u)
        gate.add_(addend[..., : 2 * width]).sigmoid_()
        n.addcmul_(r, u).tanh_()
        torch.lerp(n, before, z, out=after)
    out = inputs.new_zeros(len(inputs), len(rows), width)
    _write(out, rows, states[:, 1:])
    return out, states, gates


@torch.library.impl("ariigcn::gru_scan_backward", "CPU")
def _scan_backward(
    grad: Tensor, rows: Tensor, states: Tensor, gates: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    width = weight.size(-1)
    reset, update, new, from_state = gates.chunk(GATES + 1, -1)
    # what d state has to be multiplied with to become the gradient of each gate's argument
    to_new = (1 - update) * (1 - new * new)
    to_update = (states[:, :-1] - new) * update * (1 - update)
    to_reset = to_new * from_state * reset * (1 - reset)
    factors = torch.stack([to_reset, to_update, to_new * reset], -2)  # (D, T, B, 3, H)
    read = torch.stack([x[own] for x, own in zip(grad.unbind(1), rows, strict=True)])
    grad_state, products = read.masked_fill_((rows < 0).unsqueeze(-1), 0), torch.empty_like(factors)
    recurrent = products.flatten(3)
    views = (grad_state.unsqueeze(-2), factors, products, recurrent, grad_state, update)
    later = None
    for wide, factor, product, of_gates, now, z in reversed(
        list(zip(*(x.unbind(1) for x in views), strict=True))
    ):
        if later is not None:
            now.add_(later)
        torch.mul(wide, factor, out=product)
        later = torch.bmm(of_gates, weight).addcmul_(now, z)
    grad_inputs = grad.new_zeros(*grad.shape[:2], GATES * width)
    _write(grad_inputs, rows, torch.cat([recurrent[..., : 2 * width], grad_state * to_new], -1))
    return grad_inputs, recurrent


def _write(out: Tensor, rows: Tensor, table: Tensor) -> None:
    """Write the places of a table, (D, T, B, ...), to their rows of `out`, (N, D, ...)."""
    for column, own, values in zip(
        out.unbind(1), rows.flatten(1), table.flatten(1, 2), strict=True
    ):
        (places,) = (own >= 0).nonzero(as_tuple=True)
        column.index_copy_(0, own[places], values[places])


@torch.library.register_fake("ariigcn::gru_scan")
def _(inputs, rows, weight, bias):
    directions, steps, sequences = rows.shape
    width = weight.size(-1)
    return (
        inputs.new_empty(len(inputs), directions, width),
        inputs.new_empty(directions, steps + 1, sequences, width),
        inputs.new_empty(directions, steps, sequences, (GATES + 1) * width),
    )


@torch.library.register_fake("ariigcn::gru_scan_backward")
def _(grad, rows, states, gates, weight):
    count, directions, width = grad.shape
    return grad.new_empty(count, directions, GATES * width), grad.new_empty(
        *rows.shape, GATES * width
    )
