"""Time of `RelEdgeAttentionConv` with some heads, divided by that with one of the same total width.

On the windows of 32 dialogues of 50 utterances, on a graph whose degrees follow a power law (20,000
nodes, 200,000 edges of 20 relations), on a block as neighbour sampling makes it (26,000 edges of 5
relations from 9,000 sources to 1,300 targets), and with `--data` on AIFB and its inverse relations.
Layers take turns, forward and backward; of each the least CPU time of the process counts.

    python benchmarks/heads.py --data aifb.npz --markdown table.md
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv


def windows() -> Graph:
    speakers = torch.randint(2, (1600,), generator=torch.Generator().manual_seed(0))
    return Graph.from_dialogues(torch.full((32,), 50), speakers, relations="pairs")


def power_law(nodes: int = 20_000, edges: int = 200_000, rels: int = 20) -> Graph:
    generator = torch.Generator().manual_seed(0)

    def uniform() -> Tensor:
        return torch.rand(edges, generator=generator, dtype=torch.float64)

    def ends() -> Tensor:
        rank = (nodes * uniform() ** 3).long()
        return torch.randperm(nodes, generator=generator)[rank]

    sizes = {"num_src": nodes, "num_dst": nodes, "num_rels": rels}
    return Graph.from_edges(ends(), ends(), (rels * uniform() ** 2).long(), **sizes)


def block(num_src: int = 9_000, num_dst: int = 1_300, edges: int = 26_000) -> Graph:
    generator = torch.Generator().manual_seed(0)
    ends = (torch.randint(n, (edges,), generator=generator) for n in (num_src, num_dst, 5))
    return Graph.from_edges(*ends, num_src=num_src, num_dst=num_dst, num_rels=5)


def aifb(path: Path) -> Graph:
    with np.load(path, allow_pickle=False) as stored:
        src, rel, dst = (torch.from_numpy(stored[k]).long() for k in ("src", "rel", "dst"))
    nodes, rels = int(torch.cat([src, dst]).max()) + 1, int(rel.max()) + 1
    both_ways = torch.cat([src, dst]), torch.cat([dst, src]), torch.cat([rel, rel + rels])
    return Graph.from_edges(*both_ways, num_src=nodes, num_dst=nodes, num_rels=2 * rels)


def measure(graph: Graph, width: int, heads: list[int], repeats: int) -> list[list[float]]:
    """Return the milliseconds of forward, and of both passes, with each number of heads."""
    torch.manual_seed(0)
    rows = torch.randn(graph.num_src, width, requires_grad=True)
    feat = rows if graph.num_dst == graph.num_src else (rows, rows[: graph.num_dst])
    options = {"allow_zero_in_degree": True}
    convs = [
        RelEdgeAttentionConv(width, width // n, graph.num_rels, num_heads=n, **options)
        for n in heads
    ]
    best = [[float("inf")] * 2 for _ in heads]
    for call in range(1 + repeats):
        for conv, least in zip(convs, best, strict=True):
            start = time.process_time()
            out = conv(graph, feat)
            forward = time.process_time() - start
            out.sum().backward()
            both = time.process_time() - start
            del out
            if call:  # the first one is the machine's
                least[:] = min(least[0], 1e3 * forward), min(least[1], 1e3 * both)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, nargs="+", default=[1, 4, 8], help="the first is 1")
    parser.add_argument("--widths", type=int, nargs="+", default=[32, 64, 256])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--data", type=Path, help="AIFB as an .npz of src, rel and dst")
    parser.add_argument("--markdown", type=Path, help="write the table here, too")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    graphs = {"windows": windows(), "power law": power_law(), "block": block()}
    if options.data:
        graphs["AIFB"] = aifb(options.data)
    rows = ["| graph, width | heads | forward, ms | × | forward + backward, ms | × |",
            "| --- | ---: | ---: | ---: | ---: | ---: |"]  # fmt: skip
    for name, graph in graphs.items():
        for width in options.widths:
            found = measure(graph, width, options.heads, options.repeats)
            for heads, (forward, both) in zip(options.heads, found, strict=True):
                rows.append(
                    f"| {name}, {width} | {heads} | {forward:.2f} | {forward / found[0][0]:.2f} | "
                    f"{both:.2f} | {both / found[0][1]:.2f} |"
                )
    title = (
        f"{options.threads} thread(s), torch {torch.__version__}: the least CPU time of "
        f"{options.repeats} calls in turns, and divided by that of {options.heads[0]} head(s)"
    )
    table = "\n".join([title, "", *rows, ""])
    print(table)
    if options.markdown:
        options.markdown.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
