"""Edges of sparse adjacency matrices, as PyG's `ToSparseTensor` makes them."""

from __future__ import annotations

import torch
from torch import Tensor

from ariigcn_dgl.graph.cache import cached


def is_adjacency(x: object) -> bool:
    """Return whether this is a sparse matrix of torch, whatever its layout."""
    return isinstance(x, Tensor) and x.layout is not torch.strided


def edges_of_adjacency(adj_t: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``edge_index``, (2, E), and the entries, (E, ...), of a transposed adjacency matrix.

    Entries are neither sorted nor added up. The same unchanged matrix gives the same
    ``edge_index`` object.

    Parameters
    ----------
    adj_t : sparse (N_dst, N_src) tensor
        A row for each target; COO, CSR or CSC.

    Raises
    ------
    ValueError
        If it is no matrix.

    Examples
    --------
    >>> adj_t = torch.sparse_coo_tensor([[1, 0], [2, 1]], [0, 1], (2, 3), check_invariants=True)
    >>> edges_of_adjacency(adj_t)[0].tolist()
    [[2, 1], [1, 0]]
    """
    entries = adj_t.to_sparse_coo()
    if entries.sparse_dim() != 2:
        raise ValueError(
            f"edge_index must be a sparse (targets, sources) matrix, got shape {tuple(adj_t.shape)}"
        )
    edge_index = entries._indices().flip(0)
    edge_index = cached(adj_t, "edge_index", (edge_index,), lambda: edge_index)
    return edge_index, entries._values()
