"""Relational sums of nodes without features: each relation has an embedding of every node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ariigcn_dgl.graph.checks import worst_outside
from ariigcn_dgl.ops._checks import require_dim, require_floating, require_shape
from ariigcn_dgl.ops._impl import Impl, is_reference
from ariigcn_dgl.ops.segment_spmm import segment_spmm

if TYPE_CHECKING:
    from ariigcn_dgl.graph import Graph


def relational_lookup(
    graph: Graph,
    edge_weight: Tensor,
    rel_weight: Tensor,
    ids: Tensor | None = None,
    *,
    sparse: bool = False,
    impl: Impl = "native",
) -> Tensor:
    r"""Sum weighted rows of the neighbours' relations: `relational_sum` of one-hot features.

    .. math:: h'_i = \sum_r \sum_{j \in N_i^r} w_{ij} W_r[\mathrm{id}_j]

    The first layer of R-GCN (Schlichtkrull 2018) on nodes without features. A row is read once for
    each of the Q pairs of a relation and a source that have edges, whatever the number of edges,
    and no other row is touched, forward or backward.

    Parameters
    ----------
    graph : Graph
        E edges, R relations.
    edge_weight : (G, E) tensor
        Weight of each edge, in the order of ``graph.indices``.
    rel_weight : (G, R, V, D_out) tensor
        Embeddings of V ids in each relation.
    ids : (N_src,) int tensor, optional
        Of each source; default its number.
    sparse : bool
        Make the gradient of `rel_weight` a sparse tensor of the Q rows, as
        ``torch.nn.Embedding(sparse=True)`` does, for `torch.optim.SparseAdam` or SGD. A dense one
        has G R V rows, nearly all of them 0. Differentiable once then.
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

    Returns
    -------
    (G, N_dst, D_out) tensor
        Zero for targets without in-edges.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or an id is out of range.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Graph
    >>> graph = Graph.from_csr(
    ...     torch.tensor([0, 2]), torch.tensor([0, 1]), torch.tensor([0, 1]), num_src=2
    ... )
    >>> rel_weight = torch.tensor([[[[1.0], [2.0]], [[10.0], [20.0]]]])
    >>> relational_lookup(graph, torch.ones(1, 2), rel_weight)
    tensor([[[21.]]])
    """
    require_floating(edge_weight=edge_weight, rel_weight=rel_weight)
    require_dim(4, rel_weight=rel_weight)
    groups, _, rows, width = rel_weight.shape
    require_shape("edge_weight", edge_weight, (groups, graph.num_edges))
    require_shape("rel_weight", rel_weight, (groups, graph.num_rels, rows, width))
    if ids is None:
        if rows < graph.num_src:
            raise ValueError(
                f"rel_weight must have a row for each of the graph's {graph.num_src} sources, got "
                f"{rows}"
            )
    else:
        _check_ids(ids, graph.num_src, rows)
    if is_reference(impl, edge_weight, rel_weight):
        return relational_lookup_reference(graph, edge_weight, rel_weight, ids)
    pairs = graph.source_pairs
    of_pair = pairs.src if ids is None else ids[pairs.src].long()
    found = (
        _sparse_rows(rel_weight, pairs.rel, of_pair)
        if sparse
        else rel_weight[:, pairs.rel, of_pair]
    )
    return segment_spmm(pairs.graph, edge_weight, found)


def relational_lookup_reference(
    graph: Graph, edge_weight: Tensor, rel_weight: Tensor, ids: Tensor | None = None
) -> Tensor:
    """Compute `relational_lookup` in plain torch, with a (G, E, D_out) tensor."""
    of_edge = graph.src if ids is None else ids[graph.src].long()
    messages = edge_weight.unsqueeze(-1) * rel_weight[:, graph.etypes, of_edge]
    out = messages.new_zeros(len(messages), graph.num_dst, messages.size(-1))
    return out.index_add(1, graph.dst, messages)


def _check_ids(ids: Tensor, sources: int, rows: int) -> None:
    if ids.is_floating_point() or ids.dtype == torch.bool or ids.shape != (sources,):
        raise ValueError(
            f"ids must be ({sources},) whole numbers, one for each source, got {ids.dtype} of "
            f"shape {tuple(ids.shape)}"
        )
    worst = None if torch.compiler.is_compiling() else worst_outside(ids, rows)
    if worst is not None:
        raise ValueError(
            f"ids must be at least 0 and less than {rows}, the rows of each relation, got {worst}"
        )


# An operator, so that torch.compile takes it: a sparse tensor is nothing that it traces itself.
@torch.library.custom_op("ariigcn::sparse_rows", mutates_args=())
def _sparse_rows(table: Tensor, rel: Tensor, row: Tensor) -> Tensor:
    """Return rows (G, Q, D) of a (G, R, V, D) table, whose gradient is sparse."""
    return table[:, rel, row]


@_sparse_rows.register_fake
def _(table, rel, row):
    return table.new_empty(table.size(0), rel.size(0), table.size(3))


def _setup_context(ctx, inputs, output):
    table, rel, row = inputs
    ctx.save_for_backward(rel, row)
    ctx.shape = table.shape


def _backward(ctx, grad):
    rel, row = ctx.saved_tensors
    groups, pairs = grad.size(0), grad.size(1)  # which is not known when a program is compiled
    group = torch.arange(groups, device=grad.device).unsqueeze(1).expand(groups, pairs)
    index = torch.stack([group, rel.expand(groups, pairs), row.expand(groups, pairs)]).flatten(1)
    values = grad.flatten(0, 1)
    table = torch.sparse_coo_tensor(index, values, ctx.shape, check_invariants=False)
    return table, None, None


_sparse_rows.register_autograd(_backward, setup_context=_setup_context)
