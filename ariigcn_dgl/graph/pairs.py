"""Pairs of a relation and a source: what a source sends is the same along all edges of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from ariigcn_dgl.graph.plan import sort_edges

if TYPE_CHECKING:
    from ariigcn_dgl.graph.graph import Graph


@dataclass(frozen=True, eq=False)
class SourcePairs:
    """The Q pairs of a relation and a source that a graph has edges of, relation after relation.

    Parameters
    ----------
    rel, src : (Q,) int64 tensors
        Relation and source of each pair.
    graph : Graph
        The same edges in the same order, with the pairs for sources and the targets for segments.
    """

    rel: Tensor
    src: Tensor
    graph: Graph


def source_pairs(graph: Graph) -> SourcePairs:
    """Return a graph's pairs of a relation and a source."""
    key, pair = (graph.etypes * graph.num_src + graph.src).unique(return_inverse=True)
    t_indptr, t_eids = sort_edges({"pair": (pair, len(key))})
    arrays = {
        "indptr": graph.indptr,
        "indices": pair,
        "edge_seg": graph.dst,
        "t_indptr": t_indptr,
        "t_eids": t_eids,
    }
    width = max(graph.num_src, 1)
    return SourcePairs(key // width, key % width, graph.from_other_sources(arrays, len(key)))
