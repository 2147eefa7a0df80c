"""Training loops of DGL's users keep working with the layer in them."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl import dgl
from ariigcn_dgl.batch import DialogueGraphDataset
from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import RelEdgeAttentionConv

pytestmark = pytest.mark.filterwarnings(  # of these users' loaders; this package makes none
    "ignore:Dataloader CPU affinity opt is not enabled",
    "ignore:.*pin_memory.*:UserWarning",
)
NODES, IN, CLASSES, RELS = 120, 8, 3, 2


class RelationalNet(nn.Module):
    """Two layers over a homogeneous graph, or one block each."""

    def __init__(self) -> None:
        super().__init__()
        self.first = RelEdgeAttentionConv(IN, 16, RELS, residual=True, activation=F.relu)
        self.second = RelEdgeAttentionConv(16, CLASSES, RELS, residual=True)
        for conv in (self.first, self.second):
            conv.set_allow_zero_in_degree(True)

    def forward(self, graphs, feat: Tensor, etypes) -> Tensor:
        hidden = self.first(graphs[0], feat, etypes[0])
        return self.second(graphs[1], hidden, etypes[1])


@pytest.fixture
def g() -> dgl.DGLGraph:
    """Classes are clusters: most edges join nodes of one class, and those have relation 0."""
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(NODES) % CLASSES
    src = torch.randint(NODES, (900,), generator=generator)
    kept = torch.rand(900, generator=generator) < 0.7
    step = torch.randint(NODES, (900,), generator=generator)
    dst = torch.where(kept, (src + CLASSES * step) % NODES, step)
    g = dgl.graph((src, dst), num_nodes=NODES)
    g.edata["rel"] = (label[src] != label[dst]).long()
    g.ndata["x"] = torch.randn(NODES, IN, generator=generator) + F.one_hot(label, IN)
    g.ndata["y"] = label
    return g


def train(model: nn.Module, batches, forward) -> list[float]:
    """Return the mean loss of each of some passes over the batches."""
    optimiser, means = torch.optim.Adam(model.parameters(), lr=0.02), []
    for _ in range(8):
        losses = []
        for batch in batches():
            optimiser.zero_grad()
            logits, label = forward(batch)
            loss = F.cross_entropy(logits, label)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        means.append(sum(losses) / len(losses))
    return means


def test_neighbour_sampling_with_blocks_trains(g):
    torch.manual_seed(0)
    sampler = dgl.dataloading.NeighborSampler([5, 5], prefetch_edge_feats=["rel"])
    loader = dgl.dataloading.DataLoader(g, torch.arange(NODES), sampler, batch_size=40)
    model = RelationalNet()

    def forward(batch):
        inputs, outputs, blocks = batch
        etypes = [block.edata["rel"] for block in blocks]
        return model(blocks, g.ndata["x"][inputs], etypes), g.ndata["y"][outputs]

    losses = train(model, lambda: loader, forward)
    assert losses[-1] < 0.6 * losses[0]


def test_sampling_all_neighbours_gives_the_numbers_of_the_whole_graph(g):
    torch.manual_seed(0)
    model, seeds = RelationalNet(), torch.tensor([5, 17, 3])
    sampler = dgl.dataloading.MultiLayerFullNeighborSampler(2)
    inputs, _, blocks = sampler.sample(g, seeds)
    sampled = model(blocks, g.ndata["x"][inputs], [block.edata["rel"] for block in blocks])
    whole = model([g, g], g.ndata["x"], [g.edata["rel"]] * 2)
    torch.testing.assert_close(sampled, whole[seeds])


class HeteroNet(nn.Module):
    """Two layers over a heterograph, or one block each: dict in, dict out."""

    def __init__(self, num_rels: int) -> None:
        super().__init__()
        self.first = RelEdgeAttentionConv(IN, 16, num_rels, allow_zero_in_degree=True)
        self.second = RelEdgeAttentionConv(16, CLASSES, num_rels, allow_zero_in_degree=True)

    def forward(self, graphs, feat: dict[str, Tensor]) -> dict[str, Tensor]:
        hidden = {name: x.relu() for name, x in self.first(graphs[0], feat).items()}
        return self.second(graphs[1], hidden)


def test_heterograph_sampling_gives_the_numbers_of_the_whole_graph():
    torch.manual_seed(0)
    edges = {
        ("user", "rates", "item"): (torch.randint(30, (90,)), torch.randint(20, (90,))),
        ("item", "of", "user"): (torch.randint(20, (90,)), torch.randint(30, (90,))),
        ("user", "knows", "user"): (torch.randint(30, (60,)), torch.randint(30, (60,))),
    }
    g = dgl.heterograph(edges, num_nodes_dict={"user": 30, "item": 20})
    feat = {"user": torch.randn(30, IN), "item": torch.randn(20, IN)}
    model, seeds = HeteroNet(3), {"user": torch.tensor([4, 1])}
    inputs, _, blocks = dgl.dataloading.MultiLayerFullNeighborSampler(2).sample(g, seeds)
    sampled = model(blocks, {name: feat[name][ids] for name, ids in inputs.items()})
    torch.testing.assert_close(sampled["user"], model([g, g], feat)["user"][seeds["user"]])


def test_hetero_graph_conv_of_these_layers_trains_on_sampled_blocks():
    torch.manual_seed(0)
    edges = {
        ("user", "rates", "item"): (torch.randint(30, (90,)), torch.randint(20, (90,))),
        ("item", "of", "user"): (torch.randint(20, (90,)), torch.randint(30, (90,))),
    }
    g = dgl.heterograph(edges, num_nodes_dict={"user": 30, "item": 20})
    feat, label = {"user": torch.randn(30, IN), "item": torch.randn(20, IN)}, torch.arange(30) % 3
    convs = {name: RelEdgeAttentionConv(IN, CLASSES) for name in ("rates", "of")}
    model = dgl.nn.HeteroGraphConv(convs)
    sampler = dgl.dataloading.NeighborSampler([4])
    loader = dgl.dataloading.DataLoader(g, {"user": torch.arange(30)}, sampler, batch_size=10)

    def forward(batch):
        inputs, outputs, (block,) = batch
        rows = {name: feat[name][ids] for name, ids in inputs.items()}
        return model(block, rows)["user"], label[outputs["user"]]

    losses = train(model, lambda: loader, forward)
    assert losses[-1] < losses[0]


def test_batched_graphs_give_the_numbers_of_single_ones(g):
    torch.manual_seed(0)
    model, other = RelationalNet(), dgl.node_subgraph(g, range(0, NODES, 2), store_ids=False)
    both = dgl.batch([g, other])

    def run(one: dgl.DGLGraph) -> Tensor:
        return model([one, one], one.ndata["x"], [one.edata["rel"]] * 2)

    torch.testing.assert_close(run(both), torch.cat([run(g), run(other)]))


def test_graph_data_loader_over_dialogues_trains():
    torch.manual_seed(0)
    dataset = DialogueGraphDataset(synthesise(SynthConfig()))
    chosen = torch.utils.data.SubsetRandomSampler(dataset.split_idx("train"))
    loader = dgl.dataloading.GraphDataLoader(dataset, sampler=chosen, batch_size=8)
    width = dataset.dialogues.widths["text"]
    model = nn.Module()
    model.conv = RelEdgeAttentionConv(width, 32, dataset.num_rels, num_heads=2)
    model.head = nn.Linear(64, dataset.num_classes)

    def forward(g: dgl.DGLGraph):
        hidden = model.conv(g, g.ndata["text"]).flatten(1).relu()
        known = g.ndata["label"] >= 0
        return model.head(hidden)[known], g.ndata["label"][known]

    losses = train(model, lambda: loader, forward)
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
def test_a_compiled_model_trains_with_graphs_converted_outside(g):
    torch._dynamo.reset()
    torch.manual_seed(0)
    model, graph = RelationalNet(), Graph.from_dgl(g, g.edata["rel"], num_rels=RELS)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    losses = train(
        model,
        lambda: [graph],
        lambda graph: (compiled([graph] * 2, g.ndata["x"], [None] * 2), g.ndata["y"]),
    )
    assert losses[-1] < losses[0]


def test_autocast_trains(g):
    torch.manual_seed(0)
    model = RelationalNet()

    def forward(one: dgl.DGLGraph):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model([one] * 2, one.ndata["x"], [one.edata["rel"]] * 2), one.ndata["y"]

    losses = train(model, lambda: [g], forward)
    assert losses[-1] < losses[0]


def _train_one_rank(rank: int, port: int, folder: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2
    )
    torch.set_num_threads(1)
    torch.manual_seed(rank)  # DDP takes rank 0's weights
    src, dst = torch.arange(10), (torch.arange(10) + 1 + rank) % 10
    g, feat = dgl.graph((src, dst)), torch.randn(10, IN)
    conv = RelEdgeAttentionConv(IN, CLASSES, RELS, residual=True, regularizer="basis")
    model = nn.parallel.DistributedDataParallel(conv)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        F.cross_entropy(model(g, feat, src % RELS), src % CLASSES).backward()
        optimiser.step()
    torch.save([p.grad for p in conv.parameters()] + list(conv.parameters()), f"{folder}/{rank}")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks processes")
@pytest.mark.exhaustive
def test_two_processes_train_one_model(tmp_path: Path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.start_processes(_train_one_rank, args=(port, str(tmp_path)), nprocs=2, start_method="spawn")
    first, second = (torch.load(tmp_path / str(rank)) for rank in (0, 1))
    assert all(a.equal(b) for a, b in zip(first, second, strict=True))
    assert all(x.isfinite().all() for x in first)
