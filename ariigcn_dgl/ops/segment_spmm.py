"""Weighted sums of neighbour rows per (target, relation) segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.graph.plan import Sizes
from ariigcn_dgl.ops._checks import require_dim, require_floating, require_shape
from ariigcn_dgl.ops._impl import Impl, is_reference
from ariigcn_dgl.ops._precision import in_floats

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph


def segment_spmm(graph: Graph, weight: Tensor, feat: Tensor, *, impl: Impl = "native") -> Tensor:
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
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

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
    if is_reference(impl, weight, feat):
        return segment_spmm_reference(graph, *in_floats(weight, feat))
    return torch.ops.ariigcn.segment_spmm(
        weight.contiguous(), feat.contiguous(), graph.plan, graph.sizes, False
    )


def segment_spmm_reference(graph: Graph, weight: Tensor, feat: Tensor) -> Tensor:
    """Compute `segment_spmm` in plain torch, with a (G, E, D) tensor."""
    messages = weight.unsqueeze(-1) * feat[:, graph.src]
    out = messages.new_zeros(feat.size(0), graph.num_segments, feat.size(2))
    return out.index_add(1, graph.edge_seg, messages)


# The operator's transpose sums, for every source, the rows of its edges' segments. The derivatives
# of these three are each other: no tensor of the structure is made for them.


@torch.library.register_fake("ariigcn::segment_spmm")
def _(weight, feat, plan, sizes, transpose):
    sizes = Sizes(*sizes)
    rows = sizes.num_src if transpose else sizes.num_segments
    return feat.new_empty(feat.size(0), rows, feat.size(2))


@torch.library.register_fake("ariigcn::segment_sddmm")
def _(left, right, plan, sizes):
    return right.new_empty(right.size(0), Sizes(*sizes).num_edges)


def _spmm_setup(ctx, inputs, output):
    weight, feat, plan, ctx.sizes, ctx.transpose = inputs
    ctx.save_for_backward(weight, feat, plan)


def _spmm_backward(ctx, grad):
    weight, feat, plan = ctx.saved_tensors
    need_weight, need_feat, *_ = ctx.needs_input_grad
    grad, grad_weight, grad_feat = grad.contiguous(), None, None
    if need_weight:
        ends = (feat, grad) if ctx.transpose else (grad, feat)  # of segments, of sources
        grad_weight = torch.ops.ariigcn.segment_sddmm(*ends, plan, ctx.sizes)
    if need_feat:
        grad_feat = torch.ops.ariigcn.segment_spmm(weight, grad, plan, ctx.sizes, not ctx.transpose)
    return grad_weight, grad_feat, None, None, None


def _sddmm_setup(ctx, inputs, output):
    left, right, plan, ctx.sizes = inputs
    ctx.save_for_backward(left, right, plan)


def _sddmm_backward(ctx, grad):
    left, right, plan = ctx.saved_tensors
    need_left, need_right, *_ = ctx.needs_input_grad
    spmm, grad, sizes = torch.ops.ariigcn.segment_spmm, grad.contiguous(), ctx.sizes
    grad_left = spmm(grad, right, plan, sizes, False) if need_left else None
    grad_right = spmm(grad, left, plan, sizes, True) if need_right else None
    return grad_left, grad_right, None, None


torch.library.register_autograd("ariigcn::segment_spmm", _spmm_backward, setup_context=_spmm_setup)
torch.library.register_autograd(
    "ariigcn::segment_sddmm", _sddmm_backward, setup_context=_sddmm_setup
)
