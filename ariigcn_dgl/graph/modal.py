"""Graphs whose nodes are (utterance, modality): messages cross modalities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import Literal

import torch
from torch import Tensor

from ariigcn_dgl.graph.graph import Graph

Across = Literal["utterance", "window"]
CanonicalEtype = tuple[str, str, str]


def modal_relations(
    names: Sequence[str], modalities: Sequence[str], across: Across
) -> list[CanonicalEtype]:
    """Return the relations of `modal_graph` as DGL's edge types, in the order of their numbers.

    Parameters
    ----------
    names : sequence of str
        The relations between utterances, as `relation_names` has them.
    modalities : sequence of str
        Names of the modalities, which are the node types.
    across : {"utterance", "window"}
        As of `modal_graph`.

    Examples
    --------
    >>> modal_relations(["past", "self"], ["text", "audio"], "utterance")[:3]
    [('text', 'past', 'text'), ('audio', 'past', 'audio'), ('text', 'self', 'text')]
    >>> modal_relations(["past", "self"], ["text", "audio"], "utterance")[4:]
    [('text', 'utterance', 'audio'), ('audio', 'utterance', 'text')]
    >>> len(modal_relations(["past", "self"], ["text", "audio"], "window"))
    8
    """
    if across == "window":
        return [(src, name, dst) for name in names for src, dst in product(modalities, repeat=2)]
    within = [(modality, name, modality) for name in names for modality in modalities]
    return within + [(src, "utterance", dst) for src, dst in permutations(modalities, 2)]


def modal_graph(graph: Graph, present: Tensor, across: Across) -> Graph:
    """Return the graph of an utterance's modalities, given that of the utterances.

    Node ``i * M + m`` is modality m of utterance i. Within a modality there are the edges between
    utterances; across modalities those of an utterance with itself ("utterance", as in MMGCN, Hu
    2021), or every edge there is ("window"), so that each ordered pair of modalities makes
    relations of its own: `modal_relations`. A modality that is missing has no edges but its self
    edge: nothing comes from it, and it gets nothing.

    Parameters
    ----------
    graph : Graph
        N utterances, each with one self edge; on the CPU.
    present : (M, N) bool tensor
        Where each modality exists.
    across : {"utterance", "window"}
        One of those above.

    Examples
    --------
    >>> import torch
    >>> graph = Graph.from_dialogues(torch.tensor([2]), torch.tensor([0, 1]))
    >>> lifted = modal_graph(graph, torch.ones(2, 2).bool(), "utterance")
    >>> lifted.num_dst, lifted.num_edges, lifted.num_rels
    (4, 12, 12)
    """
    count = len(present)
    sources, targets, relations = [], [], []
    num_rels = len(graph.rel_counts)
    crossings = list(permutations(range(count), 2))  # relations that only "utterance" has
    in_all = num_rels * count**2 if across == "window" else num_rels * count + len(crossings)
    for m_src, m_dst in product(range(count), repeat=2):
        src, dst, etypes = graph.src, graph.dst, graph.etypes
        if across == "window":
            number = etypes * count**2 + m_src * count + m_dst
        elif m_src == m_dst:
            number = etypes * count + m_src
        else:
            own = src == dst
            src, dst = src[own], dst[own]
            number = torch.full_like(src, num_rels * count + crossings.index((m_src, m_dst)))
        joined = present[m_src][src] & present[m_dst][dst]
        if m_src == m_dst:
            joined |= src == dst  # a node that is missing keeps its self edge
        sources.append(src[joined] * count + m_src)
        targets.append(dst[joined] * count + m_dst)
        relations.append(number[joined])
    nodes = graph.num_dst * count
    return Graph.from_edges(
        torch.cat(sources),
        torch.cat(targets),
        torch.cat(relations),
        num_src=nodes,
        num_dst=nodes,
        num_rels=in_all,
    )
