"""Relational edge attention: the layer's forward and backward pass, and what it is set beside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.benchmark.attention_flex import FLEX_PEERS
from ariigcn_dgl.benchmark.attention_libraries import DGL_PEERS, PYG_PEERS
from ariigcn_dgl.benchmark.dialogues import (
    MOST_PRESENT,
    SHAPES,
    draw_speakers,
    num_speakers,
    window_edges,
)
from ariigcn_dgl.benchmark.problem import Built, Peer, compiled
from ariigcn_dgl.benchmark.record import OURS, PASSES, Pass
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv
from ariigcn_dgl.ops import relational_attention_reference

TRUTH_ELEMENTS = 2**25  # of an (E, D) tensor in float64: 256 MB
MOST_MATRIX_ELEMENTS = 3e8


@dataclass(frozen=True)
class RelationEdges:
    """Edges of all relations, sorted by relation; each relation that occurs is one slice."""

    src: Tensor
    dst: Tensor
    norm: Tensor  # 1 / |N_i^r|
    rels: list[int]
    counts: list[int]

    def slices(self) -> list[tuple[int, Tensor, Tensor]]:
        """Return (relation, src, dst) of every relation that occurs."""
        parts = zip(self.src.split(self.counts), self.dst.split(self.counts), strict=True)
        return [(r, src, dst) for r, (src, dst) in zip(self.rels, parts, strict=True)]


@dataclass(frozen=True)
class AttentionInputs:
    """A batch of equally long dialogues, features and weights.

    Features and weights of the score lie on a grid on which every type that has at least the 8 bits
    of bfloat16 holds u_i and v_j as they are, and u_i + v_j is never 0: in all types the same
    elements are positive, so the kink of ReLU cannot blur the comparison of gradients.
    """

    length: int
    speakers: Tensor | None  # (N,) on the CPU, where `from_dialogues` makes these edges of them
    num_speakers: int
    src: Tensor  # (E,), edges sorted by (dst, etypes)
    dst: Tensor
    etypes: Tensor
    num_rels: int  # R + 1: the last is that of the self edges
    feat: Tensor  # (N, D)
    weight_dst: Tensor  # (D, D)
    weight_src: Tensor  # (D, D)
    score: Tensor  # (D,)
    rel_weight: Tensor  # (R + 1, D, D)
    grad: Tensor  # (N, D)

    @property
    def leaves(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """What is differentiated, in the order of comparison."""
        return (self.feat, self.weight_dst, self.weight_src, self.score, self.rel_weight)

    @property
    def edge_elements(self) -> int:
        """E times D: the elements of one feature per edge."""
        return len(self.src) * self.feat.size(1)

    @property
    def segments(self) -> int:
        """P: the (target, relation) pairs that have an edge."""
        return len(torch.unique(self.dst * self.num_rels + self.etypes))

    def edge_bytes(self, copies: float) -> int:
        """Return the bytes of so many (E, D) tensors."""
        return int(copies * self.edge_elements * self.feat.element_size())

    def refuse_matrix_per_edge(self) -> str:
        """Return why what makes an (E, D, D) tensor is not run; "" if it is small."""
        elements = self.edge_elements * self.feat.size(1)
        fits = elements <= MOST_MATRIX_ELEMENTS
        return "" if fits else "makes a D x D matrix per edge: small only"

    def by_relation(self) -> RelationEdges:
        """Return the edges sorted by relation."""
        order = torch.argsort(self.etypes, stable=True)
        src, dst, etypes = self.src[order], self.dst[order], self.etypes[order]
        _, segment, size = torch.unique(
            dst * self.num_rels + etypes, return_inverse=True, return_counts=True
        )
        rels, counts = torch.unique_consecutive(etypes, return_counts=True)
        norm = size[segment].to(self.feat.dtype).reciprocal()
        return RelationEdges(src, dst, norm, rels.tolist(), counts.tolist())

    def part(self, first: int, last: int) -> AttentionInputs:
        """Return the nodes first to last - 1, which must be whole dialogues, in float64."""
        bounds = torch.tensor([first, last], device=self.dst.device)
        start, end = torch.searchsorted(self.dst, bounds)
        double = {
            name: getattr(self, name).detach().double().requires_grad_()
            for name in ("weight_dst", "weight_src", "score", "rel_weight")
        }
        return replace(
            self,
            src=self.src[start:end] - first,
            dst=self.dst[start:end] - first,
            etypes=self.etypes[start:end],
            feat=self.feat[first:last].detach().double().requires_grad_(),
            grad=self.grad[first:last].double(),
            **double,
        )


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

    def inputs(self, dtype: torch.dtype, device: torch.device, seed: int = 0) -> AttentionInputs:
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
            **draw_tensors(len(speakers), self.dim, self.relations + 1, dtype, device, seed),
        )

    def sizes(self, inputs: AttentionInputs) -> dict[str, int]:
        """Return nodes N, edges E, (target, relation) segments P, relations R and width D."""
        return {
            "N": len(inputs.feat),
            "E": len(inputs.src),
            "P": inputs.segments,
            "R": self.relations,
            "D": self.dim,
        }

    def work(self, inputs: AttentionInputs) -> Mapping[Pass, tuple[float, float]]:
        """Return the FLOPs and bytes that no implementation can avoid."""
        present = len(torch.unique(inputs.etypes))
        flops, size = attention_work(
            len(inputs.feat), inputs.segments, present, self.dim, inputs.feat.element_size()
        )
        return {"forward": (flops, size), "forward+backward": (3 * flops, 3 * size)}

    def grad(self, inputs: AttentionInputs) -> Tensor:
        """Return the gradient that reaches the output."""
        return inputs.grad

    def truth(self, inputs: AttentionInputs, name: Pass) -> list[Tensor]:
        """Return output and gradients by plain torch in float64, some dialogues at a time."""
        outs, feat_grads, weight_grads = [], [], []
        per_node = inputs.edge_elements / len(inputs.feat)
        step = max(int(TRUTH_ELEMENTS / per_node) // inputs.length, 1) * inputs.length
        for first in range(0, len(inputs.feat), step):
            part = inputs.part(first, min(first + step, len(inputs.feat)))
            out = split_attention(part.leaves, part.by_relation())
            outs.append(out.detach())
            if name != "forward":
                feat_grad, *grads = torch.autograd.grad(out, part.leaves, part.grad)
                feat_grads.append(feat_grad)
                weight_grads.append(grads)
        if name == "forward":
            return [torch.cat(outs)]
        sums = [sum(parts[1:], parts[0]) for parts in zip(*weight_grads, strict=True)]
        return [torch.cat(outs), torch.cat(feat_grads), *sums]

    def peers(self) -> Sequence[Peer]:
        """Return the implementations, ours first."""
        return (*OUR_PEERS, *DGL_PEERS, *TORCH_PEERS, *FLEX_PEERS, *PYG_PEERS)


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


def draw_tensors(
    nodes: int, dim: int, num_rels: int, dtype: torch.dtype, device: torch.device, seed: int = 0
) -> dict[str, Tensor]:
    """Return features, weights and output gradient by their names in `AttentionInputs`."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def signs(*shape: int) -> Tensor:
        return torch.randint(2, shape, generator=generator) * 2.0 - 1

    # Sums of D products ±1 and ±2 are integers whose deviation is 1.6 sqrt(D), 25 at D = 256:
    # hardly one of 100,000 x 256 needs more than 7 bits. The unit makes it about 1. A feature
    # that is 1, with half a unit as its weight, keeps every sum off 0.
    feat = signs(nodes, dim) * torch.randint(1, 3, (nodes, dim), generator=generator)
    unit = 2.0 ** -round(math.log2(1.6 * dim**0.5))
    weight_dst, weight_src = signs(dim, dim) * unit, signs(dim, dim) * unit
    feat[:, 0] = 1
    weight_dst[0] /= 2
    tensors = {
        "feat": feat,
        "weight_dst": weight_dst,
        "weight_src": weight_src,
        "score": normal(dim) / dim**0.5,
        "rel_weight": normal(num_rels, dim, dim) / dim**0.5,
    }
    leaves = {k: v.to(device, dtype).requires_grad_() for k, v in tensors.items()}
    return leaves | {"grad": normal(nodes, dim).to(device, dtype)}


def split_attention(leaves: Sequence[Tensor], edges: RelationEdges) -> Tensor:
    """Return the layer's output: U and V apart, gather, scatter, a product per relation."""
    feat, weight_dst, weight_src, score, rel_weight = leaves
    nodes = len(feat)
    u, v = feat @ weight_dst, feat @ weight_src
    scores = F.relu(u[edges.dst] + v[edges.src]) @ score
    largest = scores.new_full((nodes,), -torch.inf)
    largest = largest.scatter_reduce(0, edges.dst, scores.detach(), "amax")
    exp = (scores - largest[edges.dst]).exp()
    total = exp.new_zeros(nodes).index_add(0, edges.dst, exp)
    weight = (exp / total[edges.dst] * edges.norm).split(edges.counts)
    matrices = rel_weight.unbind(0)
    out = torch.zeros_like(feat)
    for (relation, src, dst), part in zip(edges.slices(), weight, strict=True):
        summed = torch.zeros_like(feat).index_add(0, dst, part.unsqueeze(1) * feat[src])
        out = out + summed @ matrices[relation]
    return F.gelu(out)


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


def _graph(inputs: AttentionInputs) -> Graph:
    """Return the graph as users build it: of lengths and speakers, where they tell all."""
    nodes = len(inputs.feat)
    if inputs.speakers is not None:
        graph = Graph.from_dialogues(
            torch.full((nodes // inputs.length,), inputs.length),
            inputs.speakers,
            relations="pairs",
            num_speakers=inputs.num_speakers,
        )
        return graph.to(inputs.feat.device)
    edges = (inputs.src, inputs.dst, inputs.etypes)
    return Graph.from_edges(*edges, num_src=nodes, num_dst=nodes, num_rels=inputs.num_rels)


def _ours(inputs: AttentionInputs) -> Built:
    graph, dim = _graph(inputs), inputs.feat.size(1)
    conv = RelEdgeAttentionConv(
        dim,
        dim,
        inputs.num_rels,
        norm="relation",
        negative_slope=0.0,
        bias=False,
        activation=F.gelu,
    ).to(inputs.feat)
    conv.set_allow_zero_in_degree(True)
    names = ("weight_dst", "weight_src", "score", "rel_weight")
    parameters = [conv.get_parameter(name) for name in names]
    with torch.no_grad():
        for parameter, value in zip(parameters, inputs.leaves[1:], strict=True):
            parameter.copy_(value.reshape(parameter.shape))

    def values(results: list[Tensor]) -> list[Tensor]:
        out, *grads = results
        pairs = zip(grads, inputs.leaves, strict=False)
        return [out, *(grad.reshape(leaf.shape) for grad, leaf in pairs)]

    return Built(lambda: conv(graph, inputs.feat), (inputs.feat, *parameters), values)


def _reference(inputs: AttentionInputs) -> Built:
    graph = _graph(inputs)

    def forward() -> Tensor:
        given = [x.unsqueeze(0) for x in inputs.leaves]
        out, _ = relational_attention_reference(graph, *given, gelu=True)
        return out.squeeze(0)

    return Built(forward, inputs.leaves)


def _split(inputs: AttentionInputs, with_compiler: bool) -> Built:
    edges = inputs.by_relation()
    function = compiled(split_attention) if with_compiler else split_attention
    return Built(lambda: function(inputs.leaves, edges), inputs.leaves)


def _products(inputs: AttentionInputs) -> Built:
    """Multiply as the operator has to, and do nothing else, by torch's library."""
    feat, rel_weight = inputs.feat.detach(), inputs.rel_weight.detach()
    both = torch.cat([inputs.weight_dst, inputs.weight_src], dim=1).detach()
    segments = torch.unique(inputs.etypes * len(feat) + inputs.dst)
    pairs = feat[segments % len(feat)]
    ends = torch.bincount(segments // len(feat), minlength=inputs.num_rels).cumsum(0)
    grouped = partial(F.grouped_mm, offs=ends.int())

    def forward() -> list[Tensor]:
        return [feat @ both, grouped(pairs, rel_weight)]

    def with_backward() -> list[Tensor]:
        projected, summed = forward()
        return [
            projected @ both.T,
            feat.T @ projected,
            grouped(summed, rel_weight.transpose(1, 2)),
            grouped(pairs.T, summed),
        ]

    no_grad = torch.no_grad()
    return Built(
        forward,
        timed={"forward": no_grad(forward), "forward+backward": no_grad(with_backward)},
    )


def _not_bfloat16(inputs: AttentionInputs) -> str:
    found = inputs.feat.dtype == torch.bfloat16
    return "" if found else "torch groups matrix products in bfloat16 only"


def _dense(inputs: AttentionInputs, with_compiler: bool) -> Built:
    length, dim = inputs.length, inputs.feat.size(1)
    batch = len(inputs.feat) // length
    edges = inputs.by_relation()
    relation = torch.tensor(edges.rels, device=inputs.feat.device)
    etypes = relation.repeat_interleave(torch.tensor(edges.counts, device=relation.device))
    norm = inputs.feat.new_zeros(batch, length, inputs.num_rels, length)
    norm[edges.dst // length, edges.dst % length, etypes, edges.src % length] = edges.norm
    window = norm.any(2)
    function = compiled(dense_attention) if with_compiler else dense_attention

    def forward() -> Tensor:
        feat = inputs.feat.view(batch, length, dim)
        return function(feat, *inputs.leaves[1:], window, norm).view(-1, dim)

    return Built(forward, inputs.leaves)


def _dense_bytes(inputs: AttentionInputs) -> int:
    elements = len(inputs.feat) * inputs.length
    copies = 4 * inputs.feat.size(1) + 2 * inputs.num_rels
    return elements * copies * inputs.feat.element_size()


OUR_PEERS = (
    Peer(OURS, "ours", _ours, slack=1),
    Peer(
        "reference", "ours, reference", _reference, refusal=AttentionInputs.refuse_matrix_per_edge
    ),
)
TORCH_PEERS = (
    Peer(
        "torch-split",
        "torch gather + index_add",
        partial(_split, with_compiler=False),
        bytes_needed=lambda inputs: inputs.edge_bytes(6),
    ),
    Peer(
        "split-compiled",
        "torch gather, compiled",
        partial(_split, with_compiler=True),
        compiled=True,
        bytes_needed=lambda inputs: inputs.edge_bytes(6),
    ),
    Peer(
        "dense",
        "torch padded dense",
        partial(_dense, with_compiler=False),
        bytes_needed=_dense_bytes,
    ),
    Peer(
        "dense-compiled",
        "torch padded, compiled",
        partial(_dense, with_compiler=True),
        compiled=True,
        bytes_needed=_dense_bytes,
    ),
    Peer("products", "torch products alone", _products, same=False, refusal=_not_bfloat16),
)
