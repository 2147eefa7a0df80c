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
        Names of the relations, e.g. from `relation_names`. DGL sorts them: give them to `as_graph`
        again to get the relations back in this order.

    Raises
    ------
    ValueError
        If names are missing or double, or sources and targets are not the same nodes.

    Examples
    --------
    >>> import torch
    >>> graph = Graph.from_csr(torch.tensor([0, 1, 2]), torch.tensor([1, 0]), num_rels=2)
    >>> to_dgl(graph, ["past", "future"]).num_edges("past")
    2
    """
    if len(relation_names) != graph.num_rels or len(set(relation_names)) != graph.num_rels:
        raise ValueError(
            f"relation_names must be {graph.num_rels} different names, got {list(relation_names)}"
        )
    if graph.num_src != graph.num_dst:
        raise ValueError(
            f"the graph must have one set of nodes, got {graph.num_src} sources and "
            f"{graph.num_dst} targets"
        )
    edges = {}
    for relation, name in enumerate(relation_names):
        chosen = graph.etypes == relation
        edges[NODE_TYPE, name, NODE_TYPE] = (graph.indices[chosen], graph.dst[chosen])
    return dgl.heterograph(edges, num_nodes_dict={NODE_TYPE: graph.num_dst})


def as_graph(
    g: Graph | dgl.DGLGraph,
    etypes: Tensor | None = None,
    *,
    num_rels: int | None = None,
    relation_names: Sequence[str] | None = None,
) -> Graph:
    """Return the index structure of a DGL graph; a `Graph` is returned as it is.

    Parameters
    ----------
    g : Graph or DGLGraph
        A homogeneous graph, a block, or a heterograph with one node type. `Graph.eids` counts a
        heterograph's edges in the order of ``g.canonical_etypes``, as `dgl.to_homogeneous` does.
    etypes : (E,) int tensor, optional
        Relations of a homogeneous graph's edges, in edge-id order.
    num_rels : int, optional
        Number of relations of a homogeneous graph (default: largest + 1).
    relation_names : sequence of str, optional
        A heterograph's edge types in the order of their relation numbers (default: as in
        ``g.canonical_etypes``, where DGL sorts them by name).

    Raises
    ------
    ValueError
        If `g` has several node types, `etypes` comes with a heterograph, or `relation_names` are
        not its edge types.

    Examples
    --------
    >>> g = dgl.heterograph({("u", "past", "u"): ([0], [1]), ("u", "future", "u"): ([1], [0])})
    >>> as_graph(g).etypes.tolist(), as_graph(g, relation_names=["past", "future"]).etypes.tolist()
    ([0, 1], [1, 0])
    """
    if isinstance(g, Graph):
        return g
    if len(set(g.srctypes)) != 1 or len(set(g.dsttypes)) != 1:
        raise ValueError(f"the graph must have one node type, got {g.ntypes}")
    num_nodes = {"num_src": g.num_src_nodes(), "num_dst": g.num_dst_nodes()}
    if len(g.canonical_etypes) == 1:
        src, dst = g.edges(order="eid")
        etypes = None if etypes is None else etypes.long()
        return Graph.from_edges(src.long(), dst.long(), etypes, num_rels=num_rels, **num_nodes)
    if etypes is not None:
        raise ValueError("a heterograph's edge types are its relations: pass no etypes with it")
    names = [name for _, name, _ in g.canonical_etypes]
    order = names if relation_names is None else list(relation_names)
    if sorted(order) != sorted(names):
        raise ValueError(f"relation_names must be the edge types {names}, got {order}")
    parts = [g.edges(etype=etype, order="eid") for etype in g.canonical_etypes]
    relations = [
        torch.full_like(src, order.index(name)) for name, (src, _) in zip(names, parts, strict=True)
    ]
    src, dst, etypes = (torch.cat(x).long() for x in (*zip(*parts, strict=True), relations))
    return Graph.from_edges(src, dst, etypes, num_rels=len(names), **num_nodes)
