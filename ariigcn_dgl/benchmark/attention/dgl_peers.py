"""Relational edge attention in DGL: two compositions of its operators, and its own layers."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.benchmark.attention.inputs import AttentionInputs
from ariigcn_dgl.benchmark.machine import load_dgl
from ariigcn_dgl.benchmark.problem import Built, Peer

NODE = "utterance"
MANY_RELATIONS = 100


def _native(inputs: AttentionInputs, indexed: bool) -> Built:
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


def _hetero(inputs: AttentionInputs) -> Built:
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


def _few_relations(inputs: AttentionInputs) -> str:
    if inputs.num_rels > MANY_RELATIONS:
        return ""
    return "differs from DGL composition in the gradient of many relations only"


def _bytes(inputs: AttentionInputs) -> int:
    return inputs.edge_bytes(4.5)


DGL_PEERS = (
    Peer(
        "dgl",
        "DGL composition",
        partial(_native, indexed=False),
        package="dgl",
        bytes_needed=_bytes,
    ),
    Peer(
        "dgl-indexed",
        "DGL composition, W[r]",
        partial(_native, indexed=True),
        package="dgl",
        bytes_needed=_bytes,
        refusal=_few_relations,
    ),
    Peer("dgl-hetero", "DGL heterograph", _hetero, package="dgl", bytes_needed=_bytes),
    Peer(
        "dgl-relgraphconv",
        "DGL RelGraphConv",
        _rel_graph_conv,
        package="dgl",
        same=False,
        bytes_needed=_bytes,
    ),
    Peer(
        "dgl-gatv2conv",
        "DGL GATv2Conv",
        _gatv2_conv,
        package="dgl",
        same=False,
        bytes_needed=_bytes,
    ),
)
