"""Time and memory of R-GCN's layer on a graph with hubs: ours, DGL's and PyG's.

Degrees follow a power law, some relations have most edges. All layers compute the same means, with
the same weights: results are compared before anything is timed. Each is measured in a process of
its own, forward and backward, in turns with the others as often as asked, so that what else the
machine does hits all alike; memory is the peak of that process less what it held before.

    python benchmarks/relational_layers.py --markdown table.md
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


PEERS: dict[str, Callable[[Problem], Callable[[], Tensor]]] = {
    "RelEdgeAttentionConv": ours,
    "dgl.nn.RelGraphConv": rel_graph_conv,
    "PyG RGCNConv": lambda problem: rgcn_conv(problem, "RGCNConv"),
    "PyG FastRGCNConv": lambda problem: rgcn_conv(problem, "FastRGCNConv"),
}


def peak() -> float:
    """Return the most memory that the process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(peer: str, options: argparse.Namespace) -> None:
    """Print times, memory and some results of a peer's call for every line of the input."""
    torch.set_num_threads(options.threads)
    problem = Problem(options.edges, options.rels, options.width)
    forward = PEERS[peer](problem)
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
    names = ["RelEdgeAttentionConv", *options.peers]
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
    first = names[0]
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
    others = [name for name in PEERS if name != "RelEdgeAttentionConv"]
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=others,
        default=others[:-1],
        help="FastRGCNConv makes a matrix per edge: 16 kB of each at width 64",
    )
    parser.add_argument("--markdown", type=Path, help="write the table here, too")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        measure(options.peer, options)
        return
    title = (
        f"{options.edges:,} edges of {options.rels} relations between {options.edges // 10:,} "
        f"nodes, width {options.width}, {options.threads} thread(s), torch {torch.__version__}: "
        f"the best of {options.repeats} calls in turns"
    )
    table = "\n".join([title, "", *compare(options), ""])
    print(table)
    if options.markdown:
        options.markdown.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
