"""Relational edge attention in plain torch: over edges, and padded to dense dialogues."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.benchmark.attention.inputs import AttentionInputs, RelationEdges
from ariigcn_dgl.benchmark.problem import Built, Peer


def split_attention(inputs: AttentionInputs, edges: RelationEdges) -> Tensor:
    """Return the layer's output: U and V apart, gather, scatter, a product per relation."""
    feat, nodes = inputs.feat, len(inputs.feat)
    u, v = feat @ inputs.weight_dst, feat @ inputs.weight_src
    scores = F.relu(u[edges.dst] + v[edges.src]) @ inputs.score
    largest = scores.new_full((nodes,), -torch.inf)
    largest = largest.scatter_reduce(0, edges.dst, scores.detach(), "amax")
    exp = (scores - largest[edges.dst]).exp()
    total = exp.new_zeros(nodes).index_add(0, edges.dst, exp)
    weight = (exp / total[edges.dst] * edges.norm).split(edges.counts)
    matrices = inputs.rel_weight.unbind(0)
    out = torch.zeros_like(feat)
    for (relation, src, dst), part in zip(edges.slices(), weight, strict=True):
        summed = torch.zeros_like(feat).index_add(0, dst, part.unsqueeze(1) * feat[src])
        out = out + summed @ matrices[relation]
    return F.gelu(out)


def _split(inputs: AttentionInputs) -> Built:
    edges = inputs.by_relation()
    return Built(lambda: split_attention(inputs, edges), inputs.leaves)


def dense_attention(
    feat: Tensor,
    weight_dst: Tensor,
    weight_src: Tensor,
    score: Tensor,
    rel_weight: Tensor,
    window: Tensor,
    norm: Tensor,
) -> Tensor:
    """Return the layer's output (B, L, D) of dialogues (B, L, D).

    `window` (B, L, L) is true on edges; `norm` (B, L, R, L) is 1 / |N_i^r| on edges of the relation
    and 0 elsewhere.
    """
    batch, length, dim = feat.shape
    u, v = feat @ weight_dst, feat @ weight_src
    scores = F.relu(u.unsqueeze(2) + v.unsqueeze(1)) @ score
    alpha = scores.masked_fill(~window, -torch.inf).softmax(-1)
    weight = (alpha.unsqueeze(2) * norm).reshape(batch, -1, length)
    summed = (weight @ feat).view(batch * length, -1)
    return F.gelu(summed @ rel_weight.view(-1, dim)).view(batch, length, -1)


def _dense(inputs: AttentionInputs, compiled: bool) -> Built:
    length, dim = inputs.length, inputs.feat.size(1)
    batch = len(inputs.feat) // length
    edges = inputs.by_relation()
    relation = torch.tensor(edges.rels, device=inputs.feat.device)
    etypes = relation.repeat_interleave(torch.tensor(edges.counts, device=relation.device))
    norm = inputs.feat.new_zeros(batch, length, inputs.num_rels, length)
    norm[edges.dst // length, edges.dst % length, etypes, edges.src % length] = edges.norm
    window = norm.any(2)
    function = dense_attention
    if compiled:
        torch.compiler.reset()
        function = torch.compile(dense_attention, dynamic=False, fullgraph=True)

    def forward() -> Tensor:
        feat = inputs.feat.view(batch, length, dim)
        return function(feat, *inputs.leaves[1:], window, norm).view(-1, dim)

    return Built(forward, inputs.leaves)


def _dense_bytes(inputs: AttentionInputs) -> int:
    elements = len(inputs.feat) * inputs.length
    copies = 4 * inputs.feat.size(1) + 2 * inputs.num_rels
    return elements * copies * inputs.feat.element_size()


TORCH_PEERS = (
    Peer(
        "torch-split",
        "torch gather + index_add",
        _split,
        bytes_needed=lambda inputs: inputs.edge_bytes(6),
    ),
    Peer(
        "dense",
        "torch padded dense",
        partial(_dense, compiled=False),
        bytes_needed=_dense_bytes,
    ),
    Peer(
        "dense-compiled",
        "torch padded, compiled",
        partial(_dense, compiled=True),
        compiled=True,
        bytes_needed=_dense_bytes,
    ),
)
