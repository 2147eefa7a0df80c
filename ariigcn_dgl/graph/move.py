"""A graph on another device, and which integers its kernels count with there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl.transfer import send

if TYPE_CHECKING:
    from ariigcn_dgl.graph.structure import Graph

LARGEST_INT32 = torch.iinfo(torch.int32).max
# What kernels read; `eids` are the caller's own numbers, of any size.
PLAN = ("indptr", "indices", "etypes", "dst", "seg_ptr", "seg_dst", "seg_rel", "edge_seg",
        "t_indptr", "t_eids", "components")  # fmt: skip


def index_dtype(graph: Graph, device: torch.device) -> torch.dtype:
    """Return what kernels count nodes, edges and relations with: int32 if that is enough.

    On the CPU always int64, so that nothing is converted. Offsets into features do not count: all
    kernels compute those with 64 bits.
    """
    largest = max(graph.num_dst, graph.num_src, graph.num_edges, graph.num_rels)
    fits = device.type != "cpu" and largest <= LARGEST_INT32
    return torch.int32 if fits else torch.int64


def move(graph: Graph, device: torch.device) -> Graph:
    """Return the graph on another device; all its tensors travel as one.

    They are int64 there, too, as torch, DGL and PyG expect; `narrow` is added for the kernels.
    """
    host = graph if graph.indices.device.type == "cpu" else None
    return replace(unpacked(graph, send(packed(graph, device), device)), host=host)


def narrowed(graph: Graph) -> Graph:
    """Return a graph that was built on its device with what the kernels read there."""
    if index_dtype(graph, graph.indices.device) == torch.int64:
        return graph
    return unpacked(graph, packed(graph, graph.indices.device))


def packed(graph: Graph, device: torch.device) -> list[Tensor]:
    """Return the tensors that make up the graph on a device, for `unpacked`."""
    dtype = index_dtype(graph, device)
    narrow = PLAN if dtype != torch.int64 else ()
    own = [getattr(graph, name) for name in _names(graph)]
    return [*own, *(getattr(graph, name).to(dtype) for name in narrow)]


def unpacked(graph: Graph, tensors: Sequence[Tensor]) -> Graph:
    """Return a graph of these tensors, which `packed` made of a graph like `graph`."""
    names = _names(graph)
    wide = replace(graph, **dict(zip(names, tensors, strict=False)), host=None, narrow=None)
    if len(tensors) == len(names):
        return wide
    plan = replace(wide, **dict(zip(PLAN, tensors[len(names) :], strict=True)))
    return replace(wide, narrow=plan)


def _names(graph: Graph) -> list[str]:
    return [f.name for f in fields(graph) if f.type == "Tensor"]
