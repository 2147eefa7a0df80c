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


def join_edges(
    name: str,
    values: PerEdge | None,
    counts: dict[Etype, int] | None,
    graph: Graph,
    width: int | None = None,
) -> Tensor | None:
    """Return what all edges have, (E,) or (E, width), in the order of ``graph.indices``."""
    if values is None:
        return None
    if isinstance(values, Mapping) != (counts is not None):
        raise ValueError(
            f"{name} must be a dict by edge type where feat is a dict by node type, and a tensor "
            f"otherwise, got {type(values).__name__}"
        )
    row = () if width is None else (width,)
    if isinstance(values, Mapping) and counts is not None:
        _require_one_meaning(name, values, counts)
        values = torch.cat([_of_etype(name, values, etype, n, row) for etype, n in counts.items()])
    if not isinstance(values, Tensor) or values.device != graph.eids.device:
        got = values.device if isinstance(values, Tensor) else type(values).__name__
        raise ValueError(f"{name} must be a tensor on {graph.eids.device}, got {got}")
    shape = (graph.num_edges, *row)
    if values.shape != shape:
        entry = "entry" if width is None else "row"
        raise ValueError(
            f"{name} must have shape {shape}, one {entry} per edge, got {tuple(values.shape)}"
        )
    # The caller's order is that of edge ids.
    return values if graph.facts.in_order else values[graph.eids]


def _require_one_meaning(
    name: str, values: Mapping[str | Etype, Tensor], counts: dict[Etype, int]
) -> None:
    """Raise ValueError if a relation's name alone is that of several edge types."""
    for key in values:
        meant = [etype for etype in counts if etype[1] == key]
        if len(meant) > 1 and any(etype not in values for etype in meant):
            raise ValueError(f"{name} must say which edge type {key!r} is: one of {meant}")


def _of_etype(
    name: str,
    values: Mapping[str | Etype, Tensor],
    etype: Etype,
    count: int,
    row: tuple[int, ...],
) -> Tensor:
    key = etype if etype in values else etype[1]  # DGL, too, takes a relation's name alone
    if key not in values:
        raise ValueError(f"{name} must have every edge type, got {list(values)} without {etype}")
    shape = (count, *row)
    if values[key].shape != shape:
        raise ValueError(f"{name}[{key!r}] must have shape {shape}, got {tuple(values[key].shape)}")
    return values[key]


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
