"""Graphs and tensors for the relational attention, wherever it is computed."""

from __future__ import annotations

import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph

OPTIONAL = ("dst_feat", "bias", "edge_weight")


def edges(num_dst: int, num_src: int, count: int, num_rels: int = 4) -> Graph:
    """Return unsorted random edges, some of them double, as a graph."""
    generator = torch.Generator().manual_seed(count)
    spans = (max(num_src, 1), max(num_dst, 1), num_rels)
    src, dst, rel = (torch.randint(n, (count,), generator=generator) for n in spans)
    return Graph.from_edges(src, dst, rel, num_src=num_src, num_dst=num_dst, num_rels=num_rels)


def hubs(num_dst: int, num_src: int, count: int, num_rels: int) -> Graph:
    """Return a graph in which a target has 7 of 11 edges, and a source half of the others'.

    Their blocks have targets and sources of few edges and of none as well.
    """
    generator, of_target = torch.Generator().manual_seed(num_rels), count * 7 // 11
    spans = (num_src, num_dst, num_rels)
    src, dst, rel = (torch.randint(n, (count,), generator=generator) for n in spans)
    dst[:of_target], src[of_target + (count - of_target) // 2 :] = 5, 7
    dst[dst == 6], src[src == 4] = 8, 9
    order = torch.randperm(count, generator=generator)
    sizes = {"num_src": num_src, "num_dst": num_dst, "num_rels": num_rels}
    return Graph.from_edges(src[order], dst[order], rel[order], **sizes)


def dialogues(lengths: list[int], reach: int = 10, relations: str = "speaker") -> Graph:
    """Return the graph of dialogues of two speakers, who speak twice in turn."""
    speakers = torch.arange(sum(lengths)) // 2 % 2
    window = {"past": reach, "future": reach, "relations": relations}
    return Graph.from_dialogues(torch.tensor(lengths), speakers, **window)


def arguments(
    graph: Graph,
    widths: tuple[int, int, int] = (3, 2, 5),
    groups: tuple[int, int] = (1, 1),
    optional: tuple[str, ...] = OPTIONAL,
    dtype: torch.dtype = torch.float64,
) -> dict[str, Tensor]:
    """Return tensors for M and heads `groups`, scaled so that scores and results are moderate."""
    (in_feats, attn, out_feats), (modalities, heads) = widths, groups
    total, generator = modalities * heads, torch.Generator().manual_seed(sum(widths))
    shapes = {
        "dst_feat": (modalities, graph.num_dst, in_feats),
        "feat": (modalities, graph.num_src, in_feats),
        "weight_dst": (total, in_feats, attn),
        "weight_src": (total, in_feats, attn),
        "score": (total, attn),
        "rel_weight": (total, graph.num_rels, in_feats, out_feats),
        "bias": (total, graph.num_rels, attn),
        "edge_weight": (graph.num_edges,),
    }
    left_out = set(OPTIONAL) - set(optional)
    left_out -= {"dst_feat"} if graph.num_src != graph.num_dst else set()
    fan_in = {"score": attn, "weight_dst": in_feats, "weight_src": in_feats, "rel_weight": in_feats}
    drawn = {k: torch.randn(s, generator=generator, dtype=torch.float64)
             for k, s in shapes.items()}  # fmt: skip
    kept = {k: x for k, x in drawn.items() if k not in left_out}
    return {k: (x / fan_in.get(k, 1) ** 0.5).to(dtype) for k, x in kept.items()}


def weights_like(x: Tensor) -> Tensor:
    """Return weights that differ between the entries of `x` and that every type holds exactly."""
    return (torch.linspace(-1, 1, x.numel()).reshape(x.shape) + 0.3).bfloat16().to(x)


def errors(ours: dict[str, Tensor], exact: dict[str, Tensor]) -> dict[str, float]:
    """Return each tensor's error in norm; those that vanish count as 1 / 100."""
    assert ours.keys() == exact.keys()
    scale = {k: x.norm().clamp(min=1e-2) for k, x in exact.items()}
    return {k: ((x.double() - exact[k]).norm() / scale[k]).item() for k, x in ours.items()}
