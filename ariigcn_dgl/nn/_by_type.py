"""Rows of several node types, and values of several edge types, as one tensor and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph

Etype = tuple[str, str, str]
PerEdge = Tensor | Mapping[str | Etype, Tensor]


def join_rows(rows: Mapping[str, Tensor], counts: dict[str, int]) -> Tensor:
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


def join_edge_weights(
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
    if isinstance(weight, Mapping) and counts is not None:
        weight = torch.cat([_of_etype(weight, etype, count) for etype, count in counts.items()])
    if not isinstance(weight, Tensor) or weight.device != graph.eids.device:
        got = weight.device if isinstance(weight, Tensor) else type(weight).__name__
        raise ValueError(f"edge_weight must be a tensor on {graph.eids.device}, got {got}")
    if weight.shape != (graph.num_edges,):
        raise ValueError(
            f"edge_weight must have shape ({graph.num_edges},), one entry per edge, got "
            f"{tuple(weight.shape)}"
        )
    return weight[graph.eids]  # the caller's order is that of edge ids


def _of_etype(weights: Mapping[str | Etype, Tensor], etype: Etype, count: int) -> Tensor:
    key = etype if etype in weights else etype[1]  # DGL, too, takes a relation's name alone
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


def split_rows(rows: Tensor, counts: Mapping) -> dict:
    """Return the rows by the keys of `counts`, so many each, in this order."""
    sizes: Sequence[int] = list(counts.values())
    return dict(zip(counts, rows.split(sizes), strict=True))
