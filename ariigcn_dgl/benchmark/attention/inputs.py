"""Tensors of a relational edge attention problem, shared by all peers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

FEAT_UNIT, WEIGHT_UNIT = 1 / 16, 1 / 64
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

    Features and weights of the score lie on a grid on which float32 computes every u_i + v_j
    without rounding, and never to 0: in float32 and float64 the same elements are positive, so the
    kink of ReLU cannot blur the comparison of gradients.
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

    def edge_bytes(self, copies: float) -> int:
        """Return the bytes of so many (E, D) tensors."""
        return int(copies * self.edge_elements * self.feat.element_size())

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
        start, end = torch.searchsorted(
            self.dst, torch.tensor([first, last], device=self.dst.device)
        )
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


def refuse_matrix_per_edge(inputs: AttentionInputs) -> str:
    """Return why what makes an (E, D, D) tensor is not run; "" if it is small."""
    elements = inputs.edge_elements * inputs.feat.size(1)
    return "" if elements <= MOST_MATRIX_ELEMENTS else "makes a D x D matrix per edge: small only"


def draw_tensors(
    nodes: int, dim: int, num_rels: int, dtype: torch.dtype, device: torch.device, seed: int = 0
) -> dict[str, Tensor]:
    """Return features, weights and output gradient by their names in `AttentionInputs`."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def on_grid(values: Tensor, unit: float) -> Tensor:
        return (values / unit).round() * unit

    feat = on_grid(normal(nodes, dim), FEAT_UNIT)
    weight_dst, weight_src = (on_grid(normal(dim, dim) / dim**0.5, WEIGHT_UNIT) for _ in range(2))
    # Products are multiples of the units' product. A feature that is 1, with an odd number of half
    # products as its weight, keeps every sum off 0.
    feat[:, 0] = 1
    half = FEAT_UNIT * WEIGHT_UNIT / 2
    weight_dst[0] = (2 * (normal(dim) / dim**0.5 / (2 * half)).round() + 1) * half
    tensors = {
        "feat": feat,
        "weight_dst": weight_dst,
        "weight_src": weight_src,
        "score": normal(dim) / dim**0.5,
        "rel_weight": normal(num_rels, dim, dim) / dim**0.5,
    }
    leaves = {k: v.to(device, dtype).requires_grad_() for k, v in tensors.items()}
    return leaves | {"grad": normal(nodes, dim).to(device, dtype)}
