"""What a layer is called with, in any of DGL's forms, as one `Graph` and plain tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from ariigcn_dgl._dgl import import_dgl, is_dgl_graph
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.graph.checks import worst_outside
from ariigcn_dgl.graph.modal_dgl import is_modal, modal_graph_of
from ariigcn_dgl.nn._by_type import Etype, PerEdge, join_edges, join_rows, split_rows
from ariigcn_dgl.ops._checks import is_cast
from ariigcn_dgl.ops._precision import autocasts

if TYPE_CHECKING:
    import dgl

RowsByType = Mapping[str, Tensor]
Rows = Tensor | RowsByType


@dataclass(frozen=True)
class GraphInputs:
    """A layer's inputs, and the way back to the caller's forms.

    Parameters
    ----------
    graph : Graph
        On the device of the features.
    src, dst : (N_src, D_src), (N_dst, D_dst) tensors
        One object where sources are the targets.
    edge_weight : (E,) tensor, optional
        In the order of ``graph.indices``.
    edge_feat : (E, F) tensor, optional
        Likewise.
    dst_counts : dict of str to int, optional
        Targets of each node type, where node types were given apart.
    edge_counts : dict of (str, str, str) to int, optional
        Edges of each edge type, likewise.
    from_dgl : bool
        Whether the caller gave a DGL graph.
    numbered : bool
        Whether the caller gave no features, so that `src` and `dst` are the nodes' numbers, (N, 1).
    """

    graph: Graph
    src: Tensor
    dst: Tensor
    edge_weight: Tensor | None
    edge_feat: Tensor | None
    dst_counts: dict[str, int] | None
    edge_counts: dict[Etype, int] | None
    from_dgl: bool
    numbered: bool

    def by_node_type(self, out: Tensor) -> Tensor | dict[str, Tensor]:
        """Return rows of targets in the form that features came in."""
        return out if self.dst_counts is None else split_rows(out, self.dst_counts)

    def by_eid(self, attention: Tensor) -> Tensor:
        """Return (H, E) values in the caller's order of edges, (E, H, 1)."""
        if not self.graph.facts.in_order:
            attention = torch.empty_like(attention).index_copy(1, self.graph.eids, attention)
        return attention.T.unsqueeze(-1)

    def by_edge(self, attention: Tensor) -> Tensor | dict[Etype, Tensor]:
        """Return (H, E) values in the caller's order of edges, (E, H, 1), or by edge type."""
        ordered = self.by_eid(attention)
        return ordered if self.edge_counts is None else split_rows(ordered, self.edge_counts)

    @property
    def are_ids(self) -> bool:
        """Whether nodes have ids, (N, 1), in place of features."""
        return not self.src.is_floating_point()

    def ids(self) -> tuple[Tensor | None, Tensor | None]:
        """Return the ids of sources and targets; None for each node's number."""
        return (None, None) if self.numbered else (self.src.squeeze(1), self.dst.squeeze(1))

    def require_like(self, weight: Tensor, src_feats: int, dst_feats: int) -> None:
        """Raise ValueError unless features have a layer's widths, and its weight's kind.

        Ids have to be below the widths.
        """
        if self.are_ids:
            self._require_ids(weight, src_feats, dst_feats)
            return self._require_kind(weight, ("edge_weight", "edge_feat"))
        for kind, rows, width in (("source", self.src, src_feats), ("target", self.dst, dst_feats)):
            if rows.size(1) != width:
                raise ValueError(
                    f"feat must be {width} wide for {kind} nodes, as the layer's in_feats, got "
                    f"{rows.size(1)}"
                )
        self._require_kind(weight, ("src", "dst", "edge_weight", "edge_feat"))

    def _require_kind(self, weight: Tensor, names: Sequence[str]) -> None:
        autocast = autocasts(weight)  # which brings other dtypes to its own
        for name in names:
            x, shown = getattr(self, name), name if name.startswith("edge_") else "feat"
            if x is None:
                continue
            if x.device != weight.device:
                raise ValueError(
                    f"{shown} must be on the device of the layer ({weight.device}), got {x.device}"
                )
            if x.dtype != weight.dtype and not (autocast and is_cast(x, weight)):
                other = f", or the layer with layer.to({x.dtype})" if x.is_floating_point() else ""
                raise ValueError(
                    f"{shown} must have the dtype of the layer's weights ({weight.dtype}), got "
                    f"{x.dtype}: convert it{other}"
                )

    def _require_ids(self, weight: Tensor, src_feats: int, dst_feats: int) -> None:
        for rows in (self.src, self.dst):
            if rows.dtype != torch.int64 or rows.size(1) != 1:
                raise ValueError(
                    f"feat must be floats, (N, {src_feats}), or int64 ids, (N,), got {rows.dtype} "
                    f"of shape {tuple(rows.shape)}"
                )
        sides = [(self.src, src_feats)]
        if self.dst is not self.src or dst_feats != src_feats:
            sides.append((self.dst, dst_feats))
        for rows, count in sides:
            if rows.device != weight.device:
                raise ValueError(
                    f"feat must be on the device of the layer ({weight.device}), got {rows.device}"
                )
            if torch.compiler.is_compiling() or (self.numbered and len(rows) <= count):
                continue
            worst = worst_outside(rows, count)
            if worst is not None:
                raise ValueError(
                    f"feat must have ids from 0 to {count - 1}, as the layer has in_feats={count}, "
                    f"got {worst}"
                )

    def require_in_edges(self) -> None:
        """Raise DGLError, for a `Graph` ValueError, if a target has no in-edges."""
        node = self.graph.facts.first_without_in_edges
        if node is None:
            return
        name, cure = f"node {node}", "add self edges"
        if self.from_dgl:
            cure += " (dgl.add_self_loop(graph))"
        for node_type, count in (self.dst_counts or {}).items():
            if node < count:  # counted within its type, as the caller counts
                name, cure = f"node {node} of type {node_type!r}", "add edges that lead to them"
                break
            node -= count
        error = import_dgl().DGLError if self.from_dgl else ValueError  # as dgl.nn's layers raise
        raise error(
            f"graph has nodes without in-edges, the first is {name}, and the layer has nothing to "
            f"sum up for them: {cure}, or let their sum be zero "
            "(allow_zero_in_degree=True, or layer.set_allow_zero_in_degree(True))"
        )


def as_graph(
    graph: Graph | dgl.DGLGraph, relation_names: Sequence[Any] | None, device: torch.device
) -> Graph:
    """Return a layer's graph of one kind of nodes; a DGL graph's on the device of the features.

    A heterograph of utterances and their modalities becomes the graph of the modalities.
    """
    if isinstance(graph, Graph):
        return graph
    if not is_dgl_graph(graph):
        raise ValueError(f"graph must be a DGLGraph or a Graph, got {type(graph).__name__}")
    if is_modal(graph):
        return modal_graph_of(graph, relation_names).to(device)
    return Graph.from_dgl(graph, relation_names=relation_names, device=device)


def read_inputs(
    graph: Graph | dgl.DGLGraph,
    feat: Rows | tuple[Rows, Rows] | None,
    etypes: Tensor | None,
    edge_weight: PerEdge | None,
    num_rels: int,
    edge_feat: PerEdge | None = None,
    edge_feats: int | None = None,
) -> GraphInputs:
    """Return what a layer of `num_rels` relations and `edge_feats` wide edges computes with.

    Raises
    ------
    ValueError
        If the parts do not fit together; says which and why.
    """
    from_dgl = not isinstance(graph, Graph)
    if from_dgl and not is_dgl_graph(graph):
        raise ValueError(f"graph must be a DGLGraph or a Graph, got {type(graph).__name__}")
    of_src, of_dst = _sides(graph, _with_ids_as_rows(graph, feat))
    dst_counts = edge_counts = None
    if isinstance(of_src, Tensor) and isinstance(of_dst, Tensor):
        src, dst = of_src, of_dst
    else:  # both are by node type, and the graph is DGL's
        typed = cast("dgl.DGLGraph", graph)
        dst_counts = {name: typed.num_dst_nodes(name) for name in typed.dsttypes}
        edge_counts = {etype: typed.num_edges(etype) for etype in typed.canonical_etypes}
        src, dst = _join_sides(
            typed, cast(RowsByType, of_src), cast(RowsByType, of_dst), dst_counts
        )
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
    if (edge_feat is None) != (edge_feats is None):
        raise ValueError(
            f"edge_feat must be given, {edge_feats} wide, as the layer has edge_feats"
            if edge_feat is None
            else "edge_feat must be left out, as the layer was made without edge_feats"
        )
    weight = join_edges("edge_weight", edge_weight, edge_counts, structure)
    edges = join_edges("edge_feat", edge_feat, edge_counts, structure, edge_feats)
    return GraphInputs(
        structure, src, dst, weight, edges, dst_counts, edge_counts, from_dgl, feat is None
    )


def _with_ids_as_rows(
    graph: Graph | dgl.DGLGraph, feat: Rows | tuple[Rows, Rows] | None
) -> Rows | tuple[Rows, Rows]:
    """Return features as they are, and ids, (N,), as rows of one number."""
    if feat is None:
        return _numbers(graph)
    if not isinstance(feat, tuple) or len(feat) != 2:
        return cast("Rows", _as_rows(feat))
    src, dst = feat
    first = _as_rows(src)
    return first, first if dst is src else _as_rows(dst)


def _as_rows(feat: Any) -> Any:
    if isinstance(feat, Mapping):
        return {name: _as_rows(rows) for name, rows in feat.items()}
    if isinstance(feat, Tensor) and feat.dim() == 1 and not feat.is_floating_point():
        return feat.long().unsqueeze(1)
    return feat


def _numbers(graph: Graph | dgl.DGLGraph) -> Rows:
    """Return the number of each node, counted type after type."""
    if isinstance(graph, Graph):
        device, counts = graph.plan.device, {"": graph.num_src}
        square = graph.num_src == graph.num_dst
    else:
        device = graph.device
        counts = (
            {name: graph.num_nodes(name) for name in graph.ntypes} if not graph.is_block else {}
        )
        square = bool(counts)
    if not square:
        raise ValueError(
            "feat must be ids where sources and targets are not the same nodes, such as "
            "block.srcdata[dgl.NID], got None"
        )
    numbers = torch.arange(sum(counts.values()), device=device).unsqueeze(1)
    if len(counts) == 1:
        return numbers
    return split_rows(numbers, counts)


def _join_sides(
    graph: dgl.DGLGraph, src: RowsByType, dst: RowsByType, dst_counts: dict[str, int]
) -> tuple[Tensor, Tensor]:
    """Return the rows of all sources and of all targets: one object where these are the same."""
    same = src is dst and graph.srctypes == graph.dsttypes
    rows = join_rows(src, {name: graph.num_src_nodes(name) for name in graph.srctypes})
    return rows, rows if same else join_rows(dst, dst_counts)


def _sides(graph: Graph | dgl.DGLGraph, feat: Rows | tuple[Rows, Rows]) -> tuple[Rows, Rows]:
    """Return the features of sources and of targets; a block's targets are its first sources."""
    if isinstance(feat, tuple):
        if len(feat) != 2:
            raise ValueError(f"feat must be a pair (source rows, target rows), got {len(feat)}")
        src, dst = feat
    elif not isinstance(graph, Graph) and graph.is_block:  # as DGL samples them
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
    if isinstance(graph, Graph):
        apart = graph.num_src != graph.num_dst
    else:
        if len(graph.srctypes) > 1 or len(graph.dsttypes) > 1:
            raise ValueError(
                f"feat must be a dict of tensors by node type, as the graph has {graph.ntypes}, "
                f"got {type(feat).__name__}"
            )
        apart = graph.srctypes != graph.dsttypes
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
        # Not moved, as a DGL graph is: `Graph.to` does it once, outside of the training's steps.
        own = graph.plan.device
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
