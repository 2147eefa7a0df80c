"""Time and memory of R-GCN's, GAT's or GATv2's layer on a graph with hubs: ours, DGL's and PyG's.

Degrees follow a power law, some relations have most edges; GAT and GATv2 have heads and read no
relations. All layers that are compared compute the same with the same weights: results are compared
before anything is timed. Each is measured in a process of
its own, forward and backward, in turns with the others as often as asked, so that what else the
machine does hits all alike; memory is the peak of that process less what it held before.

    python benchmarks/relational_layers.py --markdown table.md
    python benchmarks/relational_layers.py --layer GATv2 --markdown gatv2.md
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

TOLERANCE = 1e-4  # of the largest result: sums of thousands of float32
HEADS = 4  # of GAT and GATv2, which share the width


class Problem:
    """Edges sorted by relation, features and weights, drawn with one seed."""

    def __init__(self, edges: int, rels: int, width: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.num_nodes, self.num_rels, self.width = edges // 10, rels, width

        def ends() -> Tensor:
            """A few nodes have thousands of edges, most have a few."""
            share = torch.rand(edges, generator=generator, dtype=torch.float64)
            rank = (self.num_nodes * share**3).long().clamp(max=self.num_nodes - 1)
            return torch.randperm(self.num_nodes, generator=generator)[rank]

        src, dst = ends(), ends()
        rel = (rels * torch.rand(edges, generator=generator, dtype=torch.float64) ** 2).long()
        self.etypes, order = rel.sort(stable=True)
        self.src, self.dst = src[order], dst[order]
        self.feat = torch.randn(self.num_nodes, width, generator=generator).requires_grad_()
        self.rel_weight = torch.randn(rels, width, width, generator=generator) / width**0.5
        self.loop_weight = torch.randn(width, width, generator=generator) / width**0.5
        # of GAT and GATv2: projections (out, in), score vectors by head
        own = width // HEADS
        self.of_src = torch.randn(HEADS * own, width, generator=generator) / width**0.5
        self.of_dst = torch.randn(HEADS * own, width, generator=generator) / width**0.5
        self.score_src = torch.randn(1, HEADS, own, generator=generator) / own**0.5
        self.score_dst = torch.randn(1, HEADS, own, generator=generator) / own**0.5

    @property
    def share(self) -> Tensor:
        """1 / |N_i^r| of each edge."""
        _, segment, sizes = (self.dst * self.num_rels + self.etypes).unique(
            return_inverse=True, return_counts=True
        )
        return 1 / sizes[segment]


def ours(problem: Problem) -> Callable[[], Tensor]:
    from ariigcn_dgl.graph import Graph
    from ariigcn_dgl.nn import RelEdgeAttentionConv

    n, width, rels = problem.num_nodes, problem.width, problem.num_rels
    graph = Graph.from_edges(
        problem.src, problem.dst, problem.etypes, num_src=n, num_dst=n, num_rels=rels
    )
    options = {"score": None, "softmax": "relation", "self_loop": True}
    conv = RelEdgeAttentionConv(width, width, rels, allow_zero_in_degree=True, **options)
    conv.load_state_dict(
        {
            "rel_weight": problem.rel_weight[None],
            "loop_weight": problem.loop_weight,
            "bias": torch.zeros(1, width),
        }
    )
    return lambda: conv(graph, problem.feat)


def rel_graph_conv(problem: Problem) -> Callable[[], Tensor]:
    from ariigcn_dgl import dgl

    g = dgl.graph((problem.src, problem.dst), num_nodes=problem.num_nodes)
    g.create_formats_()
    conv = dgl.nn.RelGraphConv(problem.width, problem.width, problem.num_rels)
    with torch.no_grad():
        conv.linear_r.W.copy_(problem.rel_weight)
        conv.loop_weight.copy_(problem.loop_weight)
    share = problem.share.unsqueeze(1)
    return lambda: conv(g, problem.feat, problem.etypes, share, presorted=True)


def rgcn_conv(problem: Problem, name: str) -> Callable[[], Tensor]:
    import torch_geometric.nn

    conv = getattr(torch_geometric.nn, name)(problem.width, problem.width, problem.num_rels)
    with torch.no_grad():
        conv.weight.copy_(problem.rel_weight)
        conv.root.copy_(problem.loop_weight)
    edges = torch.stack([problem.src, problem.dst])
    return lambda: conv(problem.feat, edges, problem.etypes)


def our_gat(problem: Problem, version: int) -> Callable[[], Tensor]:
    from ariigcn_dgl.graph import Graph
    from ariigcn_dgl.nn import RelEdgeAttentionConv

    n, width = problem.num_nodes, problem.width
    own = width // HEADS
    graph = Graph.from_edges(problem.src, problem.dst, num_src=n, num_dst=n)
    attn_feats = 1 if version == 1 else own
    conv = RelEdgeAttentionConv(
        width, own, 1, HEADS, attn_feats=attn_feats, bias=False, allow_zero_in_degree=True
    )
    src, dst = (x.view(HEADS, own, width).mT for x in (problem.of_src, problem.of_dst))
    weights = {"rel_weight": src.unsqueeze(1), "weight_src": src, "weight_dst": dst}
    score = problem.score_src.view(HEADS, own, 1)
    if version == 1:  # one projection, of which each end has a vector
        weights["weight_src"] = src @ score
        weights["weight_dst"] = src @ problem.score_dst.view(HEADS, own, 1)
        score = torch.ones(HEADS, 1, 1)
    conv.load_state_dict(weights | {"score": score})
    return lambda: conv(graph, problem.feat).flatten(1)


def set_gat(problem: Problem, weights: dict[str, Tensor]) -> None:
    """Give parameters of GAT, or of GATv2, which has a projection for each end, their values."""
    values = {"src": problem.of_src, "dst": problem.of_dst, "score": problem.score_src,
              "score_dst": problem.score_dst}  # fmt: skip
    with torch.no_grad():
        for name, parameter in weights.items():
            parameter.copy_(values[name])


def dgl_gat(problem: Problem, version: int) -> Callable[[], Tensor]:
    from ariigcn_dgl import dgl

    g = dgl.graph((problem.src, problem.dst), num_nodes=problem.num_nodes)
    g.create_formats_()
    layer = dgl.nn.GATConv if version == 1 else dgl.nn.GATv2Conv
    own = problem.width // HEADS
    conv = layer(problem.width, own, HEADS, bias=False, allow_zero_in_degree=True)
    if version == 1:
        weights = {"src": conv.fc.weight, "score": conv.attn_l, "score_dst": conv.attn_r}
    else:
        weights = {"src": conv.fc_src.weight, "dst": conv.fc_dst.weight, "score": conv.attn}
    set_gat(problem, weights)
    return lambda: conv(g, problem.feat).flatten(1)


def pyg_gat(problem: Problem, version: int) -> Callable[[], Tensor]:
    import torch_geometric.nn

    layer = torch_geometric.nn.GATConv if version == 1 else torch_geometric.nn.GATv2Conv
    own = problem.width // HEADS
    conv = layer(problem.width, own, HEADS, bias=False, add_self_loops=False)
    if version == 1:
        weights = {"src": conv.lin.weight, "score": conv.att_src, "score_dst": conv.att_dst}
    else:
        weights = {"src": conv.lin_l.weight, "dst": conv.lin_r.weight, "score": conv.att}
    set_gat(problem, weights)
    edges = torch.stack([problem.src, problem.dst])
    return lambda: conv(problem.feat, edges)


Peers = dict[str, Callable[[Problem], Callable[[], Tensor]]]
PEERS: dict[str, Peers] = {
    "R-GCN": {
        "RelEdgeAttentionConv": ours,
        "dgl.nn.RelGraphConv": rel_graph_conv,
        "PyG RGCNConv": lambda problem: rgcn_conv(problem, "RGCNConv"),
        "PyG FastRGCNConv": lambda problem: rgcn_conv(problem, "FastRGCNConv"),
    },
    "GAT": {
        "RelEdgeAttentionConv": lambda problem: our_gat(problem, 1),
        "dgl.nn.GATConv": lambda problem: dgl_gat(problem, 1),
        "PyG GATConv": lambda problem: pyg_gat(problem, 1),
    },
    "GATv2": {
        "RelEdgeAttentionConv": lambda problem: our_gat(problem, 2),
        "dgl.nn.GATv2Conv": lambda problem: dgl_gat(problem, 2),
        "PyG GATv2Conv": lambda problem: pyg_gat(problem, 2),
    },
}
LARGE = "PyG FastRGCNConv"  # makes a matrix per edge: 16 kB of each at width 64


def peak() -> float:
    """Return the most memory that the process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(peer: str, options: argparse.Namespace) -> None:
    """Print times, memory and some results of a peer's call for every line of the input."""
    torch.set_num_threads(options.threads)
    problem = Problem(options.edges, options.rels, options.width)
    forward = PEERS[options.layer][peer](problem)
    before = peak()
    for _ in sys.stdin:
        start = time.perf_counter()
        out = forward()
        done = time.perf_counter()
        out.sum().backward()
        said = {"forward": done - start, "both": time.perf_counter() - start}
        rows = slice(None, None, max(problem.num_nodes // 50, 1))
        found = {"out": out[rows].tolist(), "grad": problem.feat.grad[rows].tolist()}
        problem.feat.grad = None
        del out
        print(json.dumps({**said, "memory": peak() - before, **found}), flush=True)


def compare(options: argparse.Namespace) -> list[str]:
    """Return the rows of the table, in Markdown."""
    command = [sys.executable, __file__, *sys.argv[1:], "--peer"]
    first, *others = PEERS[options.layer]
    peers = options.peers if options.peers is not None else [n for n in others if n != LARGE]
    names = [first, *peers]
    workers = {
        name: subprocess.Popen([*command, name], stdin=-1, stdout=-1, text=True) for name in names
    }
    calls: dict[str, list[dict]] = {name: [] for name in names}
    for _ in range(1 + options.repeats):
        for name, worker in workers.items():
            print("go", file=worker.stdin, flush=True)
            line = worker.stdout.readline()
            if not line:
                sys.exit(f"{name} ended without an answer")
            calls[name].append(json.loads(line))
    for worker in workers.values():
        worker.communicate()
    for name in names:
        for what in ("out", "grad"):
            own, other = (torch.tensor(calls[k][0][what]) for k in (first, name))
            error = float((own - other).abs().max() / own.abs().max())
            if not error < TOLERANCE:
                sys.exit(f"{name}: {what} differs from {first}'s by {error:.1e}")
    best = {
        name: [min(call[key] for call in found[1:]) for key in ("forward", "both")]
        + [max(call["memory"] for call in found)]
        for name, found in calls.items()
    }
    rows = ["| layer | forward, ms | forward + backward, ms | × | memory, MiB | × |",
            "| --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    _, own, room = best[first]
    for name, (forward, both, memory) in best.items():
        rows.append(
            f"| {name} | {1e3 * forward:,.0f} | {1e3 * both:,.0f} | {both / own:.1f} | "
            f"{memory:,.0f} | {memory / room:.1f} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--rels", type=int, default=91)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--layer", choices=PEERS, default="R-GCN")
    parser.add_argument("--peers", nargs="*", help=f"default all but {LARGE}; none: ours alone")
    parser.add_argument("--markdown", type=Path, help="write the table here, too")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    known = PEERS[options.layer]
    for name in [*(options.peers or []), *filter(None, [options.peer])]:
        if name not in known:
            parser.error(f"{options.layer} has no {name!r}: choose from {', '.join(known)}")
    if options.peer:
        measure(options.peer, options)
        return
    kind = f" of {options.rels} relations" if options.layer == "R-GCN" else f", {HEADS} heads"
    title = (
        f"{options.layer}: {options.edges:,} edges{kind}, {options.edges // 10:,} nodes, "
        f"width {options.width}, {options.threads} thread(s), torch {torch.__version__}: "
        f"the best of {options.repeats} calls in turns"
    )
    table = "\n".join([title, "", *compare(options), ""])
    print(table)
    if options.markdown:
        options.markdown.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
