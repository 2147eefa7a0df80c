"""Between index structures and DGL graphs, edge by edge."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl._dgl import import_dgl
from ariigcn_dgl.graph.checks import as_int64

if TYPE_CHECKING:
    import dgl

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
    for relation, name in enumerate(relation_names):
        chosen = graph.etypes == relation
        edges[NODE_TYPE, name, NODE_TYPE] = (graph.indices[chosen], graph.dst[chosen])
    return import_dgl().heterograph(edges, num_nodes_dict={NODE_TYPE: graph.num_dst})


def edges_of(
    g: dgl.DGLGraph, etypes: Tensor | None, relation_names: Sequence[str] | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return ``src, dst, etypes`` of `Graph.from_dgl`, which see, in the order of edge ids."""
    if len(g.canonical_etypes) == 1:
        src, dst = g.edges(order="eid")
        return src.long(), dst.long(), None if etypes is None else _checked(g, etypes)
    if etypes is not None:
        raise ValueError(
            "etypes must be left out with a heterograph, whose edge types are the relations: "
            f"{g.canonical_etypes}"
        )
    first_src, first_dst = _first_nodes(g)
    sources, targets, relations = [], [], []
    order = _relation_order(g, relation_names)
    for relation, etype in zip(order, g.canonical_etypes, strict=True):
        src, dst = g.edges(etype=etype, order="eid")
        sources.append(src.long() + first_src[etype[0]])
        targets.append(dst.long() + first_dst[etype[2]])
        relations.append(torch.full_like(sources[-1], relation))
    return torch.cat(sources), torch.cat(targets), torch.cat(relations)


def _checked(g: dgl.DGLGraph, etypes: Tensor) -> Tensor:
    checked = as_int64("etypes", etypes)
    if etypes.dim() != 1 or len(etypes) != g.num_edges():
        raise ValueError(
            f"etypes must have one entry for each of the graph's {g.num_edges()} edges, got shape "
            f"{tuple(etypes.shape)}"
        )
    if etypes.device != g.device:
        raise ValueError(
            f"etypes must be on the device of the graph ({g.device}), got {etypes.device}"
        )
    return checked


def _first_nodes(g: dgl.DGLGraph) -> tuple[dict[str, int], dict[str, int]]:
    """Return the number of each type's first node among the sources and among the targets."""
    starts: list[dict[str, int]] = []
    for types, count in ((g.srctypes, g.num_src_nodes), (g.dsttypes, g.num_dst_nodes)):
        ends = list(accumulate((count(name) for name in types), initial=0))
        starts.append(dict(zip(types, ends, strict=False)))
    return starts[0], starts[1]


def _relation_order(g: dgl.DGLGraph, relation_names: Sequence[str] | None) -> list[int]:
    """Return the relation number of every canonical edge type."""
    etypes = g.canonical_etypes
    if relation_names is None:
        return list(range(len(etypes)))
    order = list(relation_names)
    keys = etypes if all(isinstance(name, tuple) for name in order) else [e[1] for e in etypes]
    if sorted(order) != sorted(keys) or len(set(keys)) != len(keys):
        raise ValueError(f"relation_names must be the edge types {keys}, got {order}")
    return [order.index(key) for key in keys]
