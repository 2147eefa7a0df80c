"""What a layer is called with, in any of DGL's forms, as one `Graph` and plain tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ariigcn_dgl._dgl import dgl
from ariigcn_dgl.graph import Graph

Etype = tuple[str, str, str]
Rows = Tensor | Mapping[str, Tensor]
PerEdge = Tensor | Mapping[str | Etype, Tensor]


@dataclass(frozen=True)
class GraphInputs:
    """A layer's inputs, and the way back to the caller's forms.

    Parameters
    ----------
    graph : Graph
    src, dst : (N_src, D_src), (N_dst, D_dst) tensors
        One object where sources are the targets.
    edge_weight : (E,) tensor, optional
        In the order of ``graph.indices``.
    dst_counts : dict of str to int, optional
        Targets of each node type, where node types were given apart.
    edge_counts : dict of (str, str, str) to int, optional
        Edges of each edge type, likewise.
    """

    graph: Graph
    src: Tensor
    dst: Tensor
    edge_weight: Tensor | None
    dst_counts: dict[str, int] | None
    edge_counts: dict[Etype, int] | None

    def by_node_type(self, out: Tensor) -> Tensor | dict[str, Tensor]:
        """Return rows of targets in the form that features came in."""
        return out if self.dst_counts is None else _split(out, self.dst_counts)

    def by_edge(self, attention: Tensor) -> Tensor | dict[Etype, Tensor]:
        """Return (H, E) values in the caller's order of edges, (E, H, 1), or by edge type."""
        by_eid = torch.empty_like(attention).index_copy(1, self.graph.eids, attention)
        ordered = by_eid.T.unsqueeze(-1)
        return ordered if self.edge_counts is None else _split(ordered, self.edge_counts)

    def require_in_edges(self) -> None:
        """Raise DGLError if a target has no in-edges."""
        node = self.graph.first_without_in_edges
        if node is None:
            return
        name, cure = f"node {node}", "add self edges (dgl.add_self_loop(graph))"
        for node_type, count in (self.dst_counts or {}).items():
            if node < count:
                name, cure = f"node {node} of type {node_type!r}", "add edges that lead to them"
                break
            node -= count
        raise dgl.DGLError(
            f"graph has nodes without in-edges, the first is {name}, and the layer has nothing to "
            f"sum up for them: {cure}, or let their sum be zero "
            "(allow_zero_in_degree=True, or layer.set_allow_zero_in_degree(True))"
        )


def read_inputs(
    graph: Graph | dgl.DGLGraph,
    feat: Rows | tuple[Rows, Rows],
    etypes: Tensor | None,
    edge_weight: PerEdge | None,
    num_rels: int,
) -> GraphInputs:
    """Return what a layer with `num_rels` relations computes with.

    Raises
    ------
    ValueError
        If the parts do not fit together; says which and why.
    """
    if not isinstance(graph, Graph | dgl.DGLGraph):
        raise ValueError(f"graph must be a DGLGraph or a Graph, got {type(graph).__name__}")
    src, dst = _sides(graph, feat)
    dst_counts = edge_counts = None
    if isinstance(src, Mapping):
        dst_counts = {name: graph.num_dst_nodes(name) for name in graph.dsttypes}
        edge_counts = {etype: graph.num_edges(etype) for etype in graph.canonical_etypes}
        same = src is dst and graph.srctypes == graph.dsttypes
        src = _join(src, {name: graph.num_src_nodes(name) for name in graph.srctypes})
        dst = src if same else _join(dst, dst_counts)
    structure = _structure(graph, etypes, num_rels, src.device)
    for rows, count, kind in (
        (src, structure.num_src, "source"),
        (dst, structure.num_dst, "target"),
    ):
        if rows.dim() != 2 or len(rows) != count:
            raise ValueError(
                f"feat must have one row for each of the graph's {count} {kind} nodes, got shape "
                f"{tuple(rows.shape)}"
            )
    weight = _edge_weight(edge_weight, edge_counts, structure)
    return GraphInputs(structure, src, dst, weight, dst_counts, edge_counts)


def _sides(graph: Graph | dgl.DGLGraph, feat: Rows | tuple[Rows, Rows]) -> tuple[Rows, Rows]:
    """Return the features of sources and of targets; a block's targets are its first sources."""
    if isinstance(feat, tuple):
        if len(feat) != 2:
            raise ValueError(f"feat must be a pair (source rows, target rows), got {len(feat)}")
        src, dst = feat
    elif isinstance(graph, dgl.DGLGraph) and graph.is_block:
        src, dst = feat, _first_rows(graph, feat)
    else:
        src = dst = feat
    typed = {isinstance(src, Mapping), isinstance(dst, Mapping)}
    if len(typed) > 1 or not all(isinstance(x, Tensor | Mapping) for x in (src, dst)):
        raise ValueError(
            "feat must be a tensor, a dict of tensors by node type, or a pair of either, got "
            f"{type(feat).__name__}"
        )
    if isinstance(src, Mapping) and isinstance(graph, Graph):
        raise ValueError("feat must be a tensor or a pair with a Graph, whose nodes have no types")
    return _refuse_several_types(graph, src, dst, feat)


def _first_rows(block: dgl.DGLGraph, feat: Rows) -> Rows:
    if isinstance(feat, Mapping):
        return {
            name: feat[name][: block.num_dst_nodes(name)] for name in block.dsttypes if name in feat
        }
    return feat[: block.num_dst_nodes()]


def _refuse_several_types(
    graph: Graph | dgl.DGLGraph, src: Rows, dst: Rows, feat: Rows | tuple[Rows, Rows]
) -> tuple[Rows, Rows]:
    """Raise ValueError where one tensor cannot stand for several kinds of nodes."""
    if isinstance(src, Mapping):
        return src, dst
    if isinstance(graph, dgl.DGLGraph):
        if len(graph.srctypes) > 1 or len(graph.dsttypes) > 1:
            raise ValueError(
                f"feat must be a dict of tensors by node type, as the graph has {graph.ntypes}, "
                f"got {type(feat).__name__}"
            )
        apart = graph.srctypes != graph.dsttypes
    else:
        apart = graph.num_src != graph.num_dst
    if apart and src is dst:
        raise ValueError(
            "feat must be a pair (source rows, target rows), as sources and targets are not the "
            "same nodes, got one tensor"
        )
    return src, dst


def _structure(
    graph: Graph | dgl.DGLGraph, etypes: Tensor | None, num_rels: int, device: torch.device
) -> Graph:
    """Return the graph's structure on the device of the features."""
    if isinstance(graph, Graph):
        if etypes is not None:
            raise ValueError("etypes must be left out with a Graph, which has its own")
        own = graph.indices.device
    else:
        own = graph.device
        if len(graph.canonical_etypes) == 1 and etypes is None and num_rels > 1:
            raise ValueError(
                f"etypes must give the relation of each of the graph's {graph.num_edges()} edges, "
                f"as the layer has {num_rels} relations, got None"
            )
        movable = own.type == "cpu"  # where PyPI's DGL has all graphs
        graph = Graph.from_dgl(graph, etypes, num_rels=num_rels, device=device if movable else None)
        own = device if movable else own
    if graph.num_rels != num_rels:
        raise ValueError(
            f"graph must have {num_rels} relations, the layer's num_rels, got {graph.num_rels}"
        )
    if own != device:
        raise ValueError(
            f"graph must be on the device of feat ({device}), got {own}: graph.to({str(device)!r})"
        )
    return graph


def _join(rows: Mapping[str, Tensor], counts: dict[str, int]) -> Tensor:
    """Return the rows of all node types, one type after the other."""
    parts = []
    for name, count in counts.items():
        if name not in rows:
            raise ValueError(
                f"feat must have the node types {list(counts)}, got {list(rows)} without {name!r}"
            )
        if rows[name].dim() != 2 or len(rows[name]) != count:
            raise ValueError(
                f"feat[{name!r}] must have one row for each of {count} nodes, got shape "
                f"{tuple(rows[name].shape)}"
            )
        parts.append(rows[name])
        if parts[0].size(1) != parts[-1].size(1):
            raise ValueError(
                f"feat[{name!r}] must be as wide as the other node types ({parts[0].size(1)}), got "
                f"{parts[-1].size(1)}: project them to one width first"
            )
        _require_like(f"feat[{name!r}]", parts[-1], "the other node types", parts[0])
    return torch.cat(parts)


def _edge_weight(
    weight: PerEdge | None, counts: dict[Etype, int] | None, graph: Graph
) -> Tensor | None:
    """Return the weights of all edges in the order of ``graph.indices``."""
    if weight is None:
        return None
    if isinstance(weight, Mapping) != (counts is not None):
        raise ValueError(
            "edge_weight must be a dict by edge type where feat is a dict by node type, and a "
            f"tensor otherwise, got {type(weight).__name__}"
        )
    if counts is not None:
        weight = torch.cat([_of_etype(weight, etype, count) for etype, count in counts.items()])
    if weight.shape != (graph.num_edges,):
        raise ValueError(
            f"edge_weight must have shape ({graph.num_edges},), one entry per edge, got "
            f"{tuple(weight.shape)}"
        )
    return weight[graph.eids]


def _of_etype(weights: Mapping[str | Etype, Tensor], etype: Etype, count: int) -> Tensor:
    key = etype if etype in weights else etype[1]
    if key not in weights:
        raise ValueError(
            f"edge_weight must have every edge type, got {list(weights)} without {etype}"
        )
    if weights[key].shape != (count,):
        raise ValueError(
            f"edge_weight[{key!r}] must have shape ({count},), got {tuple(weights[key].shape)}"
        )
    return weights[key]


def _require_like(name: str, tensor: Tensor, other: str, reference: Tensor) -> None:
    """Raise ValueError unless a tensor has the dtype and device of another."""
    if tensor.dtype != reference.dtype or tensor.device != reference.device:
        raise ValueError(
            f"{name} must be {reference.dtype} on {reference.device} like {other}, got "
            f"{tensor.dtype} on {tensor.device}"
        )


def _split(rows: Tensor, counts: Mapping) -> dict:
    sizes: Sequence[int] = list(counts.values())
    return dict(zip(counts, rows.split(sizes), strict=True))
