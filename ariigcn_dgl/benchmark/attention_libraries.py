"""Relational edge attention in DGL and PyG: compositions of their operators, and their layers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.benchmark.machine import load_dgl
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.optional import import_quietly

if TYPE_CHECKING:
    from ariigcn_dgl.benchmark.attention import AttentionInputs

NODE = "utterance"
PYG = "torch_geometric"
MANY_RELATIONS = 100


def _dgl_composition(inputs: AttentionInputs, indexed: bool) -> Built:
    """One homogeneous graph for the scores, one per relation for the sums."""
    dgl, edges, nodes = load_dgl(), inputs.by_relation(), len(inputs.feat)
    graph = dgl.graph((edges.src, edges.dst), num_nodes=nodes)
    parts = [(r, dgl.graph((src, dst), num_nodes=nodes)) for r, src, dst in edges.slices()]
    for one in (graph, *(part for _, part in parts)):
        one.create_formats_()

    def forward() -> Tensor:
        feat = inputs.feat
        u, v = feat @ inputs.weight_dst, feat @ inputs.weight_src
        scores = F.relu(dgl.ops.u_add_v(graph, v, u)) @ inputs.score
        alpha = dgl.ops.edge_softmax(graph, scores.unsqueeze(1))
        weights = (alpha * edges.norm.unsqueeze(1)).split(edges.counts)
        matrices = inputs.rel_weight if indexed else inputs.rel_weight.unbind(0)
        out = torch.zeros_like(feat)
        for (relation, part), weight in zip(parts, weights, strict=True):
            out = out + dgl.ops.u_mul_e_sum(part, feat, weight) @ matrices[relation]
        return F.gelu(out)

    return Built(forward, inputs.leaves)


def _dgl_heterograph(inputs: AttentionInputs) -> Built:
    """One heterograph: transform the nodes per relation, then `multi_update_all`."""
    dgl, edges, nodes = load_dgl(), inputs.by_relation(), len(inputs.feat)
    parts = {(NODE, f"r{r}", NODE): (src, dst) for r, src, dst in edges.slices()}
    graph = dgl.heterograph(parts, num_nodes_dict={NODE: nodes})
    graph.create_formats_()
    norm = dict(zip(parts, edges.norm.unsqueeze(1).split(edges.counts), strict=True))
    function = dgl.function

    def forward() -> Tensor:
        with graph.local_scope():
            graph.ndata["u"] = inputs.feat @ inputs.weight_dst
            graph.ndata["v"] = inputs.feat @ inputs.weight_src
            scores, updates = {}, {}
            for etype in parts:
                graph.apply_edges(function.u_add_v("v", "u", "s"), etype=etype)
                hidden = F.relu(graph.edges[etype].data.pop("s"))
                scores[etype] = (hidden @ inputs.score).unsqueeze(1)
            alpha = dgl.ops.edge_softmax(graph, scores)
            matrices = inputs.rel_weight.unbind(0)
            for etype, relation in zip(parts, edges.rels, strict=True):
                graph.edges[etype].data["a"] = alpha[etype] * norm[etype]
                graph.ndata[etype[1]] = inputs.feat @ matrices[relation]
                message = function.u_mul_e(etype[1], "a", "m")
                updates[etype] = (message, function.sum("m", "out"))
            graph.multi_update_all(updates, "sum")
            return F.gelu(graph.ndata["out"])

    return Built(forward, inputs.leaves)


def _rel_graph_conv(inputs: AttentionInputs) -> Built:
    dgl, edges, dim = load_dgl(), inputs.by_relation(), inputs.feat.size(1)
    graph = dgl.graph((edges.src, edges.dst), num_nodes=len(inputs.feat))
    graph.create_formats_()
    counts = torch.tensor(edges.counts, device=edges.src.device)
    etypes = torch.tensor(edges.rels, device=edges.src.device).repeat_interleave(counts)
    conv = dgl.nn.RelGraphConv(dim, dim, inputs.num_rels, activation=F.gelu, self_loop=False)
    conv = conv.to(inputs.feat)
    norm = edges.norm.unsqueeze(1)
    return Built(
        lambda: conv(graph, inputs.feat, etypes, norm, presorted=True),
        (inputs.feat, *conv.parameters()),
    )


def _gatv2_conv(inputs: AttentionInputs) -> Built:
    dgl, dim = load_dgl(), inputs.feat.size(1)
    graph = dgl.graph((inputs.src, inputs.dst), num_nodes=len(inputs.feat))
    graph.create_formats_()
    conv = dgl.nn.GATv2Conv(dim, dim, num_heads=1, activation=F.gelu).to(inputs.feat)
    return Built(lambda: conv(graph, inputs.feat).squeeze(1), (inputs.feat, *conv.parameters()))


def _on_gpu(inputs: AttentionInputs) -> str:
    return "DGL's wheel on PyPI has no CUDA kernels" if inputs.feat.is_cuda else ""


def _few_relations(inputs: AttentionInputs) -> str:
    if on_gpu := _on_gpu(inputs):
        return on_gpu
    if inputs.num_rels > MANY_RELATIONS:
        return ""
    return "differs from DGL composition in the gradient of many relations only"


def _dgl_bytes(inputs: AttentionInputs) -> int:
    return inputs.edge_bytes(4.5)


DGL_PEERS = (
    Peer(
        "dgl",
        "DGL composition",
        partial(_dgl_composition, indexed=False),
        package="dgl",
        bytes_needed=_dgl_bytes,
        refusal=_on_gpu,
    ),
    Peer(
        "dgl-indexed",
        "DGL composition, W[r]",
        partial(_dgl_composition, indexed=True),
        package="dgl",
        bytes_needed=_dgl_bytes,
        refusal=_few_relations,
    ),
    Peer(
        "dgl-hetero",
        "DGL heterograph",
        _dgl_heterograph,
        package="dgl",
        bytes_needed=_dgl_bytes,
        refusal=_on_gpu,
    ),
    Peer(
        "dgl-relgraphconv",
        "DGL RelGraphConv",
        _rel_graph_conv,
        package="dgl",
        same=False,
        bytes_needed=_dgl_bytes,
        refusal=_on_gpu,
    ),
    Peer(
        "dgl-gatv2conv",
        "DGL GATv2Conv",
        _gatv2_conv,
        package="dgl",
        same=False,
        bytes_needed=_dgl_bytes,
        refusal=_on_gpu,
    ),
)


def _pyg_composition(inputs: AttentionInputs) -> Built:
    """Make a `MessagePassing` layer: `edge_updater` scores edges, `propagate` sums a relation."""
    base: Any = import_quietly(f"{PYG}.nn").MessagePassing
    softmax = import_quietly(f"{PYG}.utils").softmax
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


def _pyg_layer(inputs: AttentionInputs, name: str) -> Built:
    dim = inputs.feat.size(1)
    layer = getattr(import_quietly(f"{PYG}.nn"), name)
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
        _pyg_composition,
        package=PYG,
        bytes_needed=lambda inputs: inputs.edge_bytes(6),
    ),
    Peer(
        "pyg-rgcnconv",
        "PyG RGCNConv",
        partial(_pyg_layer, name="RGCNConv"),
        package=PYG,
        same=False,
        bytes_needed=lambda inputs: inputs.edge_bytes(3),
    ),
    Peer(
        "pyg-rgatconv",
        "PyG RGATConv",
        partial(_pyg_layer, name="RGATConv"),
        package=PYG,
        same=False,
        bytes_needed=lambda inputs: inputs.edge_bytes(3 * inputs.feat.size(1)),
        refusal=lambda inputs: inputs.refuse_matrix_per_edge(),
    ),
)
