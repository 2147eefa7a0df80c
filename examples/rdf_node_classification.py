"""Classify people of an RDF graph (AIFB): RelEdgeAttentionConv beside DGL's and PyG's layers.

AIFB (Ristoski 2016) as R-GCN has it (Schlichtkrull 2018): 8,285 nodes without features, 29,043
edges of 45 relations, every relation with its inverse, 140 labelled people to learn from and 36 to
test. Published: R-GCN 95.83 ± 0.62. All models have two layers of 16 units and are trained alike.
How many epochs a model trains is chosen on validation people: for each seed others are a fifth of
the 140. It is then trained on all 140, and the 36 are scored once.

    python examples/rdf_node_classification.py --data aifb.npz
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torch_geometric.nn as pyg
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn

from ariigcn_dgl import dgl  # PyPI's DGL, which by itself does not run on today's torch
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv

WIDTH, LEARNING_RATE = 16, 0.01  # those of R-GCN


@dataclass
class Problem:
    """Edges and their inverses, sorted by relation; nodes that have labels."""

    src: Tensor
    dst: Tensor
    etypes: Tensor
    num_nodes: int
    num_rels: int
    node: Tensor
    label: Tensor
    is_test: Tensor

    @property
    def num_classes(self) -> int:
        return int(self.label.max()) + 1

    @property
    def share(self) -> Tensor:
        """1 / |N_i^r| of each edge, as R-GCN weights it."""
        _, segment, sizes = (self.dst * self.num_rels + self.etypes).unique(
            return_inverse=True, return_counts=True
        )
        return 1 / sizes[segment]


def load(path: Path) -> Problem:
    """Return the graph of a file with the arrays src, rel, dst, num_nodes, node, label, is_test."""
    with np.load(path, allow_pickle=False) as file:
        found = {name: torch.from_numpy(np.asarray(file[name])) for name in
                 ("src", "rel", "dst", "num_nodes", "node", "label", "is_test")}  # fmt: skip
    src, rel, dst, node, label = (found[n].long() for n in ("src", "rel", "dst", "node", "label"))
    return with_inverses(src, rel, dst, int(found["num_nodes"]), node, label, found["is_test"])


def with_inverses(
    src: Tensor, rel: Tensor, dst: Tensor, num_nodes: int, node: Tensor, label: Tensor,
    is_test: Tensor,
) -> Problem:  # fmt: skip
    rels = int(rel.max()) + 1
    ends = torch.cat([src, dst]), torch.cat([dst, src])
    etypes, order = torch.cat([rel, rel + rels]).sort(stable=True)
    return Problem(
        ends[0][order], ends[1][order], etypes, num_nodes, 2 * rels, node, label, is_test.bool()
    )


def embedding(num_nodes: int) -> nn.Parameter:
    """Return embeddings of Glorot's size: those of `nn.Embedding` drown what layers add."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(num_nodes, WIDTH)))


class Ours(nn.Module):
    """Nodes have ids alone: the first layer looks up a row per relation, as R-GCN's does."""

    def __init__(self, problem: Problem, score: str | None) -> None:
        super().__init__()
        options = {
            "score": score, "softmax": "relation", "self_loop": True, "allow_zero_in_degree": True
        }  # fmt: skip
        n, rels = problem.num_nodes, problem.num_rels
        self.graph = Graph.from_edges(
            problem.src, problem.dst, problem.etypes, num_src=n, num_dst=n, num_rels=rels
        )
        self.first = RelEdgeAttentionConv(n, WIDTH, rels, activation=F.relu, sparse=True, **options)
        self.second = RelEdgeAttentionConv(WIDTH, problem.num_classes, rels, **options)

    def forward(self) -> Tensor:
        return self.second(self.graph, self.first(self.graph, None))


class RelGraphNet(nn.Module):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.g = dgl.graph((problem.src, problem.dst), num_nodes=problem.num_nodes)
        self.g.create_formats_()
        self.etypes, self.share = problem.etypes, problem.share.unsqueeze(1)
        self.embedding = embedding(problem.num_nodes)
        rels = problem.num_rels
        self.first = dgl.nn.RelGraphConv(WIDTH, WIDTH, rels, activation=F.relu)
        self.second = dgl.nn.RelGraphConv(WIDTH, problem.num_classes, rels)

    def forward(self) -> Tensor:
        hidden = self.embedding
        for conv in (self.first, self.second):
            hidden = conv(self.g, hidden, self.etypes, self.share, presorted=True)
        return hidden


class HGTNet(nn.Module):
    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.g = dgl.graph((problem.src, problem.dst), num_nodes=problem.num_nodes)
        self.g.create_formats_()
        self.etypes = problem.etypes
        self.ntypes = torch.zeros(problem.num_nodes, dtype=torch.int64)
        self.embedding = embedding(problem.num_nodes)
        sizes = WIDTH // 4, 4, 1, problem.num_rels
        self.first, self.second = dgl.nn.HGTConv(WIDTH, *sizes), dgl.nn.HGTConv(WIDTH, *sizes)
        self.head = nn.Linear(WIDTH, problem.num_classes)

    def forward(self) -> Tensor:
        hidden = self.embedding
        for conv in (self.first, self.second):
            hidden = conv(self.g, hidden, self.ntypes, self.etypes, presorted=True)
        return self.head(hidden)


class PyGNet(nn.Module):
    """Two of PyG's layers; with `ids` the first one looks rows up."""

    def __init__(self, problem: Problem, layer: type[nn.Module], ids: bool) -> None:
        super().__init__()
        self.edges, self.etypes = torch.stack([problem.src, problem.dst]), problem.etypes
        self.embedding = None if ids else embedding(problem.num_nodes)
        rels = problem.num_rels
        self.first = layer(problem.num_nodes if ids else WIDTH, WIDTH, rels)
        self.second = layer(WIDTH, problem.num_classes, rels)

    def forward(self) -> Tensor:
        hidden = self.first(self.embedding, self.edges, self.etypes).relu()
        return self.second(hidden, self.edges, self.etypes)


MODELS: dict[str, Callable[[Problem], nn.Module]] = {
    "RelEdgeAttentionConv, means": lambda p: Ours(p, None),
    "RelEdgeAttentionConv, attention": lambda p: Ours(p, "additive"),
    "dgl.nn.RelGraphConv": RelGraphNet,
    "dgl.nn.HGTConv": HGTNet,
    "PyG RGCNConv": lambda p: PyGNet(p, pyg.RGCNConv, False),
    "PyG FastRGCNConv": lambda p: PyGNet(p, pyg.FastRGCNConv, True),
    "PyG RGATConv": lambda p: PyGNet(p, pyg.RGATConv, False),
}


class Training:
    """A model, and one epoch after the other."""

    def __init__(self, model: nn.Module, problem: Problem, learn: Tensor) -> None:
        self.model, self.problem, self.learn = model, problem, learn
        sparse = [m.rel_weight for m in model.modules() if getattr(m, "sparse", False)]
        ids = {id(p) for p in sparse}
        dense = [p for p in model.parameters() if id(p) not in ids]
        self.optimisers: list[torch.optim.Optimizer] = [torch.optim.Adam(dense, LEARNING_RATE)]
        if sparse:
            self.optimisers.append(torch.optim.SparseAdam(sparse, LEARNING_RATE))

    def epoch(self) -> None:
        self.model.train()
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        logits = self.model()[self.problem.node[self.learn]]
        F.cross_entropy(logits, self.problem.label[self.learn]).backward()
        for optimiser in self.optimisers:
            optimiser.step()

    @torch.no_grad()
    def score(self, people: Tensor) -> tuple[float, float]:
        """Return the share of people whose class is right, and the cross entropy."""
        self.model.eval()
        logits, label = self.model()[self.problem.node[people]], self.problem.label[people]
        right = (logits.argmax(1) == label).double().mean()
        return float(right), float(F.cross_entropy(logits, label))


@dataclass
class Outcome:
    accuracy: list[float]  # of test people, by seed
    epochs: int
    seconds: float  # median of an epoch
    parameters: int


def measure(
    build: Callable[[Problem], nn.Module], problem: Problem, most: int, seeds: Sequence[int]
) -> Outcome:
    known, test = (mask.nonzero().squeeze(1) for mask in (~problem.is_test, problem.is_test))
    scores, times = torch.zeros(most, 2, dtype=torch.float64), []
    for seed in seeds:
        order = known[torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))]
        val, learn = order.tensor_split([len(order) // 5])
        torch.manual_seed(seed)
        training = Training(build(problem), problem, learn)
        for epoch in range(most):
            start = time.perf_counter()
            training.epoch()
            times.append(time.perf_counter() - start)
            right, loss = training.score(val)
            scores[epoch] += torch.tensor([right, -loss])
    # The most people right, over all seeds; of several such epochs the one of the smallest loss.
    best = max(range(most), key=lambda epoch: tuple(scores[epoch].tolist()))
    accuracy = []
    for seed in seeds:
        torch.manual_seed(seed)
        training = Training(build(problem), problem, known)
        for _ in range(best + 1):
            training.epoch()
        accuracy.append(100 * training.score(test)[0])
    parameters = sum(p.numel() for p in training.model.parameters())
    return Outcome(accuracy, best + 1, statistics.median(times), parameters)


def compare(problem: Problem, epochs: int, seeds: int, models: Sequence[str]) -> Table:
    people = len(problem.node)
    table = Table(
        title=f"{problem.num_nodes:,} nodes, {len(problem.src):,} edges of {problem.num_rels} "
        f"relations, {people - int(problem.is_test.sum())} people to learn from, "
        f"{int(problem.is_test.sum())} to test, {seeds} seeds"
    )
    table.caption = "mean ± standard deviation over seeds; the median of all epochs"
    for name in ("layer", "accuracy, %", "epochs", "ms/epoch", "weights"):
        table.add_column(name, justify="left" if name == "layer" else "right", no_wrap=True)
    for name in track(models, "layers", console=Console(stderr=True)):
        found = measure(MODELS[name], problem, epochs, range(seeds))
        spread = statistics.stdev(found.accuracy) if seeds > 1 else 0.0
        score = f"{statistics.mean(found.accuracy):.2f} ± {spread:.2f}"
        milliseconds = f"{1000 * found.seconds:.1f}"
        weights = f"{found.parameters / 1e6:.1f} M"
        table.add_row(name, score, str(found.epochs), milliseconds, weights)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="aifb.npz; see `load`")
    parser.add_argument("--epochs", type=int, default=50, help="most that are tried")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    Console().print(compare(load(options.data), options.epochs, options.seeds, options.models))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    Console().print(f"peak memory of the process: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
