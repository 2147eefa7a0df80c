"""Relational edge attention by this package: the layer, and its reference path."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ariigcn_dgl.benchmark.attention.inputs import AttentionInputs, refuse_matrix_per_edge
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import OURS
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv
from ariigcn_dgl.ops import relational_attention_reference


def _graph(inputs: AttentionInputs) -> Graph:
    """Return the graph as users build it: of lengths and speakers, where they tell all."""
    nodes = len(inputs.feat)
    if inputs.speakers is not None:
        graph = Graph.from_dialogues(
            torch.full((nodes // inputs.length,), inputs.length),
            inputs.speakers,
            relations="pairs",
            num_speakers=inputs.num_speakers,
        )
        return graph.to(inputs.feat.device)
    edges = (inputs.src, inputs.dst, inputs.etypes)
    return Graph.from_edges(*edges, num_src=nodes, num_dst=nodes, num_rels=inputs.num_rels)


def _layer(inputs: AttentionInputs) -> Built:
    graph, dim = _graph(inputs), inputs.feat.size(1)
    conv = RelEdgeAttentionConv(
        dim,
        dim,
        inputs.num_rels,
        norm="relation",
        negative_slope=0.0,
        bias=False,
        activation=F.gelu,
    ).to(inputs.feat)
    conv.set_allow_zero_in_degree(True)
    names = ("weight_dst", "weight_src", "score", "rel_weight")
    parameters = [conv.get_parameter(name) for name in names]
    with torch.no_grad():
        for parameter, value in zip(parameters, inputs.leaves[1:], strict=True):
            parameter.copy_(value.reshape(parameter.shape))

    def values(results: list[torch.Tensor]) -> list[torch.Tensor]:
        out, *grads = results
        pairs = zip(grads, inputs.leaves, strict=False)
        return [out, *(grad.reshape(leaf.shape) for grad, leaf in pairs)]

    return Built(lambda: conv(graph, inputs.feat), (inputs.feat, *parameters), values)


def _reference(inputs: AttentionInputs) -> Built:
    graph = _graph(inputs)

    def forward() -> torch.Tensor:
        given = [x.unsqueeze(0) for x in inputs.leaves]
        out, _ = relational_attention_reference(graph, *given, gelu=True)
        return out.squeeze(0)

    return Built(forward, inputs.leaves)


OUR_PEERS = (
    Peer(OURS, "ours", _layer),
    Peer("reference", "ours, reference", _reference, refusal=refuse_matrix_per_edge),
)
