"""The ways to make a `Graph`; each is one of its class methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl.graph.checks import (
    as_int64,
    check_csr,
    check_edge_index,
    check_range,
    check_vectors,
)
from ariigcn_dgl.graph.dgl_view import edges_of
from ariigcn_dgl.graph.move import narrowed
from ariigcn_dgl.graph.plan import csr_plan, sort_edges
from ariigcn_dgl.graph.remember import remembered
from ariigcn_dgl.graph.window import Relations, relation_names, window_edges

# A graph outlives the autograd mode in which it is made, e.g. that of a validation before training.
LASTING = torch.inference_mode(mode=False)

if TYPE_CHECKING:
    import dgl

    from ariigcn_dgl.graph.structure import Graph


@LASTING
def from_csr(
    cls: type[Graph],
    indptr: Tensor,
    indices: Tensor,
    etypes: Tensor | None = None,
    num_rels: int | None = None,
    num_src: int | None = None,
    eids: Tensor | None = None,
) -> Graph:
    """Build the structure from in-edges in CSR form, etypes sorted within each target.

    Parameters
    ----------
    indptr, indices : (N_dst + 1,), (E,) int64 tensors
        Row pointer over targets, and the source of each edge.
    etypes : (E,) int64 tensor, optional
        Relation of each edge; default all 0.
    num_rels, num_src : int, optional
        Number of relations (default: largest + 1) and of sources (default: N_dst).
    eids : (E,) int64 tensor, optional
        Position of each edge in the caller's order; default ``arange(E)``.

    Raises
    ------
    ValueError
        If the arrays do not describe such a graph; says which entry and why.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1]))
    >>> graph.num_dst, graph.num_edges, graph.num_segments
    (2, 3, 2)
    """
    etypes = torch.zeros_like(indices) if etypes is None else etypes
    if eids is None:
        eids = torch.arange(indices.numel(), device=indices.device)
    check_vectors(indptr=indptr, indices=indices, etypes=etypes, eids=eids)
    if num_rels is None:
        num_rels = max(int(etypes.max()) + 1, 1) if len(etypes) else 1
    num_src = max(len(indptr) - 1, 0) if num_src is None else num_src
    own = [tensor.contiguous() for tensor in (indptr, indices, etypes, eids)]
    check_csr(*own, num_rels, num_src)
    return narrowed(cls(*own, *csr_plan(*own[:3], num_src), num_rels=num_rels)).with_facts()


@LASTING
def from_edges(
    cls: type[Graph],
    src: Tensor,
    dst: Tensor,
    etypes: Tensor | None = None,
    *,
    num_src: int,
    num_dst: int,
    num_rels: int | None = None,
) -> Graph:
    """Build the structure from edges in any order; `eids` leads back to that order.

    Parameters
    ----------
    src, dst : (E,) int64 tensors
        Source and target of each edge.
    etypes : (E,) int64 tensor, optional
        Relation of each edge; default all 0.
    num_src, num_dst, num_rels : int
        Numbers of nodes; number of relations (default: largest + 1).

    Raises
    ------
    ValueError
        If lengths or dtypes disagree or a node or relation is out of range.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_edges(
    ...     torch.tensor([1, 0]), torch.tensor([0, 0]), num_src=2, num_dst=1
    ... )
    >>> graph.indices.tolist(), graph.eids.tolist()
    ([0, 1], [1, 0])
    """
    etypes = torch.zeros_like(src) if etypes is None else etypes
    check_vectors(src=src, dst=dst, etypes=etypes)
    if not len(src) == len(dst) == len(etypes):
        raise ValueError(
            "src, dst and etypes must have one entry per edge, got "
            f"{len(src)}, {len(dst)} and {len(etypes)}"
        )
    if num_rels is None:
        num_rels = max(int(etypes.max()) + 1, 1) if len(etypes) else 1
    keys = {"src": (src, num_src), "etypes": (etypes, num_rels), "dst": (dst, num_dst)}
    for name, (values, size) in keys.items():
        check_range(name, values, size)
    indptr, order = sort_edges(keys)
    return cls.from_csr(indptr, src[order], etypes[order], num_rels, num_src, order)


@LASTING
def from_edge_index(
    cls: type[Graph],
    edge_index: Tensor,
    edge_type: Tensor | None = None,
    *,
    num_nodes: int | tuple[int, int],
    num_rels: int | None = None,
) -> Graph:
    """Build the structure from PyG's edge list; the same unchanged list gives the same object.

    Parameters
    ----------
    edge_index : (2, E) int64 tensor
        Sources (row 0) and targets (row 1).
    edge_type : (E,) int tensor, optional
        Relation of each edge; default all 0.
    num_nodes : int or pair of int
        Number of nodes, or of sources and of targets.
    num_rels : int, optional
        Number of relations (default: largest + 1).

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit or a node or relation is out of range.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_edge_index(torch.tensor([[1, 0], [0, 0]]), num_nodes=2)
    >>> graph.indices.tolist(), graph.dst.tolist(), graph.eids.tolist()
    ([0, 1], [0, 0], [1, 0])
    """
    num_src, num_dst = (num_nodes, num_nodes) if isinstance(num_nodes, int) else num_nodes
    sizes = {"num_src": num_src, "num_dst": num_dst, "num_rels": num_rels}
    etypes = None if edge_type is None else as_int64("edge_type", edge_type)
    edges = (edge_index[0], edge_index[1], etypes)

    def build() -> Graph:
        check_edge_index(edge_index, etypes, num_src, num_dst, num_rels)
        return cls.from_edges(*edges, **sizes)

    return remembered(edge_index, tuple(sizes.values()), edges, build)


@LASTING
def from_dgl(
    cls: type[Graph],
    g: dgl.DGLGraph,
    etypes: Tensor | None = None,
    *,
    num_rels: int | None = None,
    relation_names: Sequence[str] | None = None,
    device: torch.device | str | None = None,
) -> Graph:
    """Build the structure of a DGL graph; the same unchanged graph gives the same object.

    What is remembered is compared, edge by edge, with what `g` and `etypes` hold now.

    Parameters
    ----------
    g : DGLGraph
        A homogeneous or bipartite graph, a heterograph, or a block. Nodes and edges of several
        types are counted type after type, as `dgl.to_homogeneous` does: nodes by ``g.ntypes``
        (``g.srctypes`` and ``g.dsttypes`` where these differ), edges by ``g.canonical_etypes``.
    etypes : (E,) int tensor, optional
        Relations of the edges by edge id, where `g` has one edge type; default all 0.
    num_rels : int, optional
        Number of relations, where `g` has one edge type (default: largest + 1).
    relation_names : sequence of str or of (str, str, str), optional
        The edge types of a heterograph in the order of their relation numbers; default
        ``g.canonical_etypes``, which DGL sorts by name.
    device : torch.device or str, optional
        Where the structure is wanted; default that of `g`. PyPI's DGL has graphs on the CPU
        only, but features and structure may live on a GPU.

    Raises
    ------
    ValueError
        If `etypes` does not fit or comes with a heterograph, or `relation_names` are not the
        edge types.

    Examples
    --------
    >>> from ariigcn_dgl import dgl
    >>> from ariigcn_dgl.graph import Graph
    >>> g = dgl.heterograph({("u", "past", "u"): ([0], [1]), ("u", "future", "u"): ([1], [0])})
    >>> Graph.from_dgl(g).etypes.tolist()
    [0, 1]
    >>> Graph.from_dgl(g, relation_names=["past", "future"]).etypes.tolist()
    [1, 0]
    """
    edges = edges_of(g, etypes, relation_names)
    sizes = {"num_src": g.num_src_nodes(), "num_dst": g.num_dst_nodes()}
    sizes["num_rels"] = num_rels if len(g.canonical_etypes) == 1 else len(g.canonical_etypes)
    device = torch.device(device or g.device)
    key = (*sizes.values(), device)
    return remembered(g, key, edges, lambda: cls.from_edges(*edges, **sizes).to(device))


@LASTING
def from_dialogues(
    cls: type[Graph],
    lengths: Tensor,
    speakers: Tensor,
    *,
    past: int = 10,
    future: int = 10,
    relations: Relations = "speaker",
    num_speakers: int = 2,
) -> Graph:
    """Connect every utterance with its neighbours in a window of its dialogue, itself included.

    Edge j -> i exists when both lie in one dialogue and ``-past <= j - i <= future``. Its
    relation is (same or other speaker) x (past or future), or with ``relations="pairs"``
    (ordered pair of speakers, numbered by first appearance in the dialogue) x (past or future);
    the self edge has a relation of its own, the last one: `relation_names`. Built natively, in
    time linear in the number of edges.

    Parameters
    ----------
    lengths : (B,) int64 tensor
        Utterances in each dialogue, on the CPU.
    speakers : (N,) int64 tensor
        Speaker of each utterance, on the CPU; any numbering.
    past, future : int
        Utterances that the window reaches back and ahead; ``future=0`` sees the past only.
    relations : {"speaker", "pairs"}
        5 relations, or ``2 * num_speakers ** 2 + 1``.
    num_speakers : int
        Most speakers in a dialogue; used by "pairs" only.

    Returns
    -------
    Graph
        N nodes as sources and targets.

    Raises
    ------
    ValueError
        If lengths do not add up, a window is negative, or a dialogue has too many speakers.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph, relation_names
    >>> lengths, speakers = torch.tensor([3]), torch.tensor([7, 4, 7])
    >>> graph = Graph.from_dialogues(lengths, speakers, past=1, future=1)
    >>> graph.indptr.tolist(), graph.indices.tolist()
    ([0, 2, 5, 7], [1, 0, 0, 2, 1, 1, 2])
    >>> [relation_names("speaker")[r] for r in graph.etypes[:2]]
    ['other_future', 'self']
    """
    edges = window_edges(lengths, speakers, past, future, relations, num_speakers)
    plan = csr_plan(*edges[:3], len(speakers))
    num_rels = len(relation_names(relations, num_speakers))
    return cls(*edges, *plan, num_rels=num_rels).with_facts()
