"""The index structure of a typed graph, as the kernels read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl.graph.cache import cached
from ariigcn_dgl.graph.checks import (
    as_int64,
    check_csr,
    check_edge_ids,
    check_edge_index,
    check_sizes,
    check_two_rows,
    check_vectors,
)
from ariigcn_dgl.graph.dgl_edges import edges_of
from ariigcn_dgl.graph.lasting import LastingProperty, lasting
from ariigcn_dgl.graph.pairs import SourcePairs, source_pairs
from ariigcn_dgl.graph.plan import Facts, Sizes, csr_plan, edge_plan, pack, unpack
from ariigcn_dgl.graph.window import Relations, relation_names, window_edges
from ariigcn_dgl.transfer import send

if TYPE_CHECKING:
    import dgl


@dataclass(frozen=True, repr=False, eq=False)
class Graph:
    """In-edges of every target, sorted by (target, relation), and everything derived from them.

    Shapes: N_dst targets, N_src sources, E edges, R relations, P non-empty (target, relation)
    segments, C components. The kernels read one packed buffer, whose arrays are views: int32, so
    that a graph counts at most 2**31 - 1 of anything. `src`, `dst` and `etypes` are int64, as
    torch, DGL and PyG index. No tensor must be written to. Build a graph with one of the ``from_``
    methods; the constructor itself trusts its arguments.

    Parameters
    ----------
    eids : (E,) int64 tensor
        Position of each edge in the caller's own edge order (for DGL: its edge id).
    plan : int32 tensor
        The arrays, one after the other.
    sizes : Sizes
        How many there are of everything, which says where each array lies.
    facts : Facts
        What the host knows of the values.
    """

    eids: Tensor
    plan: Tensor
    sizes: Sizes
    facts: Facts

    def __repr__(self) -> str:
        return (
            f"Graph(num_src={self.num_src}, num_dst={self.num_dst}, num_edges={self.num_edges}, "
            f"num_rels={self.num_rels}, device={self.plan.device})"
        )

    @property
    def num_dst(self) -> int:
        """Number of targets N_dst."""
        return self.sizes.num_dst

    @property
    def num_src(self) -> int:
        """Number of sources N_src."""
        return self.sizes.num_src

    @property
    def num_edges(self) -> int:
        """Number of edges E."""
        return self.sizes.num_edges

    @property
    def num_rels(self) -> int:
        """Number of relations R."""
        return self.sizes.num_rels

    @property
    def num_segments(self) -> int:
        """Number of non-empty (target, relation) pairs P."""
        return self.sizes.num_segments

    @property
    def rel_counts(self) -> tuple[int, ...]:
        """Segments of each relation, known to the host."""
        if self.facts.rel_counts is None:
            raise ValueError(
                "a captured step has no relation's number of segments, which differs from batch to "
                "batch: what needs it (relational_sum, references) cannot be captured"
            )
        return self.facts.rel_counts

    @LastingProperty
    def _arrays(self) -> dict[str, Tensor]:
        return unpack(self.plan, self.sizes)

    @property
    def indptr(self) -> Tensor:
        """(N_dst + 1,): in-edges of target i are ``indptr[i]:indptr[i + 1]``."""
        return self._arrays["indptr"]

    @property
    def indices(self) -> Tensor:
        """(E,): source of each edge."""
        return self._arrays["indices"]

    @property
    def seg_ptr(self) -> Tensor:
        """(P + 1,): edges of segment p (by target, relation): ``seg_ptr[p]:seg_ptr[p + 1]``."""
        return self._arrays["seg_ptr"]

    @property
    def seg_dst(self) -> Tensor:
        """(P,): target of each segment."""
        return self._arrays["seg_dst"]

    @property
    def seg_rel(self) -> Tensor:
        """(P,): relation of each segment."""
        return self._arrays["seg_rel"]

    @property
    def edge_seg(self) -> Tensor:
        """(E,): segment of each edge."""
        return self._arrays["edge_seg"]

    @property
    def t_indptr(self) -> Tensor:
        """(N_src + 1,): the edges that leave j are ``t_eids[t_indptr[j]:t_indptr[j + 1]]``."""
        return self._arrays["t_indptr"]

    @property
    def t_eids(self) -> Tensor:
        """(E,): positions of edges, source after source."""
        return self._arrays["t_eids"]

    @property
    def rel_ptr(self) -> Tensor:
        """(R + 1,): segments of relation r are ``seg_order[rel_ptr[r]:rel_ptr[r + 1]]``."""
        return self._arrays["rel_ptr"]

    @property
    def seg_order(self) -> Tensor:
        """(P,): segments, relation after relation."""
        return self._arrays["seg_order"]

    @property
    def dst_order(self) -> Tensor:
        """(N_dst,): targets by their first and then their last relation: mostly one speaker's."""
        return self._arrays["dst_order"]

    @property
    def components(self) -> Tensor:
        """(C + 1,): bounds of the finest contiguous ranges of nodes that no edge leaves."""
        return self._arrays["components"]

    @LastingProperty
    def src(self) -> Tensor:
        """Source of each edge, (E,) int64."""
        return self.indices.long()

    @LastingProperty
    def dst(self) -> Tensor:
        """Target of each edge, (E,) int64."""
        return self.seg_dst[self.edge_seg].long()

    @LastingProperty
    def etypes(self) -> Tensor:
        """Relation of each edge, (E,) int64, non-decreasing within a target."""
        return self.seg_rel[self.edge_seg].long()

    @LastingProperty
    def norm(self) -> Tensor:
        """``1 / |N_i^r|`` of the (target, relation) each edge belongs to, (E,) float64."""
        return self.seg_ptr.diff().double().reciprocal()[self.edge_seg]

    @LastingProperty
    def in_norm(self) -> Tensor:
        """``1 / |N_i|`` of the target of each edge, (E,) float64."""
        return self.indptr.diff().double().reciprocal()[self.dst]

    @LastingProperty
    def symmetric_norm(self) -> Tensor:
        """1 over the root of the in-degrees of each edge's ends, (E,) float64 (Kipf 2017)."""
        degree = self.indptr.diff().double()
        return (degree[self.src] * degree[self.dst]).rsqrt()

    @LastingProperty
    def self_edges(self) -> Tensor:
        """The self edge of every node, (N,) int64; of a padding node's, the first."""
        if not self.facts.one_self_edge:
            raise ValueError("every node must have exactly one self edge")
        # Edges between different nodes go to a place behind the nodes', which is cut off.
        place = torch.where(self.src == self.dst, self.dst, self.num_dst)
        edge = torch.arange(self.num_edges, device=place.device)
        first = edge.new_full((self.num_dst + 1,), self.num_edges)
        return first.scatter_reduce(0, place, edge, "amin")[:-1]

    @property
    def self_eids(self) -> Tensor:
        """The ids of the self edges, (N,) int64."""
        return self.self_edges if self.facts.in_order else self.eids[self.self_edges]

    @LastingProperty
    def merged(self) -> Graph:
        """The same edges in the same order as one relation: its segments are all the targets."""
        return self._with_segments(self._arrays | {"edge_seg": self.dst}, self.sizes)

    def derived(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return what a step of training would derive from the graph, for `with_derived`."""
        return self.merged.plan, self.in_norm, self.self_edges

    def with_derived(self, like: Graph, derived: tuple[Tensor, Tensor, Tensor]) -> Graph:
        """Return the graph as if it had derived already what another of its sizes has."""
        plan, in_norm, self_edges = derived
        found = replace(self)
        merged = replace(like.merged, eids=self.eids, plan=plan)
        # Into the caches of the properties, which dataclasses leave alone.
        found.__dict__.update(merged=merged, in_norm=in_norm, self_edges=self_edges)
        return found

    @LastingProperty
    def segments_of_target(self) -> Graph:
        """The graph whose sources are the segments in relation order: it sums them per target."""
        segment = torch.arange(self.num_segments, device=self.plan.device)
        target = torch.arange(self.num_dst + 1, device=self.plan.device, dtype=torch.int32)
        arrays = {
            "indptr": torch.searchsorted(self.seg_dst, target),
            "indices": segment.index_copy(0, self.seg_order.long(), segment),
            "edge_seg": self.seg_dst,
            "t_indptr": torch.arange(self.num_segments + 1, device=self.plan.device),
            "t_eids": self.seg_order,
        }
        return self.from_other_sources(arrays, self.num_segments)

    @LastingProperty
    def source_pairs(self) -> SourcePairs:
        """The pairs of a relation and a source that have edges."""
        return source_pairs(self)

    @LastingProperty
    def edges_as_sources(self) -> Graph:
        """The same edges, each of which has a source of its own: the edge."""
        edge = torch.arange(self.num_edges, device=self.plan.device)
        begin = torch.arange(self.num_edges + 1, device=self.plan.device)
        arrays = {"indices": edge, "t_indptr": begin, "t_eids": edge, "components": self._one_range}
        sizes = self.sizes._replace(num_src=self.num_edges, num_components=len(self._one_range) - 1)
        facts = self.facts._replace(one_self_edge=False)
        return replace(self, plan=pack(self._arrays | arrays), sizes=sizes, facts=facts)

    @property
    def _one_range(self) -> Tensor:
        """The components where sources and targets are not the same nodes, which fall not apart."""
        return torch.arange(2 if self.num_dst else 1, device=self.plan.device) * self.num_dst

    def from_other_sources(self, arrays: dict[str, Tensor], num_src: int) -> Graph:
        """Return a graph of one relation that leads from other sources to the same targets.

        Parameters
        ----------
        arrays : dict of str to tensor
            ``indptr``, ``indices``, ``edge_seg``, ``t_indptr`` and ``t_eids`` of its edges; a
            segment is all of a target's.
        num_src : int
            Number of these sources.
        """
        bounds = self._one_range
        sizes = self.sizes._replace(
            num_src=num_src, num_edges=len(arrays["indices"]), num_components=len(bounds) - 1
        )
        return self._with_segments(arrays | {"components": bounds}, sizes)

    def _with_segments(self, arrays: dict[str, Tensor], sizes: Sizes) -> Graph:
        """Return a graph of one relation, in which each target is one segment."""
        target = torch.arange(self.num_dst, device=self.plan.device)
        segments = {
            "seg_ptr": arrays["indptr"],
            "seg_dst": target,
            "seg_rel": torch.zeros_like(target),
            "rel_ptr": torch.arange(2, device=self.plan.device) * self.num_dst,
            "seg_order": target,
            "dst_order": target,
        }
        sizes = sizes._replace(num_segments=self.num_dst, num_rels=1)
        facts = self.facts._replace(rel_counts=(self.num_dst,))
        return replace(self, plan=pack(arrays | segments), sizes=sizes, facts=facts)

    @lasting
    def to(self, device: torch.device | str) -> Graph:
        """Return the graph on `device`; from the CPU everything travels in one copy."""
        if self.plan.device == torch.device(device):
            return self
        eids, plan = send([self.eids, self.plan], device)
        return replace(self, eids=eids, plan=plan)

    @classmethod
    @lasting
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
        >>> from ariigcn_dgl.graph import Graph
        >>> graph = Graph.from_csr(torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1]))
        >>> graph.num_dst, graph.num_edges, graph.num_segments
        (2, 3, 2)
        """
        etypes = torch.zeros_like(indices) if etypes is None else etypes
        in_order = eids is None
        if eids is None:
            eids = torch.arange(indices.numel(), device=indices.device)
        check_vectors(indptr=indptr, indices=indices, etypes=etypes, eids=eids)
        if num_rels is None:  # at least 1: every layer has a matrix
            num_rels = max(int(etypes.max()) + 1, 1) if len(etypes) else 1
        num_src = max(len(indptr) - 1, 0) if num_src is None else num_src
        indptr, indices, etypes = indptr.contiguous(), indices.contiguous(), etypes.contiguous()
        check_csr(indptr, indices, etypes, eids, num_rels, num_src)
        if not in_order:
            check_edge_ids(eids)
        plan, sizes, facts = csr_plan(indptr, indices, etypes, num_rels, num_src)
        return cls(eids.contiguous(), plan, sizes, facts._replace(in_order=in_order))

    @classmethod
    @lasting
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
            Source and target of each edge.
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
        >>> from ariigcn_dgl.graph import Graph
        >>> graph = Graph.from_edges(
        ...     torch.tensor([1, 0]), torch.tensor([0, 0]), num_src=2, num_dst=1
        ... )
        >>> graph.indices.tolist(), graph.eids.tolist()
        ([0, 1], [1, 0])
        """
        etypes = torch.zeros_like(src) if etypes is None else etypes
        check_vectors(src=src, dst=dst, etypes=etypes)
        if not len(src) == len(dst) == len(etypes):
            raise ValueError(
                "src, dst and etypes must have one entry per edge, got "
                f"{len(src)}, {len(dst)} and {len(etypes)}"
            )
        if num_rels is None:
            num_rels = max(int(etypes.max()) + 1, 1) if len(etypes) else 1
        check_sizes(num_src=num_src, num_dst=num_dst, num_rels=num_rels, num_edges=len(src))
        src, dst, etypes = (x.contiguous() for x in (src, dst, etypes))
        order, plan = edge_plan(src, dst, etypes, num_src, num_dst, num_rels)
        return cls(order, *plan)

    @classmethod
    @lasting
    def from_edge_index(
        cls,
        edge_index: Tensor,
        edge_type: Tensor | None = None,
        *,
        num_nodes: int | tuple[int, int],
        num_rels: int | None = None,
    ) -> Graph:
        """Build the structure from PyG's edge list; the same unchanged list gives the same object.

        Parameters
        ----------
        edge_index : (2, E) int64 tensor
            Sources (row 0) and targets (row 1).
        edge_type : (E,) int tensor, optional
            Relation of each edge; default all 0.
        num_nodes : int or pair of int
            Number of nodes, or of sources and of targets.
        num_rels : int, optional
            Number of relations (default: largest + 1).

        Raises
        ------
        ValueError
            If shapes or dtypes do not fit or a node or relation is out of range.

        Examples
        --------
        >>> import torch
        >>> from ariigcn_dgl.graph import Graph
        >>> graph = Graph.from_edge_index(torch.tensor([[1, 0], [0, 0]]), num_nodes=2)
        >>> graph.indices.tolist(), graph.dst.tolist(), graph.eids.tolist()
        ([0, 1], [0, 0], [1, 0])
        """
        both = num_nodes if isinstance(num_nodes, tuple) else (num_nodes, num_nodes)
        num_src, num_dst = int(both[0]), int(both[1])  # numpy's integers are none of Python's
        etypes = None if edge_type is None else as_int64("edge_type", edge_type)
        check_two_rows(edge_index)
        edges = (edge_index[0], edge_index[1], etypes)

        def build() -> Graph:
            check_edge_index(edge_index, etypes, num_src, num_dst, num_rels)
            return cls.from_edges(*edges, num_src=num_src, num_dst=num_dst, num_rels=num_rels)

        return cached(edge_index, (num_src, num_dst, num_rels), edges, build)

    @classmethod
    @lasting
    def from_dgl(
        cls,
        g: dgl.DGLGraph,
        etypes: Tensor | None = None,
        *,
        num_rels: int | None = None,
        relation_names: Sequence[str] | None = None,
        device: torch.device | str | None = None,
    ) -> Graph:
        """Build the structure of a DGL graph; the same unchanged graph gives the same object.

        What is cached is compared, edge by edge, with what `g` and `etypes` hold now.

        Parameters
        ----------
        g : DGLGraph
            A homogeneous or bipartite graph, a heterograph, or a block. Nodes and edges of several
            types are counted type after type, as `dgl.to_homogeneous` does: nodes by ``g.ntypes``
            (``g.srctypes`` and ``g.dsttypes`` where these differ), edges by ``g.canonical_etypes``.
        etypes : (E,) int tensor, optional
            Relations of the edges by edge id, where `g` has one edge type; default all 0.
        num_rels : int, optional
            Number of relations, where `g` has one edge type (default: largest + 1).
        relation_names : sequence of str or of (str, str, str), optional
            The edge types of a heterograph in the order of their relation numbers; default
            ``g.canonical_etypes``, which DGL sorts by name.
        device : torch.device or str, optional
            Where the structure is wanted; default that of `g`. PyPI's DGL has graphs on the CPU
            only, but features and structure may live on a GPU.

        Raises
        ------
        ValueError
            If `etypes` does not fit or comes with a heterograph, or `relation_names` are not the
            edge types.

        Examples
        --------
        >>> from ariigcn_dgl import dgl
        >>> from ariigcn_dgl.graph import Graph
        >>> g = dgl.heterograph({("u", "past", "u"): ([0], [1]), ("u", "future", "u"): ([1], [0])})
        >>> Graph.from_dgl(g).etypes.tolist()
        [0, 1]
        >>> Graph.from_dgl(g, relation_names=["past", "future"]).etypes.tolist()
        [1, 0]
        """
        edges = edges_of(g, etypes, relation_names)
        sizes = {"num_src": g.num_src_nodes(), "num_dst": g.num_dst_nodes()}
        sizes["num_rels"] = num_rels if len(g.canonical_etypes) == 1 else len(g.canonical_etypes)
        device = torch.device(device or g.device)
        key = (*sizes.values(), device)
        return cached(g, key, edges, lambda: cls.from_edges(*edges, **sizes).to(device))

    @classmethod
    @lasting
    def from_dialogues(
        cls,
        lengths: Tensor,
        speakers: Tensor,
        *,
        past: int = 10,
        future: int = 10,
        relations: Relations = "speaker",
        num_speakers: int = 2,
        distances: Sequence[int] = (),
    ) -> Graph:
        """Connect every utterance with its neighbours in a window of its dialogue, itself included.

        Edge j -> i exists when both lie in one dialogue and ``-past <= j - i <= future``. Its
        relation is (same or other speaker) x (past or future), or with ``relations="pairs"``
        (ordered pair of speakers, numbered by first appearance in the dialogue) x (past or future);
        the self edge has a relation of its own, the last one. "party" tells same and other speaker
        only, "none" nothing: `relation_names`. Built natively, in time linear in the number of
        edges.

        Parameters
        ----------
        lengths : (B,) int64 tensor
            Utterances in each dialogue, on the CPU.
        speakers : (N,) int64 tensor
            Speaker of each utterance, on the CPU; any numbering.
        past, future : int
            Utterances that the window reaches back and ahead; ``future=0`` sees the past only.
        relations : {"none", "party", "speaker", "pairs"}
            1, 3 or 5 relations, or ``2 * num_speakers ** 2 + 1``.
        num_speakers : int
            Most speakers in a dialogue; used by "pairs" only.
        distances : sequence of int
            Largest distance of each range but the last; each relation (but that of self edges) is
            one for each range then. Default: relations do not tell distances.

        Returns
        -------
        Graph
            N nodes as sources and targets.

        Raises
        ------
        ValueError
            If lengths do not add up, a window is negative, or a dialogue has too many speakers.

        Examples
        --------
        >>> import torch
        >>> from ariigcn_dgl.graph import Graph, relation_names
        >>> lengths, speakers = torch.tensor([3]), torch.tensor([7, 4, 7])
        >>> graph = Graph.from_dialogues(lengths, speakers, past=1, future=1)
        >>> graph.indptr.tolist(), graph.indices.tolist()
        ([0, 2, 5, 7], [1, 0, 0, 2, 1, 1, 2])
        >>> [relation_names("speaker")[r] for r in graph.etypes[:2]]
        ['other_future', 'self']
        """
        indptr, indices, etypes = window_edges(
            lengths, speakers, past, future, relations, num_speakers, distances
        )
        num_rels = len(relation_names(relations, num_speakers, distances))
        plan, sizes, facts = csr_plan(indptr, indices, etypes, num_rels, len(speakers))
        eids = torch.arange(len(indices), device=indices.device)
        return cls(eids, plan, sizes, facts._replace(in_order=True))
