"""The second half of relational edge attention: transform each relation's sum, add up (Eq. 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.graph.plan import Sizes
from ariigcn_dgl.ops._checks import require_dim, require_floating, require_shape
from ariigcn_dgl.ops._impl import Impl, is_reference
from ariigcn_dgl.ops._precision import autocasts, computed_dtype
from ariigcn_dgl.ops._second_derivative import differentiate_backward, graph_of_plan
from ariigcn_dgl.ops.segment_spmm import segment_spmm, segment_spmm_reference

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph


def relational_sum(
    graph: Graph, edge_weight: Tensor, feat: Tensor, rel_weight: Tensor, *, impl: Impl = "native"
) -> Tensor:
    r"""Sum weighted neighbours, each transformed by the weight of its relation.

    .. math:: h'_i = \sum_r \sum_{j \in N_i^r} w_{ij} h_j W_r

    Neighbours are summed first and transformed after, so the matrix products cover the P non-empty
    (target, relation) segments only: 2 P D_in D_out operations, whatever the number of relations.

    Parameters
    ----------
    graph : Graph
        E edges, R relations.
    edge_weight : (G, E) tensor
        Weight of each edge, e.g. ``alpha * graph.norm.to(alpha)``.
    feat : (M, N_src, D_in) tensor
        Source rows. Group g reads those at ``g // (G / M)``: heads of a modality share its rows.
    rel_weight : (G, R, D_in, D_out) tensor
        One matrix per relation.
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

    Returns
    -------
    (G, N_dst, D_out) tensor
        Zero for targets without in-edges.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(
    ...     torch.tensor([0, 2]), torch.tensor([0, 1]), torch.tensor([0, 1]), num_src=2
    ... )
    >>> weight = torch.tensor([[[[1.0]], [[100.0]]]])
    >>> relational_sum(graph, torch.ones(1, 2), torch.tensor([[[2.0], [3.0]]]), weight)
    tensor([[[302.]]])
    """
    require_floating(feat=feat, edge_weight=edge_weight, rel_weight=rel_weight)
    require_dim(3, feat=feat)
    require_shape("feat", feat, (feat.size(0), graph.num_src, feat.size(2)))
    require_dim(4, rel_weight=rel_weight)
    groups, modalities = len(rel_weight), len(feat)
    if groups != modalities and (0 in (groups, modalities) or groups % modalities):
        raise ValueError(f"rel_weight must have a multiple of {modalities} groups, got {groups}")
    require_shape("edge_weight", edge_weight, (groups, graph.num_edges))
    shape = (groups, graph.num_rels, feat.size(2), rel_weight.size(-1))
    require_shape("rel_weight", rel_weight, shape)
    if is_reference(impl, edge_weight, feat, rel_weight):
        return relational_sum_reference(graph, edge_weight, feat, rel_weight)
    if feat.device.type == "cpu":
        dtype = computed_dtype(feat) if autocasts(feat) else feat.dtype
        given = (x.to(dtype).contiguous() for x in (edge_weight, feat, rel_weight))
        return torch.ops.ariigcn.relational_sum(*given, graph.plan, graph.sizes)
    return composed_relational_sum(graph, edge_weight, feat, rel_weight)


def composed_relational_sum(
    graph: Graph, edge_weight: Tensor, feat: Tensor, rel_weight: Tensor
) -> Tensor:
    """Compute `relational_sum` by other operators, on any device."""
    rows = _by_group(feat, rel_weight)
    transformed = _transform(graph, segment_spmm(graph, edge_weight, rows), rel_weight)
    # Again by the operator, in a fixed order; index_add, of the reference, has none on CUDA.
    ones = transformed.new_ones(transformed.shape[:2])
    return segment_spmm(graph.segments_of_target, ones, transformed)


def relational_sum_reference(
    graph: Graph, edge_weight: Tensor, feat: Tensor, rel_weight: Tensor
) -> Tensor:
    """Compute `relational_sum` in plain torch, with a (G, E, D_in) tensor."""
    sums = segment_spmm_reference(graph, edge_weight, _by_group(feat, rel_weight))
    products = _transform(graph, sums, rel_weight)
    out = products.new_zeros(len(rel_weight), graph.num_dst, products.size(-1))
    return out.index_add(1, graph.seg_dst[graph.seg_order], products)


def _by_group(feat: Tensor, rel_weight: Tensor) -> Tensor:
    """Return the rows of each group, (G, N_src, D_in)."""
    return feat.repeat_interleave(len(rel_weight) // max(len(feat), 1), 0)


def _transform(graph: Graph, sums: Tensor, rel_weight: Tensor) -> Tensor:
    """Return segments, (G, P, D_out), in the order of their relations, each times its matrix."""
    rows = sums[:, graph.seg_order].split(graph.rel_counts, dim=1)
    pairs = zip(rows, rel_weight.unbind(1), strict=True)
    return torch.cat([own @ matrix for own, matrix in pairs], dim=1)


@torch.library.register_fake("ariigcn::relational_sum")
def _(edge_weight, feat, rel_weight, plan, sizes):
    return feat.new_empty(len(rel_weight), Sizes(*sizes).num_dst, rel_weight.size(3))


@torch.library.register_fake("ariigcn::relational_sum_backward")
def _(grad, edge_weight, feat, rel_weight, plan, sizes):
    return tuple(torch.empty_like(x) for x in (edge_weight, feat, rel_weight))


def _setup_context(ctx, inputs, output):
    *tensors, ctx.sizes = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx, grad):
    grads = torch.ops.ariigcn.relational_sum_backward(
        grad.contiguous(), *ctx.saved_tensors, ctx.sizes
    )
    return *grads, None, None


torch.library.register_autograd("ariigcn::relational_sum", _backward, setup_context=_setup_context)


def _forward(grad, edge_weight, feat, rel_weight, plan, sizes):
    graph = graph_of_plan(plan, sizes)
    return (relational_sum_reference(graph, edge_weight, feat, rel_weight),)


differentiate_backward("relational_sum", gradients=[0], inputs=range(1, 4), forward=_forward)
