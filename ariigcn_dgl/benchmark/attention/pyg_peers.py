"""Relational edge attention in PyTorch Geometric: a composition, and its own layers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.benchmark.attention.inputs import AttentionInputs, refuse_matrix_per_edge
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.optional import import_quietly

PACKAGE = "torch_geometric"


def _composition(inputs: AttentionInputs) -> Built:
    """Make a `MessagePassing` layer: `edge_updater` scores edges, `propagate` sums a relation."""
    base: Any = import_quietly(f"{PACKAGE}.nn").MessagePassing
    softmax = import_quietly(f"{PACKAGE}.utils").softmax
    edges = inputs.by_relation()
    edge_index = torch.stack([edges.src, edges.dst])
    parts = [(r, torch.stack([src, dst])) for r, src, dst in edges.slices()]

    class Layer(base):
        def __init__(self) -> None:
            super().__init__(aggr="add", node_dim=0)

        def forward(self, feat: Tensor) -> Tensor:
            u, v = feat @ inputs.weight_dst, feat @ inputs.weight_src
            alpha = self.edge_updater(edge_index, u=u, v=v)
            weights = (alpha * edges.norm).split(edges.counts)
            matrices = inputs.rel_weight.unbind(0)
            out = torch.zeros_like(feat)
            for (relation, index), weight in zip(parts, weights, strict=True):
                out = out + self.propagate(index, x=feat, weight=weight) @ matrices[relation]
            return F.gelu(out)

        def edge_update(self, u_i: Tensor, v_j: Tensor, index: Tensor) -> Tensor:
            return softmax(F.relu(u_i + v_j) @ inputs.score, index, num_nodes=len(inputs.feat))

        def message(self, x_j: Tensor, weight: Tensor) -> Tensor:
            return weight.unsqueeze(1) * x_j

    layer = Layer()
    return Built(lambda: layer(inputs.feat), inputs.leaves)


def _layer(inputs: AttentionInputs, name: str) -> Built:
    dim = inputs.feat.size(1)
    layer = getattr(import_quietly(f"{PACKAGE}.nn"), name)
    conv = layer(dim, dim, inputs.num_rels).to(inputs.feat)
    edge_index = torch.stack([inputs.src, inputs.dst])
    return Built(
        lambda: F.gelu(conv(inputs.feat, edge_index, inputs.etypes)),
        (inputs.feat, *conv.parameters()),
    )


PYG_PEERS = (
    Peer(
        "pyg",
        "PyG composition",
        _composition,
        package=PACKAGE,
        bytes_needed=lambda inputs: inputs.edge_bytes(6),
    ),
    Peer(
        "pyg-rgcnconv",
        "PyG RGCNConv",
        lambda inputs: _layer(inputs, "RGCNConv"),
        package=PACKAGE,
        same=False,
        bytes_needed=lambda inputs: inputs.edge_bytes(3),
    ),
    Peer(
        "pyg-rgatconv",
        "PyG RGATConv",
        lambda inputs: _layer(inputs, "RGATConv"),
        package=PACKAGE,
        same=False,
        bytes_needed=lambda inputs: inputs.edge_bytes(3 * inputs.feat.size(1)),
        refusal=refuse_matrix_per_edge,
    ),
)
