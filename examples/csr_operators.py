"""Use the operators on plain CSR tensors, without a layer, DGL or PyG.

python examples/csr_operators.py
"""

from __future__ import annotations

import scipy.sparse
import torch

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import (
    dot_attention,
    relational_attention,
    relational_attention_reference,
    segment_spmm,
)

NODES, WIDTH, HEADS, RELS = 200, 16, 2, 3


def main() -> None:
    torch.manual_seed(0)
    # rows are targets, columns sources: row i of the matrix holds the in-edges of node i
    adjacency = scipy.sparse.random(NODES, NODES, density=0.05, format="csr", random_state=0)
    indptr, indices = (torch.from_numpy(x).long() for x in (adjacency.indptr, adjacency.indices))
    feat = torch.randn(1, NODES, WIDTH, requires_grad=True)  # (groups, nodes, width)

    # one relation: the weighted sum over neighbours is the sparse matrix product
    graph = Graph.from_csr(indptr, indices)
    values = torch.from_numpy(adjacency.data).float().unsqueeze(0)
    sums = segment_spmm(graph.merged, values, feat)
    product = torch.from_numpy(adjacency @ feat[0].detach().numpy())
    print(f"segment_spmm - A @ H: {(sums[0] - product).abs().max():.1e}")

    # attention alone: (groups, edges), in the order of the CSR arrays
    alpha = dot_attention(graph, feat, feat)
    total = torch.segment_reduce(alpha[0].detach(), "sum", offsets=indptr)
    print(f"targets whose attention sums to 1: {int(total.isclose(torch.ones(())).sum())}")

    # relations must be sorted within a row for from_csr; from_edges sorts, and `eids` leads back
    etypes = torch.randint(RELS, (graph.num_edges,))
    typed = Graph.from_edges(
        graph.src, graph.dst, etypes, num_src=NODES, num_dst=NODES, num_rels=RELS
    )
    weights = {
        "weight_dst": torch.randn(HEADS, WIDTH, 8),
        "weight_src": torch.randn(HEADS, WIDTH, 8),
        "score": torch.randn(HEADS, 8),
        "rel_weight": torch.randn(HEADS, RELS, WIDTH, 4),
    }
    out, _ = relational_attention(typed, feat, **weights, activation="tanh")
    expected, _ = relational_attention_reference(typed, feat, **weights, activation="tanh")
    print(f"relational_attention - reference: {(out - expected).abs().max():.1e}, {out.shape}")

    # derivatives of any order
    (slope,) = torch.autograd.grad(out.square().sum(), feat, create_graph=True)
    slope.square().sum().backward()
    print(f"second derivative is finite: {bool(feat.grad.isfinite().all())}")


if __name__ == "__main__":
    main()
