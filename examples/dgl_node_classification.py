"""Classify nodes of a heterograph: RelEdgeAttentionConv beside DGL's RelGraphConv and HGTConv.

The graph is generated, with the schema of AIFB and MUTAG (Ristoski 2016): a few node types, every
relation with its reverse, no features, labels of one node type that the relations let one guess.
All models learn an embedding of every node, have two layers of one width, and are trained alike;
the epoch is chosen on validation nodes and test nodes are scored once. Embeddings begin with
Glorot's size: beside those of `nn.Embedding`, N(0, 1), what layers add is small.

    python examples/dgl_node_classification.py --seeds 5 --epochs 60
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from ariigcn_dgl import dgl  # PyPI's DGL, which by itself does not run on today's torch
from ariigcn_dgl.nn import RelEdgeAttentionConv

CLASSES, WIDTH, HEADS = 4, 32, 4
TARGET = "person"  # the node type that has labels
# (source, relation, target): edges per source, and how often both ends share a class
SCHEMA = {
    ("person", "wrote", "paper"): (4, 0.7),
    ("person", "works_on", "project"): (2, 0.6),
    ("person", "knows", "person"): (4, 0.25),  # says nothing: one of four classes
    ("paper", "cites", "paper"): (3, 0.7),
    ("paper", "mentions", "topic"): (4, 0.8),
    ("project", "funds", "topic"): (3, 0.25),
}


def generate(people: int, generator: torch.Generator) -> tuple[dgl.DGLGraph, Tensor]:
    """Return the heterograph and the class of every person."""
    counts = {"person": people, "paper": people, "project": people // 10, "topic": people // 20}
    classes = {
        name: torch.randint(CLASSES, (count,), generator=generator)
        for name, count in counts.items()
    }
    edges = {}
    for (source, relation, target), (degree, agreement) in SCHEMA.items():
        src = torch.arange(counts[source]).repeat_interleave(degree)
        candidates = torch.randint(counts[target], (len(src), 30), generator=generator)
        agree = classes[target][candidates] == classes[source][src].unsqueeze(1)
        wanted = torch.rand(len(src), 1, generator=generator) < agreement
        chosen = (agree == wanted).int().argmax(1, keepdim=True)  # the first that fits
        dst = candidates.gather(1, chosen).squeeze(1)
        edges[source, relation, target] = (src, dst)
        edges[target, f"{relation}_by", source] = (dst, src)
    return dgl.heterograph(edges, num_nodes_dict=counts), classes[TARGET]


class Ours(nn.Module):
    """Dict in, dict out: the heterograph goes in as it is."""

    def __init__(self, g: dgl.DGLGraph, score: str | None) -> None:
        super().__init__()
        self.g = g
        rels = len(g.canonical_etypes)
        self.embed = dgl.nn.HeteroEmbedding({t: g.num_nodes(t) for t in g.ntypes}, WIDTH)
        for weight in self.embed.parameters():
            nn.init.xavier_uniform_(weight)
        # Each relation speaks for itself; items that nobody mentions keep their own term.
        options = {"score": score, "softmax": "relation", "self_loop": True}
        options |= {"attn_drop": 0.1, "allow_zero_in_degree": True}
        self.first = RelEdgeAttentionConv(
            WIDTH, WIDTH // HEADS, rels, HEADS, activation=F.relu, **options
        )
        self.second = RelEdgeAttentionConv(WIDTH, CLASSES, rels, feat_drop=0.3, **options)

    def forward(self) -> Tensor:
        hidden = self.embed({t: self.g.nodes(t) for t in self.g.ntypes})
        hidden = {t: x.flatten(1) for t, x in self.first(self.g, hidden).items()}
        return self.second(self.g, hidden)[TARGET]


class Homogeneous(nn.Module):
    """What DGL's two layers take: one homogeneous graph, sorted by type."""

    def __init__(self, g: dgl.DGLGraph) -> None:
        super().__init__()
        self.flat = dgl.to_homogeneous(g)
        self.flat.create_formats_()
        self.etypes, self.ntypes = self.flat.edata[dgl.ETYPE], self.flat.ndata[dgl.NTYPE]
        self.people = self.ntypes == g.ntypes.index(TARGET)
        self.embed = nn.Embedding(self.flat.num_nodes(), WIDTH)
        nn.init.xavier_uniform_(self.embed.weight)
        self.dropout = nn.Dropout(0.3)
        self.build(len(g.canonical_etypes), len(g.ntypes))


class RelGraphNet(Homogeneous):
    def build(self, rels: int, types: int) -> None:
        self.first = dgl.nn.RelGraphConv(WIDTH, WIDTH, rels, activation=F.relu)
        self.second = dgl.nn.RelGraphConv(WIDTH, CLASSES, rels)
        _, dst = self.flat.edges(order="eid")
        _, segment, sizes = (dst * rels + self.etypes).unique(
            return_inverse=True, return_counts=True
        )
        self.norm = 1 / sizes[segment].unsqueeze(1)  # 1 / |N_i^r|, as R-GCN has it

    def forward(self) -> Tensor:
        hidden = self.embed.weight
        for conv in (self.first, self.second):
            hidden = conv(self.flat, hidden, self.etypes, self.norm, presorted=True)
            hidden = self.dropout(hidden) if conv is self.first else hidden
        return hidden[self.people]


class HGTNet(Homogeneous):
    def build(self, rels: int, types: int) -> None:
        size = WIDTH // HEADS
        self.first = dgl.nn.HGTConv(WIDTH, size, HEADS, types, rels, dropout=0.1)
        self.second = dgl.nn.HGTConv(WIDTH, size, HEADS, types, rels, dropout=0.1)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self) -> Tensor:
        hidden = self.embed.weight
        for conv in (self.first, self.second):
            hidden = conv(self.flat, hidden, self.ntypes, self.etypes, presorted=True)
            hidden = self.dropout(hidden) if conv is self.first else hidden
        return self.head(hidden[self.people])


MODELS: dict[str, Callable[[dgl.DGLGraph], nn.Module]] = {
    "RelEdgeAttentionConv, attention": lambda g: Ours(g, "additive"),
    "RelEdgeAttentionConv, means": lambda g: Ours(g, None),
    "dgl.nn.RelGraphConv": RelGraphNet,
    "dgl.nn.HGTConv": HGTNet,
}


@dataclass
class Outcome:
    accuracy: float  # of test nodes, at the best epoch on validation nodes
    seconds: float  # median per epoch


def train(model: nn.Module, label: Tensor, parts: list[Tensor], epochs: int) -> Outcome:
    learn, val, test = parts
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    best, accuracy, times = -1.0, 0.0, []
    for _ in range(epochs):
        start = time.perf_counter()
        model.train()
        optimiser.zero_grad()
        F.cross_entropy(model()[learn], label[learn]).backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
        model.eval()
        with torch.no_grad():
            right = (model().argmax(1) == label).double()
        if right[val].mean() > best:
            best, accuracy = float(right[val].mean()), float(right[test].mean())
    return Outcome(accuracy, statistics.median(times))


def split(people: int, generator: torch.Generator) -> list[Tensor]:
    """Return 60 % of the people to learn from, 20 % to choose the epoch by, 20 % to score."""
    order = torch.randperm(people, generator=generator)
    return list(order.tensor_split([people * 3 // 5, people * 4 // 5]))


def compare(people: int, epochs: int, seeds: int) -> Table:
    generator = torch.Generator().manual_seed(0)
    g, label = generate(people, generator)
    table = Table(
        title=f"{g.num_nodes()} nodes of {len(g.ntypes)} types, {g.num_edges()} edges of "
        f"{len(g.canonical_etypes)} relations, {CLASSES} classes, {epochs} epochs, {seeds} seeds"
    )
    table.caption = "parameters beside the embeddings; mean ± standard deviation; median of epochs"
    for name in ("layer", "parameters", "test accuracy, %", "ms per epoch"):
        table.add_column(name, justify="left" if name == "layer" else "right", no_wrap=True)
    splits = [split(people, generator) for _ in range(seeds)]
    for name, build in MODELS.items():
        outcomes = []
        for seed, parts in enumerate(splits):
            torch.manual_seed(seed)
            model = build(g)
            outcomes.append(train(model, label, parts, epochs))
        count = sum(p.numel() for p in model.parameters()) - g.num_nodes() * WIDTH
        percent = [100 * outcome.accuracy for outcome in outcomes]
        spread = statistics.stdev(percent) if seeds > 1 else 0.0
        milliseconds = 1000 * statistics.median(outcome.seconds for outcome in outcomes)
        score = f"{statistics.mean(percent):.1f} ± {spread:.1f}"
        table.add_row(name, f"{count:,}", score, f"{milliseconds:.1f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=600, help="labelled nodes")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3, help="splits and initialisations")
    options = parser.parse_args()
    Console().print(compare(options.people, options.epochs, options.seeds))


if __name__ == "__main__":
    main()
