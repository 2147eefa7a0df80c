"""Relational edge attention by torch's `flex_attention`: a call per relation, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import (
    AuxRequest,
    BlockMask,
    create_block_mask,
    flex_attention,
)

from ariigcn_dgl.benchmark.problem import Built, Peer, compiled

if TYPE_CHECKING:
    from ariigcn_dgl.benchmark.attention import AttentionInputs

NO_RELATION = -1


def flex_relational_attention(
    leaves: Sequence[Tensor], masks: Sequence[BlockMask], rels: Sequence[int], norm: Tensor
) -> Tensor:
    r"""Return the layer's output (B, L, D) of dialogues (B, L, D).

    A call attends within one relation, and the log-sum-exp of all tell what share of a target's
    attention falls on it: :math:`\mathrm{softmax}_j = e^{l_r - l} \mathrm{softmax}_{j \in r}` with
    :math:`l = \log \sum_r e^{l_r}`.

    Parameters
    ----------
    leaves : sequence of tensors
        Features (B, L, D) and weights, as `AttentionInputs.leaves`.
    masks : sequence of BlockMask
        The edges of each relation that occurs.
    rels : sequence of int
        Which these relations are.
    norm : (relations that occur, B, L) tensor
        1 / |N_i^r|; any where a target has none.
    """
    feat, weight_dst, weight_src, score, rel_weight = leaves
    u, v = feat @ weight_dst, feat @ weight_src
    scores = F.relu(u.unsqueeze(2) + v.unsqueeze(1)) @ score
    # Scores are no products of queries and keys: those are 0, and ours are added.
    query = torch.zeros_like(feat).detach().unsqueeze(1)

    def add_score(product: Tensor, b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return product + scores[b, i, j]

    lse = AuxRequest(lse=True)
    found = [
        flex_attention(
            query, query, feat.unsqueeze(1), add_score, block_mask=mask, scale=1.0, return_aux=lse
        )
        for mask in masks
    ]
    logs = torch.stack([aux.lse.squeeze(1) for _, aux in found if aux.lse is not None])
    share = (logs - logs.logsumexp(0)).exp() * norm
    matrices = rel_weight.unbind(0)
    out = torch.zeros_like(feat)
    for (mean, _), relation, weight in zip(found, rels, share, strict=True):
        summed = mean.squeeze(1) * weight.unsqueeze(-1).to(feat.dtype)
        out = out + summed @ matrices[relation]
    return F.gelu(out)


def build_flex(inputs: AttentionInputs) -> Built:
    """Return the peer, compiled where inputs are on a GPU."""
    edges, length = inputs.by_relation(), inputs.length
    batch, device = len(inputs.feat) // length, inputs.feat.device
    dialogue, target = edges.dst // length, edges.dst % length
    relation = torch.full((batch, length, length), NO_RELATION, device=device)
    index = torch.arange(len(edges.rels), device=device)
    index = index.repeat_interleave(torch.tensor(edges.counts, device=device))
    relation[dialogue, target, edges.src % length] = index
    norm = torch.ones(len(edges.rels), batch, length, device=device, dtype=edges.norm.dtype)
    norm[index, dialogue, target] = edges.norm

    def mask_of(wanted: int) -> BlockMask:
        def is_edge(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
            return relation[b, i, j] == wanted

        return create_block_mask(is_edge, batch, None, length, length, device=device)

    masks = [mask_of(wanted) for wanted in range(len(edges.rels))]
    on_gpu = inputs.feat.is_cuda
    function = compiled(flex_relational_attention) if on_gpu else flex_relational_attention

    def forward() -> Tensor:
        feat, *weights = inputs.leaves
        rows = feat.view(batch, length, -1)
        return function([rows, *weights], masks, edges.rels, norm).view_as(feat)

    return Built(forward, inputs.leaves)


def _on_cpu(inputs: AttentionInputs) -> str:
    return "" if inputs.feat.is_cuda else "torch's flex_attention has no gradient on the CPU"


def _bytes(inputs: AttentionInputs) -> int:
    """Return those of a score per pair of rows of a dialogue, and of what it is made of, twice."""
    elements = len(inputs.feat) * inputs.length * (2 * inputs.feat.size(1) + 4)
    return elements * inputs.feat.element_size()


FLEX_PEERS = (
    Peer(
        "flex",
        "torch flex_attention, compiled",
        build_flex,
        compiled=True,
        bytes_needed=_bytes,
        refusal=_on_cpu,
    ),
)
