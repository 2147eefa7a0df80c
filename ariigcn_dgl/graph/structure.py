"""The index structure of a typed graph, as the kernels read it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import torch
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.transfer import send


@dataclass(frozen=True)
class Graph:
    """In-edges of every target, sorted by (target, relation), and everything derived from them.

    Shapes: N_dst targets, N_src sources, E edges, P non-empty (target, relation) segments, C
    components. All tensors are int64, live on one device and must not be written to. Build one with
    `window_graph`, `Graph.from_csr`, `Graph.from_edges` or `as_graph`; the constructor trusts its
    arguments.

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

    @cached_property
    def norm(self) -> Tensor:
        """``1 / |N_i^r|`` of the (target, relation) each edge belongs to, (E,) float64."""
        return self.seg_ptr.diff().double().reciprocal()[self.edge_seg]

    @cached_property
    def in_norm(self) -> Tensor:
        """``1 / |N_i|`` of the target of each edge, (E,) float64."""
        return self.indptr.diff().double().reciprocal()[self.dst]

    @cached_property
    def merged(self) -> Graph:
        """The same edges in the same order as one relation: its segments are all the targets."""
        return replace(
            self,
            etypes=torch.zeros_like(self.etypes),
            seg_ptr=self.indptr,
            seg_dst=torch.arange(self.num_dst, device=self.indptr.device),
            seg_rel=self.indptr.new_zeros(self.num_dst),
            edge_seg=self.dst,
            num_rels=1,
            host=None if self.host is None else self.host.merged,
        )

    @cached_property
    def self_edges(self) -> Tensor:
        """The self edge of every node, (N,) int64."""
        if self.host is not None:
            return send([self.host.self_edges], self.indices.device)[0]
        edges = (self.indices == self.dst).nonzero().squeeze(1)
        if len(edges) != self.num_dst or len(self.dst[edges].unique()) != self.num_dst:
            raise ValueError("every node must have exactly one self edge")
        return edges

    @cached_property
    def segments_by_relation(self) -> tuple[Tensor, list[int]]:
        """Order of the segments sorted by relation, (P,) int64, and how many each relation has."""
        if self.host is not None:
            order, counts = self.host.segments_by_relation
            return send([order], self.seg_rel.device)[0], counts
        offsets, order = torch.ops.ariigcn.counting_sort(self.seg_rel.cpu(), self.num_rels)
        return order.to(self.seg_rel.device), offsets.diff().tolist()

    @cached_property
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

    @classmethod
    def from_csr(
        cls,
        indptr: Tensor,
        indices: Tensor,
        etypes: Tensor | None = None,
        num_rels: int | None = None,
        num_src: int | None = None,
        eids: Tensor | None = None,
    ) -> Graph:
        """Build the structure from in-edges in CSR form, etypes sorted within each target.

        Parameters
        ----------
        indptr, indices : (N_dst + 1,), (E,) int64 tensors
            Row pointer over targets, and the source of each edge.
        etypes : (E,) int64 tensor, optional
            Relation of each edge; default all 0.
        num_rels, num_src : int, optional
            Number of relations (default: largest + 1) and of sources (default: N_dst).
        eids : (E,) int64 tensor, optional
            Position of each edge in the caller's order; default ``arange(E)``.

        Raises
        ------
        ValueError
            If the arrays do not describe such a graph; says which entry and why.

        Examples
        --------
        >>> import torch
        >>> graph = Graph.from_csr(torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1]))
        >>> graph.num_dst, graph.num_edges, graph.num_segments
        (2, 3, 2)
        """
        etypes = torch.zeros_like(indices) if etypes is None else etypes
        eids = torch.arange(indices.numel()) if eids is None else eids
        _check_vectors(indptr=indptr, indices=indices, etypes=etypes, eids=eids)
        if num_rels is None:
            num_rels = max(int(etypes.max()) + 1, 1) if len(etypes) else 1
        num_src = max(len(indptr) - 1, 0) if num_src is None else num_src
        host = [tensor.cpu().contiguous() for tensor in (indptr, indices, etypes, eids)]
        _check_csr(*host, num_rels, num_src)
        plan = torch.ops.ariigcn.csr_plan(*host[:3], num_src)
        return cls(*host, *plan, num_rels=num_rels).to(indices.device)

    @classmethod
    def from_edges(
        cls,
        src: Tensor,
        dst: Tensor,
        etypes: Tensor | None = None,
        *,
        num_src: int,
        num_dst: int,
        num_rels: int | None = None,
    ) -> Graph:
        """Build the structure from edges in any order; `eids` leads back to that order.

        Parameters
        ----------
        src, dst : (E,) int64 tensors
            Source and target of each edge (rows 0 and 1 of PyG's ``edge_index``).
        etypes : (E,) int64 tensor, optional
            Relation of each edge; default all 0.
        num_src, num_dst, num_rels : int
            Numbers of nodes; number of relations (default: largest + 1).

        Raises
        ------
        ValueError
            If lengths or dtypes disagree or a node or relation is out of range.

        Examples
        --------
        >>> import torch
        >>> graph = Graph.from_edges(
        ...     torch.tensor([1, 0]), torch.tensor([0, 0]), num_src=2, num_dst=1
        ... )
        >>> graph.indices.tolist(), graph.eids.tolist()
        ([0, 1], [1, 0])
        """
        etypes = torch.zeros_like(src) if etypes is None else etypes
        _check_vectors(src=src, dst=dst, etypes=etypes)
        if not len(src) == len(dst) == len(etypes):
            raise ValueError(
                "src, dst and etypes must have one entry per edge, got "
                f"{len(src)}, {len(dst)} and {len(etypes)}"
            )
        if len(dst) and not 0 <= int(dst.min()) <= int(dst.max()) < num_dst:
            raise ValueError(
                f"dst must lie in [0, {num_dst}), got {int(dst.min())} to {int(dst.max())}"
            )
        order = torch.argsort(src, stable=True)
        order = order[torch.argsort(etypes[order], stable=True)]
        order = order[torch.argsort(dst[order], stable=True)]
        counts = torch.bincount(dst, minlength=num_dst)
        indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return cls.from_csr(indptr, src[order], etypes[order], num_rels, num_src, order)

    def to(self, device: torch.device | str) -> Graph:
        """Return the graph with every tensor on `device`; from the CPU they travel as one."""
        device = torch.device(device)
        if self.indices.device == device:
            return self
        if self.host is not None:
            return self.host.to(device)
        tensors = [getattr(self, f.name) for f in fields(self) if f.type == "Tensor"]
        host = self if self.indices.device.type == "cpu" else None
        return Graph(*send(tensors, device), num_rels=self.num_rels, host=host)


def _check_vectors(**tensors: Tensor) -> None:
    for name, tensor in tensors.items():
        if tensor.dtype != torch.int64 or tensor.dim() != 1:
            raise ValueError(
                f"{name} must be a 1-D int64 tensor, got {tensor.dim()}-D {tensor.dtype}"
            )


def _check_csr(
    indptr: Tensor, indices: Tensor, etypes: Tensor, eids: Tensor, num_rels: int, num_src: int
) -> None:
    """Raise ValueError unless the kernels may trust these 1-D int64 arrays."""
    if num_rels < 1 or num_src < 0:
        raise ValueError(
            f"num_rels must be at least 1 and num_src at least 0, got {num_rels} and {num_src}"
        )
    if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices):
        raise ValueError(f"indptr must start at 0 and end at the number of edges ({len(indices)})")
    falls = indptr[1:] < indptr[:-1]  # not diff(), which may overflow
    if falls.any():
        raise ValueError(f"indptr decreases after row {int(falls.nonzero()[0])}")
    for name, tensor in (("etypes", etypes), ("eids", eids)):
        if len(tensor) != len(indices):
            raise ValueError(
                f"{name} must have one entry per edge ({len(indices)}), got {len(tensor)}"
            )
    for name, tensor, size in (("indices", indices, num_src), ("etypes", etypes, num_rels)):
        bad = ((tensor < 0) | (tensor >= size)).nonzero()
        if len(bad):
            edge = int(bad[0])
            raise ValueError(f"{name}[{edge}] is {int(tensor[edge])}, expected 0 to {size - 1}")
    falls = etypes.diff() < 0
    starts = indptr[1:-1]
    falls[starts[(starts > 0) & (starts < len(indices))] - 1] = False
    if falls.any():
        edge = int(falls.nonzero()[0])
        raise ValueError(
            f"etypes must not decrease within a target, but do after edge {edge}: "
            "use Graph.from_edges, which sorts"
        )
