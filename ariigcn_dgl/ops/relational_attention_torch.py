"""Relational attention in plain torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.ops.edge_softmax import Softmax, edge_softmax
from ariigcn_dgl.ops.relational_sum import relational_sum_reference

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph

# Activations without a setting.
_FIXED: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "elu": F.elu,
    "gelu": F.gelu,
}


def relational_attention_reference(
    graph: Graph,
    feat: Tensor,
    weight_dst: Tensor,
    weight_src: Tensor,
    score: Tensor,
    rel_weight: Tensor,
    *,
    dst_feat: Tensor | None = None,
    bias: Tensor | None = None,
    edge_weight: Tensor | None = None,
    activation: str = "leaky_relu",
    negative_slope: float = 0.0,
    dropout: float = 0.0,
    normalise: bool = True,
    gelu: bool = False,
    softmax: Softmax = "all",
    kept: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Compute `relational_attention` in plain torch, with (G, E, A) and (G, E, D_in) tensors.

    `kept`, (G, E), is what dropout multiplies the attention by, where it has been drawn before.
    """
    source, u, v = _project(feat, dst_feat, weight_dst, weight_src)
    alpha = _attention(graph, u, v, score, bias, activation, negative_slope, softmax)
    attended = F.dropout(alpha, dropout) if kept is None else alpha * kept
    factor = _factor(graph, attended, edge_weight, normalise)
    out = relational_sum_reference(graph, factor, source, rel_weight)
    return (F.gelu(out) if gelu else out), alpha


def _project(
    feat: Tensor, dst_feat: Tensor | None, weight_dst: Tensor, weight_src: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the source rows of every group, and its target and source terms."""
    heads = len(weight_dst) // len(feat)
    source = feat.repeat_interleave(heads, 0)
    target = source if dst_feat is None else dst_feat.repeat_interleave(heads, 0)
    return source, target @ weight_dst, source @ weight_src


def _attention(
    graph: Graph,
    u: Tensor,
    v: Tensor,
    score: Tensor,
    bias: Tensor | None,
    activation: str,
    negative_slope: float,
    softmax: Softmax,
) -> Tensor:
    """Return the attention of every edge, (G, E)."""
    hidden = u[:, graph.dst] + v[:, graph.src]
    hidden = hidden if bias is None else hidden + bias[:, graph.etypes]
    act = _FIXED.get(activation)
    hidden = F.leaky_relu(hidden, negative_slope) if act is None else act(hidden)
    return edge_softmax(graph, torch.einsum("gea,ga->ge", hidden, score), softmax)


def _factor(graph: Graph, attended: Tensor, edge_weight: Tensor | None, normalise: bool) -> Tensor:
    """Return what every edge multiplies its source by, (G, E)."""
    factor = attended * graph.norm.to(attended) if normalise else attended
    return factor if edge_weight is None else factor * edge_weight
