"""The operators of a training step, composed of torch's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import _dropout, _scan, contrast, mean_conv, rel_edge_attention_conv
from ariigcn_dgl.ops import pairwise_contrast_reference, segment_spmm_reference
from ariigcn_dgl.ops.edge_softmax import edge_softmax


def relational_attention(
    graph: Graph,
    feat: Tensor,
    weight_dst: Tensor,
    weight_src: Tensor,
    score: Tensor,
    rel_weight: Tensor,
    *,
    dropout: float,
    gelu: bool,
) -> tuple[Tensor, Tensor]:
    """Return output and attention: gather, scatter, and a product for each relation.

    Neighbours are summed for each (target, relation) before the product: far less work than one
    product for each edge.
    """
    u, v = feat @ weight_dst, feat @ weight_src
    hidden = F.relu(u[:, graph.dst] + v[:, graph.src])
    alpha = edge_softmax(graph, torch.einsum("gea,ga->ge", hidden, score))
    attended = F.dropout(alpha, dropout) * graph.norm.to(alpha)
    sums = segment_spmm(graph, attended, feat)
    order, counts = graph.seg_order, graph.facts.rel_counts
    rows = zip(sums[:, order].split(counts, 1), rel_weight.unbind(1), strict=True)
    products = torch.cat([own @ matrix for own, matrix in rows], 1)
    out = products.new_zeros(len(feat), graph.num_dst, products.size(2))
    out = out.index_add(1, graph.seg_dst[order], products)
    return (F.gelu(out) if gelu else out), alpha


def segment_spmm(graph: Graph, weight: Tensor, feat: Tensor) -> Tensor:
    """Return the weighted sum of each segment's neighbours, of the larger type of the two."""
    dtype = torch.promote_types(weight.dtype, feat.dtype)
    return segment_spmm_reference(graph, weight.to(dtype), feat.to(dtype))


REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (rel_edge_attention_conv, "relational_attention", relational_attention),
    (mean_conv, "segment_spmm", segment_spmm),
    (contrast, "pairwise_contrast", pairwise_contrast_reference),
    (_dropout, "dropout", F.dropout),
    (_scan, "LARGEST_PADDING", 0),  # torch.nn.GRU on every device
)


@contextmanager
def native_operators() -> Iterator[None]:
    """Let the model's layers call these instead of this package's operators."""
    before = [getattr(module, name) for module, name, _ in REPLACED]
    try:
        for module, name, native in REPLACED:
            setattr(module, name, native)
        yield
    finally:
        for (module, name, _), own in zip(REPLACED, before, strict=True):
            setattr(module, name, own)
