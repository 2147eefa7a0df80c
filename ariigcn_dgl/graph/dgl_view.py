"""Between `Graph` and DGL graphs, edge by edge."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ariigcn_dgl._dgl import dgl
from ariigcn_dgl.graph.structure import Graph

NODE_TYPE = "utterance"


def to_dgl(graph: Graph, relation_names: Sequence[str]) -> dgl.DGLGraph:
    """Return the heterograph with one node type ``utterance`` and one edge type per relation.

    Edges of a relation keep their order in `graph`; every relation exists, with or without edges.

    Parameters
    ----------
    graph : Graph
        N nodes, R relations.
    relation_names : sequence of str, length R
        Names of the relations, e.g. from `relation_names`.

    Examples
    --------
    >>> import torch
    >>> graph = Graph.from_csr(torch.tensor([0, 1, 2]), torch.tensor([1, 0]), num_rels=2)
    >>> to_dgl(graph, ["past", "future"]).num_edges("past")
    2
    """
    edges = {}
    for relation, name in enumerate(relation_names):
        chosen = graph.etypes == relation
        edges[NODE_TYPE, name, NODE_TYPE] = (graph.indices[chosen], graph.dst[chosen])
    return dgl.heterograph(edges, num_nodes_dict={NODE_TYPE: graph.num_dst})


def as_graph(g: Graph | dgl.DGLGraph, etypes: Tensor | None = None) -> Graph:
    """Return the index structure of a DGL graph; a `Graph` is returned as it is.

    Parameters
    ----------
    g : Graph or DGLGraph
        A homogeneous graph, a block, or a heterograph with one node type. In a heterograph the
        relation is the edge type's position in ``g.canonical_etypes``, and `Graph.eids` counts
        edges in that order, as `dgl.to_homogeneous` does.
    etypes : (E,) int tensor, optional
        Relations of a homogeneous graph's edges, in edge-id order.

    Raises
    ------
    ValueError
        If `g` has several node types, or `etypes` comes with a heterograph.
    """
    if isinstance(g, Graph):
        return g
    if len(set(g.srctypes)) != 1 or len(set(g.dsttypes)) != 1:
        raise ValueError(f"the graph must have one node type, got {g.ntypes}")
    num_nodes = {"num_src": g.num_src_nodes(), "num_dst": g.num_dst_nodes()}
    if len(g.canonical_etypes) == 1:
        src, dst = g.edges(order="eid")
        return Graph.from_edges(src.long(), dst.long(), etypes, **num_nodes)
    if etypes is not None:
        raise ValueError("a heterograph's edge types are its relations: pass no etypes with it")
    parts = [g.edges(etype=etype, order="eid") for etype in g.canonical_etypes]
    relations = [torch.full_like(src, r) for r, (src, _) in enumerate(parts)]
    src, dst = (torch.cat([part[side] for part in parts]).long() for side in (0, 1))
    return Graph.from_edges(src, dst, torch.cat(relations), num_rels=len(parts), **num_nodes)
