"""Relational edge attention: the problem, the work it needs, and its result in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.attention.dgl_peers import DGL_PEERS
from ariigcn_dgl.benchmark.attention.inputs import AttentionInputs, draw_tensors
from ariigcn_dgl.benchmark.attention.our_peers import OUR_PEERS
from ariigcn_dgl.benchmark.attention.pyg_peers import PYG_PEERS
from ariigcn_dgl.benchmark.attention.torch_peers import TORCH_PEERS, split_attention
from ariigcn_dgl.benchmark.dialogues import (
    MOST_PRESENT,
    SHAPES,
    draw_speakers,
    num_speakers,
    window_edges,
)
from ariigcn_dgl.benchmark.problem import Peer
from ariigcn_dgl.benchmark.record import PASSES, Pass

TRUTH_ELEMENTS = 2**25  # of an (E, D) tensor in float64: 256 MB


@dataclass(frozen=True)
class AttentionProblem:
    """One shape, width D and number of relations R, besides that of the self edges."""

    batch: str
    dim: int
    relations: int
    operator = "attention"
    passes = PASSES

    @property
    def shape(self) -> str:
        """What tables call it."""
        return f"{self.batch} D{self.dim} R{self.relations}"

    def inputs(self, dtype: torch.dtype, device: torch.device) -> AttentionInputs:
        """Return tensors for all peers."""
        dialogues, length = SHAPES[self.batch]
        total = num_speakers(self.relations)
        speakers = draw_speakers(dialogues, length, total)
        src, dst, etypes = (one.to(device) for one in window_edges(length, speakers, total))
        return AttentionInputs(
            length=length,
            speakers=speakers if total <= MOST_PRESENT else None,
            num_speakers=total,
            src=src,
            dst=dst,
            etypes=etypes,
            num_rels=self.relations + 1,
            **draw_tensors(len(speakers), self.dim, self.relations + 1, dtype, device),
        )

    def sizes(self, inputs: AttentionInputs) -> dict[str, int]:
        """Return nodes N, edges E, (target, relation) segments P, relations R and width D."""
        return {
            "N": len(inputs.feat),
            "E": len(inputs.src),
            "P": _segments(inputs),
            "R": self.relations,
            "D": self.dim,
        }

    def work(self, inputs: AttentionInputs) -> Mapping[Pass, tuple[float, float]]:
        """Return the FLOPs and bytes that no implementation can avoid."""
        present = len(torch.unique(inputs.etypes))
        flops, size = attention_work(
            len(inputs.feat), _segments(inputs), present, self.dim, inputs.feat.element_size()
        )
        return {"forward": (flops, size), "forward+backward": (3 * flops, 3 * size)}

    def grad(self, inputs: AttentionInputs) -> Tensor:
        """Return the gradient that reaches the output."""
        return inputs.grad

    def truth(self, inputs: AttentionInputs, name: Pass) -> list[Tensor]:
        """Return output and gradients by plain torch in float64, some dialogues at a time."""
        outs, feat_grads, sums = [], [], None
        per_node = inputs.edge_elements / len(inputs.feat)
        step = max(int(TRUTH_ELEMENTS / per_node) // inputs.length, 1) * inputs.length
        for first in range(0, len(inputs.feat), step):
            part = inputs.part(first, min(first + step, len(inputs.feat)))
            out = split_attention(part, part.by_relation())
            outs.append(out.detach())
            if name == "forward":
                continue
            feat_grad, *grads = torch.autograd.grad(out, part.leaves, part.grad)
            feat_grads.append(feat_grad)
            sums = grads if sums is None else [x + y for x, y in zip(sums, grads, strict=True)]
        return (
            [torch.cat(outs)] if sums is None else [torch.cat(outs), torch.cat(feat_grads), *sums]
        )

    def peers(self) -> Sequence[Peer]:
        """Return the implementations, ours first."""
        return (*OUR_PEERS, *DGL_PEERS, *TORCH_PEERS, *PYG_PEERS)


def attention_work(
    nodes: int, segments: int, relations: int, dim: int, item: int
) -> tuple[float, float]:
    """Return the FLOPs and bytes of a forward pass.

    Matrix products of the two projections and of every non-empty (target, relation) segment; every
    weight that is used, every feature and every output moved once.

    Examples
    --------
    >>> attention_work(nodes=2, segments=3, relations=2, dim=10, item=4)
    (1400.0, 1800.0)
    """
    flops = 4 * nodes * dim**2 + 2 * segments * dim**2
    return float(flops), float(item * (2 * nodes * dim + (2 + relations) * dim**2 + dim))


def _segments(inputs: AttentionInputs) -> int:
    return len(torch.unique(inputs.dst * inputs.num_rels + inputs.etypes))
