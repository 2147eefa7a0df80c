"""Predict links of a knowledge graph: RelEdgeAttentionConv beside DGL's and PyG's layers.

UMLS, Kinships and Nations (Kok and Domingos 2007) are three small knowledge graphs; the wheel of
PyKEEN carries them (`pip download --no-deps pykeen`, unzip; pykeen/datasets/umls). A layer makes
states of the entities of their neighbours; DistMult (Yang 2015) scores a triple by its ends' states
and its relation, and is alone what every layer is compared with. In training half of the triples
are the graph, and those of the other half are to be told from all others, drawn anew in each epoch:
no triple is asked for that is among the edges. The epoch is chosen by validation triples, and test
triples are ranked once among all that are not known to be true ("filtered").

    python examples/link_prediction.py --data pykeen/datasets/umls
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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

WIDTH, LEARNING_RATE = 64, 0.01
DROPOUT = 0.3  # of the states


@dataclass
class Triples:
    """(T, 3) triples of head, relation and tail, each with its inverse, and what is known."""

    train: Tensor
    valid: Tensor
    test: Tensor
    num_nodes: int
    num_rels: int

    def known(self) -> Tensor:
        """Return whether (head, relation) and a tail are a triple, (N R, N)."""
        known = torch.zeros(self.num_nodes * self.num_rels, self.num_nodes, dtype=torch.bool)
        for triples in (self.train, self.valid, self.test):
            known[triples[:, 0] * self.num_rels + triples[:, 1], triples[:, 2]] = True
        return known


def load(folder: Path) -> Triples:
    """Return the triples of train.txt, valid.txt and test.txt: head, relation, tail, by tabs."""
    parts = [
        [line.split("\t") for line in (folder / f"{name}.txt").read_text("utf-8").splitlines()]
        for name in ("train", "valid", "test")
    ]
    rows = [row for part in parts for row in part]
    nodes = {name: i for i, name in enumerate(sorted({row[k] for row in rows for k in (0, 2)}))}
    rels = {name: i for i, name in enumerate(sorted({row[1] for row in rows}))}
    tensors = []
    for part in parts:
        one = torch.tensor([[nodes[head], rels[rel], nodes[tail]] for head, rel, tail in part])
        inverse = torch.stack([one[:, 2], one[:, 1] + len(rels), one[:, 0]], 1)
        tensors.append(torch.cat([one, inverse]))
    return Triples(*tensors, len(nodes), 2 * len(rels))


class Encoder(nn.Module):
    """Embeddings of the entities, and what a layer adds to them."""

    def __init__(self, triples: Triples) -> None:
        super().__init__()
        self.num_nodes, self.num_rels = triples.num_nodes, triples.num_rels
        self.embedding = nn.Parameter(torch.empty(triples.num_nodes, WIDTH))
        self.relation = nn.Parameter(torch.empty(triples.num_rels, WIDTH))
        for parameter in (self.embedding, self.relation):
            nn.init.xavier_uniform_(parameter)

    def states(self, edges: Tensor) -> Tensor:
        return self.embedding

    def forward(self, edges: Tensor, asked: Tensor) -> Tensor:
        """Return the score of every tail, (T, N), of (T, 3) triples."""
        states = F.dropout(self.states(edges), DROPOUT, self.training)
        return (states[asked[:, 0]] * self.relation[asked[:, 1]]) @ states.T


class Ours(Encoder):
    def __init__(self, triples: Triples, score: str | None) -> None:
        super().__init__(triples)
        self.conv = RelEdgeAttentionConv(
            WIDTH,
            WIDTH,
            triples.num_rels,
            score=score,
            softmax="relation",
            self_loop=True,
            allow_zero_in_degree=True,
        )

    def states(self, edges: Tensor) -> Tensor:
        src, etypes, dst = edges.unbind(1)
        sizes = {"num_src": self.num_nodes, "num_dst": self.num_nodes, "num_rels": self.num_rels}
        return self.conv(Graph.from_edges(src, dst, etypes, **sizes), self.embedding)


class WithRelGraphConv(Encoder):
    def __init__(self, triples: Triples) -> None:
        super().__init__(triples)
        self.conv = dgl.nn.RelGraphConv(WIDTH, WIDTH, triples.num_rels)

    def states(self, edges: Tensor) -> Tensor:
        src, etypes, dst = edges[edges[:, 1].argsort()].T.contiguous()
        g = dgl.graph((src, dst), num_nodes=self.num_nodes)
        _, segment, sizes = (dst * self.num_rels + etypes).unique(
            return_inverse=True, return_counts=True
        )
        share = 1 / sizes[segment].unsqueeze(1)
        return self.conv(g, self.embedding, etypes, share, presorted=True)


class WithPyG(Encoder):
    def __init__(self, triples: Triples, layer: type[nn.Module]) -> None:
        super().__init__(triples)
        self.conv = layer(WIDTH, WIDTH, triples.num_rels)

    def states(self, edges: Tensor) -> Tensor:
        src, etypes, dst = edges.unbind(1)
        return self.conv(self.embedding, torch.stack([src, dst]), etypes)


MODELS: dict[str, Callable[[Triples], Encoder]] = {
    "none (DistMult)": Encoder,
    "RelEdgeAttentionConv, means": partial(Ours, score=None),
    "RelEdgeAttentionConv, attention": partial(Ours, score="additive"),
    "dgl.nn.RelGraphConv": WithRelGraphConv,
    "PyG RGCNConv": partial(WithPyG, layer=pyg.RGCNConv),
    "PyG RGATConv": partial(WithPyG, layer=pyg.RGATConv),
}


@torch.no_grad()
def ranks(model: Encoder, triples: Triples, asked: Tensor, known: Tensor) -> Tensor:
    """Return the rank of each asked triple's tail among those that are not known to be true."""
    model.eval()
    scores = model(triples.train, asked)
    own = scores.gather(1, asked[:, 2:])
    others = scores.masked_fill(known[asked[:, 0] * triples.num_rels + asked[:, 1]], -torch.inf)
    return 1 + (others > own).sum(1).double()


@dataclass
class Outcome:
    mrr: float
    hits: float
    epoch: int
    seconds: float  # median of an epoch


def train(model: Encoder, triples: Triples, epochs: int, known: Tensor) -> Outcome:
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    best, outcome, times = -1.0, Outcome(0, 0, 0, 0), []
    facts = len(triples.train) // 2  # the second half are the inverses of the first
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        model.train()
        chosen = torch.rand(facts).lt(0.5).repeat(2)
        optimiser.zero_grad()
        asked = triples.train[~chosen]
        F.cross_entropy(model(triples.train[chosen], asked), asked[:, 2]).backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
        if epoch % 5:
            continue
        mrr = float(ranks(model, triples, triples.valid, known).reciprocal().mean())
        if mrr > best:
            best, found = mrr, ranks(model, triples, triples.test, known)
            hits = float((found <= 10).double().mean())
            outcome = Outcome(100 * float(found.reciprocal().mean()), 100 * hits, epoch, 0)
    outcome.seconds = statistics.median(times)
    return outcome


def spread(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values) if values[1:] else 0:.1f}"


def compare(triples: Triples, epochs: int, seeds: int, models: Sequence[str]) -> Table:
    table = Table(
        title=f"{triples.num_nodes} entities, {triples.num_rels // 2} relations, "
        f"{len(triples.train) // 2:,} triples to learn, {len(triples.test) // 2:,} to test, "
        f"{seeds} seeds"
    )
    table.caption = "filtered, both directions, in percent; mean ± standard deviation over seeds"
    for name in ("layer", "MRR", "hits@10", "epoch", "ms/epoch"):
        table.add_column(name, justify="left" if name == "layer" else "right", no_wrap=True)
    known = triples.known()
    for name in track(models, "layers", console=Console(stderr=True)):
        outcomes = []
        for seed in range(seeds):
            torch.manual_seed(seed)
            outcomes.append(train(MODELS[name](triples), triples, epochs, known))
        mrr, hits = spread([o.mrr for o in outcomes]), spread([o.hits for o in outcomes])
        epoch = round(statistics.mean(o.epoch for o in outcomes))
        milliseconds = 1000 * statistics.median(o.seconds for o in outcomes)
        table.add_row(name, mrr, hits, str(epoch), f"{milliseconds:.1f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of train, valid, test.txt")
    parser.add_argument("--epochs", type=int, default=200, help="most that are tried")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    Console().print(compare(load(options.data), options.epochs, options.seeds, options.models))


if __name__ == "__main__":
    main()
