"""From an index structure to a DGL graph, edge by edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ariigcn_dgl._dgl import import_dgl
from ariigcn_dgl.graph.graph import Graph

if TYPE_CHECKING:
    import dgl

NODE_TYPE = "utterance"


def to_dgl(graph: Graph, relation_names: Sequence[str]) -> dgl.DGLGraph:
    """Return the heterograph with one node type ``utterance`` and one edge type per relation.

    Edges of a relation keep their order in `graph`; every relation exists, with or without edges.

    Parameters
    ----------
    graph : Graph
        N nodes, R relations.
    relation_names : sequence of str, length R
        Names of the relations, e.g. from `relation_names`. DGL sorts them: give them to
        `Graph.from_dgl` again to get the relations back in this order.

    Raises
    ------
    ValueError
        If names are missing or double, or sources and targets are not the same nodes.
    ImportError
        If DGL is not installed.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
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
    for relation, name in enumerate(relation_names):  # also those without edges: batches must fit
        chosen = graph.etypes == relation
        edges[NODE_TYPE, name, NODE_TYPE] = (graph.src[chosen], graph.dst[chosen])
    return import_dgl().heterograph(edges, num_nodes_dict={NODE_TYPE: graph.num_dst})
