"""Dot-product attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.ops._checks import require_choice, require_dim, require_floating, require_shape
from ariigcn_dgl.ops._impl import Impl, is_reference
from ariigcn_dgl.ops._precision import in_floats
from ariigcn_dgl.ops.edge_softmax import (
    SOFTMAXES,
    Softmax,
    edge_softmax,
    largest_score,
    softmax_rows,
)
from ariigcn_dgl.ops.segment_spmm import segment_spmm

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph


def dot_attention(
    graph: Graph, query: Tensor, key: Tensor, *, softmax: Softmax = "all", impl: Impl = "native"
) -> Tensor:
    r"""Compute the attention of every edge from the dot product of its ends.

    .. math::
        e_{ij} = q_i \cdot k_j, \qquad
        \alpha_{ij} = \frac{\exp e_{ij}}{\sum_{j' \in N_i} \exp e_{ij'}}

    No (E, D) tensor is made, forward or backward; sums are gathered in a fixed order, so results do
    not depend on the number of threads. Differentiable any number of times. Under autocast computed
    in float32.

    Parameters
    ----------
    graph : Graph
        E edges between N_src sources and N_dst targets.
    query : (G, N_dst, D) tensor
        Target rows; G counts independent groups (modalities, heads).
    key : (G, N_src, D) tensor
        Source rows.
    softmax : {"all", "relation"}
        Whether the attention of all of a target's edges adds up to 1, or that of its edges of each
        relation.
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

    Returns
    -------
    (G, E) tensor
        Attention in the order of ``graph.indices``.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([0, 1]), num_src=2)
    >>> dot_attention(graph, torch.ones(1, 1, 1), torch.tensor([[[0.0], [1.0]]]))
    tensor([[0.2689, 0.7311]])
    """
    require_floating(query=query, key=key)
    require_dim(3, query=query)
    groups, _, width = query.shape
    require_shape("query", query, (groups, graph.num_dst, width))
    require_shape("key", key, (groups, graph.num_src, width))
    require_choice("softmax", softmax, SOFTMAXES)
    if is_reference(impl, query, key):
        query, key = in_floats(query, key)
        return dot_attention_reference(graph, query, key, softmax)
    targets = graph.merged  # whose segments are the targets
    scores = torch.ops.ariigcn.segment_sddmm(
        query.contiguous(), key.contiguous(), targets.plan, targets.sizes
    )
    # Dynamo takes no Function that reads a graph of unknown sizes, and needs none.
    normalise = _normalised if torch.compiler.is_compiling() else _Softmax.apply
    return normalise(scores, graph, softmax)


def dot_attention_reference(
    graph: Graph, query: Tensor, key: Tensor, softmax: Softmax = "all"
) -> Tensor:
    """Compute `dot_attention` in plain torch, with (G, E, D) tensors."""
    return edge_softmax(graph, (query[:, graph.dst] * key[:, graph.src]).sum(-1), softmax)


class _Softmax(torch.autograd.Function):
    """Normalise scores, (G, E)."""

    @staticmethod
    def forward(ctx, scores: Tensor, graph: Graph, softmax: Softmax) -> Tensor:
        ctx.graph, ctx.softmax = graph, softmax
        alpha = _normalised(scores, graph, softmax)
        ctx.save_for_backward(alpha)
        return alpha

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:
        (alpha,) = ctx.saved_tensors
        return alpha * (grad - _sum(alpha * grad, ctx.graph, ctx.softmax)), None, None


def _normalised(scores: Tensor, graph: Graph, softmax: Softmax) -> Tensor:
    index, rows = softmax_rows(graph, softmax)
    # Less the largest: exponentials do not overflow, and the quotient stays the same.
    exp = (scores - largest_score(index.expand_as(scores), rows, scores.detach())).exp()
    return exp / _sum(exp, graph, softmax)


def _sum(values: Tensor, graph: Graph, softmax: Softmax) -> Tensor:
    """Return the sum over the edges of each edge's row of the softmax, (G, E)."""
    rows = graph.merged if softmax == "all" else graph
    ones = values.new_ones(len(values), rows.num_src, 1)
    # By an operator with a fixed order and a derivative, where scatter_add has no order on CUDA.
    index, _ = softmax_rows(graph, softmax)
    return segment_spmm(rows, values, ones).squeeze(-1)[:, index]
