"""The index structure of a typed graph, as the kernels read it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from ariigcn_dgl.graph import constructors
from ariigcn_dgl.graph.constructors import LASTING
from ariigcn_dgl.graph.move import move
from ariigcn_dgl.transfer import send


@dataclass(frozen=True, repr=False)
class Graph:
    """In-edges of every target, sorted by (target, relation), and everything derived from them.

    Shapes: N_dst targets, N_src sources, E edges, P non-empty (target, relation) segments, C
    components. All tensors are int64, live on one device and must not be written to. Build one with
    `from_dialogues`, `from_dgl`, `from_edge_index`, `from_edges` or `from_csr` (in
    `ariigcn_dgl.graph.constructors`); the constructor itself trusts its arguments.

    Parameters
    ----------
    indptr : (N_dst + 1,) tensor
        Edges of target i are ``indptr[i]:indptr[i + 1]``.
    indices : (E,) tensor
        Source of each edge.
    etypes : (E,) tensor
        Relation of each edge, ``0 <= etypes < num_rels``, non-decreasing within a target.
    eids : (E,) tensor
        Position of each edge in the caller's own edge order (for DGL: its edge id).
    dst : (E,) tensor
        Target of each edge.
    seg_ptr, seg_dst, seg_rel : (P + 1,), (P,), (P,) tensors
        Edges, target and relation of each segment; segments are sorted by (target, relation).
    edge_seg : (E,) tensor
        Segment of each edge.
    t_indptr, t_eids : (N_src + 1,), (E,) tensors
        The transpose: edges that leave source j are ``t_eids[t_indptr[j]:t_indptr[j + 1]]``.
    components : (C + 1,) tensor
        Row boundaries of the finest partition of the nodes into contiguous ranges that no edge
        leaves (for a batch of dialogues: at least these), so that each range can be computed alone;
        an isolated node is a range. All targets are one range where ``N_src != N_dst``.
    num_rels : int
        Number of relations R.
    host : Graph, optional
        The same graph on the CPU, where a graph on another device came from: what needs values to
        be looked at is computed there, so that nobody waits for the device.
    narrow : Graph, optional
        The same graph with what the kernels read in int32, on devices other than the CPU and where
        all numbers fit.
    """

    indptr: Tensor
    indices: Tensor
    etypes: Tensor
    eids: Tensor
    dst: Tensor
    seg_ptr: Tensor
    seg_dst: Tensor
    seg_rel: Tensor
    edge_seg: Tensor
    t_indptr: Tensor
    t_eids: Tensor
    components: Tensor
    num_rels: int
    host: Graph | None = field(default=None, repr=False, compare=False)
    narrow: Graph | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return (
            f"Graph(num_src={self.num_src}, num_dst={self.num_dst}, num_edges={self.num_edges}, "
            f"num_rels={self.num_rels}, device={self.indices.device})"
        )

    @property
    def num_dst(self) -> int:
        """Number of targets N_dst."""
        return len(self.indptr) - 1

    @property
    def num_src(self) -> int:
        """Number of sources N_src."""
        return len(self.t_indptr) - 1

    @property
    def num_edges(self) -> int:
        """Number of edges E."""
        return len(self.indices)

    @property
    def num_segments(self) -> int:
        """Number of non-empty (target, relation) pairs P."""
        return len(self.seg_dst)

    @property
    def plan(self) -> Graph:
        """The graph as the kernels of its device read it: int32 or int64 throughout."""
        return self if self.narrow is None else self.narrow

    @cached_property
    @LASTING
    def norm(self) -> Tensor:
        """``1 / |N_i^r|`` of the (target, relation) each edge belongs to, (E,) float64."""
        return self.seg_ptr.diff().double().reciprocal()[self.edge_seg]

    @cached_property
    @LASTING
    def in_norm(self) -> Tensor:
        """``1 / |N_i|`` of the target of each edge, (E,) float64."""
        return self.indptr.diff().double().reciprocal()[self.dst]

    @cached_property
    def first_without_in_edges(self) -> int | None:
        """The first target that no edge leads to; None where all have in-edges."""
        empty = (self.indptr[1:] == self.indptr[:-1]).nonzero()
        return int(empty[0]) if len(empty) else None

    @cached_property
    @LASTING
    def merged(self) -> Graph:
        """The same edges in the same order as one relation: its segments are all the targets."""
        return replace(
            self,
            etypes=torch.zeros_like(self.etypes),
            seg_ptr=self.indptr,
            seg_dst=torch.arange(self.num_dst, dtype=self.indptr.dtype, device=self.indptr.device),
            seg_rel=self.indptr.new_zeros(self.num_dst),
            edge_seg=self.dst,
            num_rels=1,
            host=None if self.host is None else self.host.merged,
            narrow=None if self.narrow is None else self.narrow.merged,
        )

    @cached_property
    @LASTING
    def self_edges(self) -> Tensor:
        """The self edge of every node, (N,) int64."""
        if self.host is not None:
            return send([self.host.self_edges], self.indices.device)[0]
        edges = (self.indices == self.dst).nonzero().squeeze(1)
        if len(edges) != self.num_dst or len(self.dst[edges].unique()) != self.num_dst:
            raise ValueError("every node must have exactly one self edge")
        return edges

    @cached_property
    @LASTING
    def relation_order(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where relations begin (R + 1,), segments by relation (P,), targets by relations (N_dst,).

        The segments of relation r are ``order[begin[r]:begin[r + 1]]``. In the third, targets with
        the same first and last relation are neighbours: mostly those of one speaker. Computed on
        the graph's device, without waiting for it; of the type of the graph's other tensors.
        """
        device, dtype = self.indptr.device, self.indptr.dtype
        segments = torch.argsort(self.seg_rel, stable=True)
        bounds = torch.arange(self.num_rels + 1, dtype=dtype, device=device)
        begin = torch.searchsorted(self.seg_rel[segments], bounds)
        targets = torch.arange(self.num_dst, device=device)
        if self.num_edges > 0:
            first, last = self.indptr[:-1], self.indptr[1:]
            inside = first.clamp(max=self.num_edges - 1), (last - 1).clamp(min=0)
            lowest, highest = (self.etypes[edges].long() for edges in inside)
            targets = torch.argsort(lowest * self.num_rels + highest, stable=True)
        return begin.to(dtype), segments.to(dtype), targets.to(dtype)

    @cached_property
    @LASTING
    def segments_by_relation(self) -> tuple[Tensor, list[int]]:
        """Order of the segments sorted by relation, (P,) int64, and how many each relation has."""
        if self.host is not None:
            order, counts = self.host.segments_by_relation
            return send([order], self.seg_rel.device)[0], counts
        offsets, order = torch.ops.ariigcn.counting_sort(self.seg_rel.cpu(), self.num_rels)
        return order.to(self.seg_rel.device), offsets.diff().tolist()

    @cached_property
    @LASTING
    def segments_of_target(self) -> Graph:
        """The graph whose sources are the segments in relation order: it sums them per target."""
        if self.host is not None:
            return self.host.segments_of_target.to(self.seg_dst.device)
        order, _ = self.segments_by_relation
        counts = torch.bincount(self.seg_dst, minlength=self.num_dst)
        indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        position = torch.empty_like(order)
        position[order] = torch.arange(len(order), device=order.device)
        return Graph.from_csr(indptr, position, num_src=len(position)).merged

    from_csr = classmethod(constructors.from_csr)
    from_edges = classmethod(constructors.from_edges)
    from_edge_index = classmethod(constructors.from_edge_index)
    from_dgl = classmethod(constructors.from_dgl)
    from_dialogues = classmethod(constructors.from_dialogues)

    @LASTING
    def to(self, device: torch.device | str) -> Graph:
        """Return the graph with every tensor on `device`; from the CPU they travel as one.

        Elsewhere than on the CPU its `plan` is in int32, if that is enough.
        """
        device = torch.device(device)
        if self.indices.device == device:
            return self
        if self.host is not None:
            return self.host.to(device)
        graph = move(self, device)
        graph.__dict__["first_without_in_edges"] = self.first_without_in_edges
        return graph.with_facts()

    def with_facts(self) -> Graph:
        """Find out now what later cannot be, then return the graph.

        `torch.compile` cannot look at values, and a captured CUDA graph would own what it makes.
        """
        _ = self.first_without_in_edges
        if self.indices.device.type == "cuda":
            _ = self.plan.relation_order
        return self
