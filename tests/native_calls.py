"""Calls of `torch.ops.ariigcn.*` that fit: to be made to fit no longer, one argument at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph

OPS = torch.ops.ariigcn
GRAPH = Graph.from_dialogues(
    torch.tensor([3, 4]), torch.tensor([0, 1, 0, 1, 1, 0, 1]), past=2, future=1
)
N, E, P = GRAPH.num_dst, GRAPH.num_edges, GRAPH.num_segments
MODALITIES, GROUPS, IN, ATTN, OUT = 2, 2, 4, 3, 5


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


STRUCTURE = {"plan": GRAPH.plan, "sizes": GRAPH.sizes}
IDS = {
    name: torch.arange(6).expand(2, 6).contiguous() for name in ("label", "modality", "utterance")
}

CALLS: dict[str, tuple[Callable, dict[str, object]]] = {
    "segment_spmm": (
        OPS.segment_spmm,
        {"weight": random(GROUPS, E), "feat": random(GROUPS, N, IN)}
        | STRUCTURE
        | {"transpose": False},
    ),
    "segment_spmm transposed": (
        OPS.segment_spmm,
        {"weight": random(GROUPS, E), "feat": random(GROUPS, P, IN)}
        | STRUCTURE
        | {"transpose": True},
    ),
    "segment_sddmm": (
        OPS.segment_sddmm,
        {"left": random(GROUPS, P, IN), "right": random(GROUPS, N, IN)} | STRUCTURE,
    ),
    "relational_attention": (
        OPS.relational_attention,
        {
            "dst_feat": random(MODALITIES, N, IN),
            "src_feat": random(MODALITIES, N, IN),
            "weight_dst": random(GROUPS, IN, ATTN),
            "weight_src": random(GROUPS, IN, ATTN),
            "score": random(GROUPS, ATTN),
            "rel_weight": random(GROUPS, GRAPH.num_rels, IN, OUT),
            "bias": random(GROUPS, GRAPH.num_rels, ATTN),
            "edge_weight": random(E),
            "seed": torch.tensor(7),
            **STRUCTURE,
            **{"activation": 0, "negative_slope": 0.1, "dropout": 0.5, "normalise": True},
            **{"gelu": True, "within_relation": True, "fp32_precision": 0, "keep": True},
        },
    ),
    "relational_sum": (
        OPS.relational_sum,
        {"edge_weight": random(GROUPS, E), "feat": random(GROUPS, N, IN)}
        | {"rel_weight": random(GROUPS, GRAPH.num_rels, IN, OUT), **STRUCTURE},
    ),
    "relational_sum_backward": (
        OPS.relational_sum_backward,
        {"grad": random(GROUPS, N, OUT), "edge_weight": random(GROUPS, E)}
        | {"feat": random(GROUPS, N, IN)}
        | {"rel_weight": random(GROUPS, GRAPH.num_rels, IN, OUT), **STRUCTURE},
    ),
    "pairwise_contrast": (
        OPS.pairwise_contrast,
        {"z": random(2, 6, IN), **IDS, "positives": 2, "negatives": 1}
        | {"temperature": 0.1, "margin": 1.0, "fp32_precision": 0},
    ),
    "pairwise_contrast_backward": (
        OPS.pairwise_contrast_backward,
        {"grad": random(2, 8, 6), "stats": random(2, 8, 6), "z": random(2, 6, IN), **IDS}
        | {"positives": 2, "negatives": 1, "temperature": 0.1, "margin": 1.0, "fp32_precision": 0},
    ),
    "contrast_loss": (
        OPS.contrast_loss,
        {"feat": random(2, 6, IN), **IDS, "positives": 2, "negatives": 1, "form": 0}
        | {"margin_mode": 0, "temperature": 0.1, "margin": 1.0, "fp32_precision": 0},
    ),
    "contrast_loss_backward": (
        OPS.contrast_loss_backward,
        {"grad": torch.tensor(1.0), "z": random(2, 6, IN), "inverse": random(2, 6)}
        | {"stats": random(2, 8, 6), "slope": random(2, 8, 6), "anchors": torch.tensor(3.0)}
        | {"feat": random(2, 6, IN), **IDS, "positives": 2, "negatives": 1, "form": 0}
        | {"margin_mode": 0, "temperature": 0.1, "margin": 1.0, "fp32_precision": 0},
    ),
    "dropout": (OPS.dropout, {"x": random(3, 5), "seed": torch.tensor(7), "p": 0.5}),
    "pack_matrix": (OPS.pack_matrix, {"matrix": random(3, 5), "transposed": True}),
    "add_packed_product": (
        OPS.add_packed_product,
        {"out": random(2, 5), "x": random(2, 3), "packed": random(3, 16)},
    ),
    "outer_product": (
        OPS.outer_product,
        {"out": random(3, 5), "left": random(4, 3), "right": random(4, 5)},
    ),
    "row_dots": (OPS.row_dots, {"tables": random(2, 3, 5), "vectors": random(2, 5)}),
    "add_row_sums": (
        OPS.add_row_sums,
        {"out": random(2, 5), "weights": random(2, 3), "tables": random(2, 3, 5)},
    ),
    "gru_gates": (
        OPS.gru_gates,
        {"gates": random(2, 12), "state": random(2, 3), "kept": random(2, 3), "out": random(2, 3)},
    ),
    "gru_gates_backward": (
        OPS.gru_gates_backward,
        {"grad": random(2, 3), "gates": random(2, 12), "state": random(2, 3), "kept": random(2, 3)}
        | {"grad_gates": random(2, 12), "grad_state": random(2, 3)},
    ),
    "csr_plan": (
        OPS.csr_plan,
        {"indptr": GRAPH.indptr.long(), "indices": GRAPH.src, "etypes": GRAPH.etypes}
        | {"num_rels": GRAPH.num_rels, "num_src": N, "split": True},
    ),
    "edge_plan": (
        OPS.edge_plan,
        {"src": GRAPH.src, "dst": GRAPH.dst, "etypes": GRAPH.etypes}
        | {"num_src": N, "num_dst": N, "num_rels": GRAPH.num_rels},
    ),
    "counting_sort": (OPS.counting_sort, {"keys": torch.tensor([2, 0, 1]), "num_keys": 3}),
    "number_speakers": (
        OPS.number_speakers,
        {"lengths": torch.tensor([2, 1]), "speakers": torch.tensor([5, 6, 5])},
    ),
    "window_graph": (
        OPS.window_graph,
        {"lengths": torch.tensor([2, 1]), "speakers": torch.tensor([0, 1, 0])}
        | {"past": 1, "future": 1, "num_speakers": 2},
    ),
}
