"""Products of few rows with one matrix, step after step, and what is done once for all steps."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)


class StepProduct:
    """Adds products with a matrix, (D, K), that stays the same over many calls.

    On the CPU it is packed once, as the kernels read it. A library's product packs it in each
    call, which takes as long as multiplying 30 rows does.
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.packed = None
        if has_kernels(matrix):
            transposed = matrix.stride(1) != 1
            rows = matrix.T if transposed else matrix
            self.packed = torch.ops.ariigcn.pack_matrix.default(rows, transposed)

    def add(self, out: Tensor, x: Tensor) -> None:
        """Add x . matrix, (B, K), to `out`, given x, (B, D)."""
        if self.packed is None:
            out.addmm_(x, self.matrix)
        else:
            torch.ops.ariigcn.add_packed_product.default(out, x, self.packed)


def outer_sum(left: Tensor, right: Tensor) -> Tensor:
    """Return left^T . right, (K, D), of (R, K) and (R, D): a weight's gradient, of all rows."""
    if has_kernels(left):
        return torch.ops.ariigcn.outer_product.default(left, right)
    return left.T @ right


def row_dots(tables: Tensor, vectors: Tensor) -> Tensor:
    """Return the products of each table's rows with its vector, (B, T), of (B, T, D), (B, D)."""
    if has_kernels(tables):
        return torch.ops.ariigcn.row_dots.default(tables, vectors)
    return torch.bmm(tables, vectors.unsqueeze(2)).squeeze(2)


def add_row_sums(out: Tensor, weights: Tensor, tables: Tensor) -> None:
    """Add each table's rows, (B, T, D), times weights, (B, T), to `out`, (B, D)."""
    if has_kernels(tables):
        torch.ops.ariigcn.add_row_sums.default(out, weights, tables)
    else:
        out.unsqueeze(1).baddbmm_(weights.unsqueeze(1), tables)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `torch.nn.functional.linear` of rows, (R, D), by the kernels of this file."""
    return _Linear.apply(x, weight, bias) if has_kernels(x) else F.linear(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        out = x.new_empty(len(x), len(weight))
        out[:] = 0 if bias is None else bias
        StepProduct(weight.T).add(out, x)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, Tensor, Tensor | None]:
        x, weight = ctx.saved_tensors
        if grad.stride(1) != 1:  # as that of a sum is, which is one number
            grad = grad.contiguous()
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = torch.zeros_like(x)
            StepProduct(weight).add(grad_x, grad)
        grad_bias = grad.sum(0) if ctx.needs_input_grad[2] else None
        return grad_x, outer_sum(grad, x), grad_bias


def has_kernels(x: Tensor) -> bool:
    """Whether the kernels compute tensors like that; else torch does."""
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)


@torch.library.register_fake("ariigcn::pack_matrix")
def _(matrix, transposed):
    depth, width = reversed(matrix.shape) if transposed else matrix.shape
    lanes = 64 // matrix.dtype.itemsize
    return matrix.new_empty(depth, -(-width // lanes) * lanes)


@torch.library.register_fake("ariigcn::add_packed_product")
def _(out, x, packed):
    return None


@torch.library.register_fake("ariigcn::outer_product")
def _(left, right):
    return left.new_empty(left.size(1), right.size(1))


@torch.library.register_fake("ariigcn::row_dots")
def _(tables, vectors):
    return tables.new_empty(tables.shape[:2])


@torch.library.register_fake("ariigcn::add_row_sums")
def _(out, weights, tables):
    return None
