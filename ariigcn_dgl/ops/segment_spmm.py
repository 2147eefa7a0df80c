"""Weighted sums of neighbour rows per (target, relation) segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.ops._checks import require_dim, require_floating, require_shape
from ariigcn_dgl.ops._transforms import is_transformed

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph


def segment_spmm(graph: Graph, weight: Tensor, feat: Tensor) -> Tensor:
    r"""Sum neighbour rows per (target, relation), each edge with its weight.

    .. math:: a_p = \sum_{(j \to i) \in p} w_{ij} h_j

    Computed for the P non-empty segments only, gathered in a fixed order (deterministic, any number
    of threads). Differentiable any number of times. Under autocast computed in float32.

    Parameters
    ----------
    graph : Graph
        E edges in P segments.
    weight : (G, E) tensor
        Weight of each edge, in the order of ``graph.indices``.
    feat : (G, N_src, D) tensor
        Source rows.

    Returns
    -------
    (G, P, D) tensor
        One row per segment, in the order of ``graph.seg_dst``.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    >>> segment_spmm(graph, torch.tensor([[0.5, 2.0]]), torch.tensor([[[10.0], [1.0]]]))
    tensor([[[7.]]])
    """
    require_floating(feat=feat, weight=weight)
    require_dim(3, feat=feat)
    groups, _, width = feat.shape
    require_shape("feat", feat, (groups, graph.num_src, width))
    require_shape("weight", weight, (groups, graph.num_edges))
    if is_transformed(weight, feat):
        return segment_spmm_reference(graph, weight, feat)
    return torch.ops.ariigcn.segment_spmm(
        weight.contiguous(), feat.contiguous(), *_structure(graph)
    )


def segment_spmm_reference(graph: Graph, weight: Tensor, feat: Tensor) -> Tensor:
    """Compute `segment_spmm` in plain torch, with a (G, E, D) tensor."""
    messages = weight.unsqueeze(-1) * feat[:, graph.indices]
    out = feat.new_zeros(feat.size(0), graph.num_segments, feat.size(2))
    return out.index_add(1, graph.edge_seg, messages)


def _structure(graph: Graph) -> tuple[Tensor, ...]:
    plan = graph.plan
    return plan.seg_ptr, plan.indices, plan.edge_seg, plan.t_indptr, plan.t_eids


@torch.library.register_fake("ariigcn::segment_spmm")
def _(weight, feat, seg_ptr, indices, edge_seg, t_indptr, t_eids):
    return feat.new_empty(feat.size(0), seg_ptr.size(0) - 1, feat.size(2))


@torch.library.register_fake("ariigcn::segment_sddmm")
def _(left, right, seg_ptr, indices, edge_seg, t_indptr, t_eids):
    return right.new_empty(right.size(0), indices.size(0))


def _transposed(seg_ptr, indices, edge_seg, t_indptr, t_eids):
    """Return the structure in which sources are the segments and segments the sources."""
    eids = t_eids.long()  # torch indexes with int64
    position = torch.empty_like(t_eids)
    position[eids] = torch.arange(len(eids), dtype=t_eids.dtype, device=t_eids.device)
    return t_indptr, edge_seg[eids], indices[eids], seg_ptr, position


def _spmm_transposed(structure, weight, rows):
    """Sum, for every source, the segment rows of its edges."""
    t_eids = structure[-1]
    return torch.ops.ariigcn.segment_spmm(
        weight[:, t_eids].contiguous(), rows.contiguous(), *_transposed(*structure)
    )


def _setup_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _spmm_backward(ctx, grad):
    weight, feat, *structure = ctx.saved_tensors
    grad = grad.contiguous()
    need_weight, need_feat, *_ = ctx.needs_input_grad
    grad_weight = torch.ops.ariigcn.segment_sddmm(grad, feat, *structure) if need_weight else None
    grad_feat = _spmm_transposed(structure, weight, grad) if need_feat else None
    return grad_weight, grad_feat, *[None] * len(structure)


def _sddmm_backward(ctx, grad):
    left, right, *structure = ctx.saved_tensors
    grad = grad.contiguous()
    need_left, need_right, *_ = ctx.needs_input_grad
    grad_left = torch.ops.ariigcn.segment_spmm(grad, right, *structure) if need_left else None
    grad_right = _spmm_transposed(structure, grad, left) if need_right else None
    return grad_left, grad_right, *[None] * len(structure)


for _name, _formula in (("segment_spmm", _spmm_backward), ("segment_sddmm", _sddmm_backward)):
    torch.library.register_autograd(f"ariigcn::{_name}", _formula, setup_context=_setup_context)
