"""Graphs of utterances' modalities as DGL's heterographs, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl._dgl import import_dgl
from ariigcn_dgl.graph.cache import cached
from ariigcn_dgl.graph.graph import Graph
from ariigcn_dgl.graph.modal import CanonicalEtype
from ariigcn_dgl.graph.to_dgl import NODE_TYPE

if TYPE_CHECKING:
    import dgl

PLACE = "place"  # node data: of which utterance of its dialogue a node is a modality


def is_modal(g: dgl.DGLGraph) -> bool:
    """Whether nodes of `g` are utterances, without edges, and their modalities."""
    joined = {end for src, _, dst in g.canonical_etypes for end in (src, dst)}
    return NODE_TYPE in g.ntypes and len(g.ntypes) > 1 and NODE_TYPE not in joined


def modal_to_dgl(
    graph: Graph, canonical_etypes: Sequence[CanonicalEtype], present: Tensor
) -> dgl.DGLGraph:
    """Return the heterograph of one dialogue whose node types are its modalities.

    Missing modalities are missing nodes. Node data ``place`` says of which utterance a node is a
    modality; the utterances themselves are a node type, ``utterance``, without edges.

    Parameters
    ----------
    graph : Graph
        Of `modal_graph`.
    canonical_etypes : sequence of (str, str, str)
        Of `modal_relations`.
    present : (M, N) bool tensor
        Where each modality exists.
    """
    modalities = list(dict.fromkeys(src for src, _, _ in canonical_etypes))
    number = present.cumsum(1) - 1  # among the nodes of its type
    edges = {}
    for relation, (src, name, dst) in enumerate(canonical_etypes):
        chosen = graph.etypes == relation
        ends = []
        for modality, nodes in ((src, graph.src[chosen]), (dst, graph.dst[chosen])):
            m, place = modalities.index(modality), nodes // len(modalities)
            ends.append(number[m, place][present[m, place]])
        edges[src, name, dst] = tuple(ends)
    counts = {name: int(row.sum()) for name, row in zip(modalities, present, strict=True)}
    counts[NODE_TYPE] = present.size(1)
    g = import_dgl().heterograph(edges, num_nodes_dict=counts)
    for name, row in zip(modalities, present, strict=True):
        g.nodes[name].data[PLACE] = row.nonzero().squeeze(1)
    return g


def rows_of(g: dgl.DGLGraph, modality: str) -> Tensor:
    """Return of which utterance of the batch each node of a modality is one, (N_m,) int64."""
    lengths, counts = g.batch_num_nodes(NODE_TYPE), g.batch_num_nodes(modality)
    first = lengths.cumsum(0) - lengths
    return g.nodes[modality].data[PLACE] + first.repeat_interleave(counts)


def modal_graph_of(
    g: dgl.DGLGraph, canonical_etypes: Sequence[CanonicalEtype] | None = None
) -> Graph:
    """Return what `modal_graph` made: the graph of a heterograph of `modal_to_dgl`, or a batch.

    Parameters
    ----------
    g : DGLGraph
        Of the node type ``utterance`` and one for each modality.
    canonical_etypes : sequence of (str, str, str), optional
        The edge types in the order of their relation numbers, modalities in the order in which they
        come first; default DGL's, which sorts them by name.

    Raises
    ------
    ValueError
        If `canonical_etypes` are not the graph's.
    """
    order = g.canonical_etypes if canonical_etypes is None else list(canonical_etypes)
    if sorted(order) != sorted(g.canonical_etypes):
        raise ValueError(f"relation_names must be the edge types {g.canonical_etypes}, got {order}")
    modalities = list(dict.fromkeys(src for src, _, _ in order))
    count, utterances = len(modalities), g.num_nodes(NODE_TYPE)
    node = {name: rows_of(g, name) * count + m for m, name in enumerate(modalities)}
    pairs = {etype: g.edges(etype=etype, order="eid") for etype in order}
    src = torch.cat([node[etype[0]][pairs[etype][0].long()] for etype in order])
    dst = torch.cat([node[etype[2]][pairs[etype][1].long()] for etype in order])
    counts = torch.tensor([len(pairs[etype][0]) for etype in order], device=src.device)
    etypes = torch.arange(len(order), device=src.device).repeat_interleave(counts)
    # A node that is missing keeps its self edge, of the relation that its modality's have.
    present = torch.cat(list(node.values()))
    missing = torch.ones(utterances * count, dtype=torch.bool, device=src.device)
    missing[present] = False
    own = {name: _self_relation(src, dst, etypes, order, name) for name in modalities}
    absent = missing.nonzero().squeeze(1)
    of_modality = torch.tensor([own[name] for name in modalities], device=src.device)
    relation = of_modality[absent % count]
    edges = torch.cat([src, absent]), torch.cat([dst, absent]), torch.cat([etypes, relation])
    sizes = {"num_src": utterances * count, "num_dst": utterances * count, "num_rels": len(order)}
    return cached(g, tuple(order), edges, lambda: Graph.from_edges(*edges, **sizes))


def _self_relation(
    src: Tensor, dst: Tensor, etypes: Tensor, order: Sequence[CanonicalEtype], modality: str
) -> int:
    """Return the relation of the self edges of a modality's nodes."""
    within = [r for r, (a, _, b) in enumerate(order) if a == b == modality]
    of_self = etypes[src == dst]
    found = [r for r in within if (of_self == r).any()]
    # None of them is there: the last, which `relation_names` gives to self edges.
    return found[0] if found else within[-1]
