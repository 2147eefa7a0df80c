"""Products of few rows with one matrix, step after step, and what is done once for all steps."""

from __future__ import annotations

import torch
from torch import Tensor

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


def write_outer_sum(out: Tensor, left: Tensor, right: Tensor) -> None:
    """Write left^T . right, (K, D), of (R, K) and (R, D): a weight's gradient, of all rows."""
    if has_kernels(left):
        torch.ops.ariigcn.outer_product.default(out, left, right)
    else:
        out.copy_(left.T @ right)


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
def _(out, left, right):
    return None


@torch.library.register_fake("ariigcn::row_dots")
def _(tables, vectors):
    return tables.new_empty(tables.shape[:2])


@torch.library.register_fake("ariigcn::add_row_sums")
def _(out, weights, tables):
    return None
