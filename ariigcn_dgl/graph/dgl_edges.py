"""The edges of a DGL graph as tensors, in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl.graph.checks import as_int64

if TYPE_CHECKING:
    import dgl


def edges_of(
    g: dgl.DGLGraph, etypes: Tensor | None, relation_names: Sequence[str] | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return ``src, dst, etypes`` of `Graph.from_dgl`, which see, in the order of edge ids."""
    if len(g.canonical_etypes) == 1:  # then relations, if any, are the caller's numbers
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
    # By their middle names, too, where no two types share one.
    keys = etypes if all(isinstance(name, tuple) for name in order) else [e[1] for e in etypes]
    if sorted(order) != sorted(keys) or len(set(keys)) != len(keys):
        raise ValueError(f"relation_names must be the edge types {keys}, got {order}")
    return [order.index(key) for key in keys]
