"""Sums over edges that are not one fused operator: of means, and of bilinear scores."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn._relation_matrices import relation_matrices
from ariigcn_dgl.ops import Impl, dot_attention, dropout, relational_lookup, relational_sum
from ariigcn_dgl.ops.edge_softmax import Softmax


@dataclass(frozen=True)
class EdgeSums:
    """How edges are weighted; `ariigcn_dgl.nn.RelEdgeAttentionConv` has the equations.

    Parameters
    ----------
    softmax : {"all", "relation"}
        Whose attention adds up to 1: that of all in-edges, or of those of each relation.
    divide : bool
        Divide by the number of in-neighbours in the relation.
    drop : float
        Dropout on the attention; 0 outside of training.
    impl : {"native", "reference"}
        "reference" computes in plain torch.
    """

    softmax: Softmax
    divide: bool
    drop: float
    impl: Impl

    def mean(self, graph: Graph, like: Tensor) -> Tensor:
        """Return the attention of edges that all have the same score, (1, E)."""
        share = graph.in_norm if self.softmax == "all" else graph.norm
        return share.to(like).unsqueeze(0)

    def bilinear(self, graph: Graph, src: Tensor, dst: Tensor, weight_score: Tensor) -> Tensor:
        """Return the attention, (M H, E), of rows (M, N, D) through matrices (M H, D, D)."""
        query = project(dst, weight_score)
        rows = src.repeat_interleave(len(query) // len(src), 0)
        return dot_attention(graph, query, rows, softmax=self.softmax, impl=self.impl)

    def sum_rows(
        self, graph: Graph, alpha: Tensor, src: Tensor, matrices: Tensor, edge_weight: Tensor | None
    ) -> Tensor:
        """Return the sums, (M H, N_dst, D_out), of rows (M, N_src, D_in)."""
        factor = self._factor(graph, alpha, edge_weight)
        if len(alpha) == len(matrices):
            return relational_sum(graph, factor, src, matrices, impl=self.impl)
        # All heads weight edges alike: they are columns of one.
        groups, heads = len(src), len(matrices) // len(src)
        side_by_side = matrices.unflatten(0, (groups, heads)).movedim(1, 3).flatten(3)
        out = relational_sum(graph, factor.expand(groups, -1), src, side_by_side, impl=self.impl)
        return out.unflatten(2, (heads, -1)).movedim(2, 1).flatten(0, 1)

    def look_up(
        self,
        graph: Graph,
        alpha: Tensor,
        ids: Tensor | None,
        parameters: dict[str, Tensor],
        edge_weight: Tensor | None,
        sparse: bool,
    ) -> Tensor:
        """Return what `sum_rows` returns for the one-hot rows of ids, (N_src,); default numbers."""
        factor = self._factor(graph, alpha, edge_weight)
        if list(parameters) != ["bases", "coefficients"]:
            matrices = relation_matrices(parameters)
            factor = factor.expand(len(matrices), -1)
            return relational_lookup(graph, factor, matrices, ids, sparse=sparse, impl=self.impl)
        # Each base is one relation; W_r of all ids, which would be large, are not made.
        bases, mixed = parameters["bases"], parameters["coefficients"][:, graph.etypes]
        factors = (factor.unsqueeze(-1) * mixed).movedim(2, 1).flatten(0, 1)
        table = bases.flatten(0, 1).unsqueeze(1)
        out = relational_lookup(graph.merged, factors, table, ids, impl=self.impl)
        return out.unflatten(0, bases.shape[:2]).sum(1)

    def _factor(self, graph: Graph, alpha: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Return what each edge multiplies its source by."""
        factor = dropout(alpha, self.drop, impl=self.impl) if self.drop > 0 else alpha
        factor = factor * graph.norm.to(factor) if self.divide else factor
        return factor if edge_weight is None else factor * edge_weight


def project(rows: Tensor, matrices: Tensor) -> Tensor:
    """Return rows (M, N, D) times each of their M H matrices, (M H, N, A)."""
    by_group = matrices.unflatten(0, (len(rows), -1))
    return (rows.unsqueeze(1) @ by_group).flatten(0, 1)


def edge_terms(graph: Graph, v: Tensor, edge_feat: Tensor, weight_edge: Tensor) -> Tensor:
    """Return what sources v, (G, N_src, A), and features of the edges add to scores, (G, E, A)."""
    groups, _, width = v.shape
    # As an embedding: its backward adds up in a fixed order, on any device.
    of_source = F.embedding(graph.src, v.transpose(0, 1).flatten(1))
    of_edge = edge_feat @ weight_edge.transpose(0, 1).flatten(1)
    return (of_source + of_edge).unflatten(1, (groups, width)).transpose(0, 1)
