"""Use the layer in a PyTorch Geometric project: typed edges, `Data`, attention weights.

python examples/pyg_node_classification.py
"""

from __future__ import annotations

import argparse
import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn.pyg import RelEdgeAttentionConv

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # PyG's own deprecations
    from torch_geometric.data import Data

CLASSES, WIDTH = 3, 16


def generate(nodes: int) -> Data:
    """Return nodes of three classes; relation 0 joins equals, relation 1 anybody."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(CLASSES, (nodes,), generator=generator)
    edge_index = torch.randint(nodes, (2, 40 * nodes), generator=generator)
    equal = y[edge_index[0]] == y[edge_index[1]]
    friends, anybody = edge_index[:, equal][:, : 3 * nodes], edge_index[:, : 5 * nodes]
    edge_type = torch.cat([torch.zeros(friends.size(1)), torch.ones(anybody.size(1))]).long()
    x = F.one_hot(y, WIDTH) + torch.randn(nodes, WIDTH, generator=generator)
    train = torch.rand(nodes, generator=generator) < 0.5
    edges = torch.cat([friends, anybody], dim=1)
    return Data(x=x, y=y, edge_index=edges, edge_type=edge_type, train_mask=train)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = RelEdgeAttentionConv(WIDTH, 8, num_relations=2, heads=2, residual=True)
        self.second = RelEdgeAttentionConv(16, CLASSES, num_relations=2, residual=True)

    def forward(self, data: Data) -> Tensor:
        hidden = self.first(data.x, data.edge_index, data.edge_type).relu()
        return self.second(hidden, data.edge_index, data.edge_type)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args()
    torch.manual_seed(0)
    data, model = generate(options.nodes), Net()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(options.epochs):
        optimiser.zero_grad()
        logits = model(data)
        F.cross_entropy(logits[data.train_mask], data.y[data.train_mask]).backward()
        optimiser.step()
    right = model(data).argmax(1) == data.y
    print(f"test accuracy {100 * right[~data.train_mask].double().mean():.1f} %")
    _, (edge_index, attention) = model.second(
        model.first(data.x, data.edge_index, data.edge_type).relu(),
        data.edge_index,
        data.edge_type,
        return_attention_weights=True,
    )
    for relation, name in enumerate(("equals", "anybody")):
        mean = attention[data.edge_type == relation].mean()
        print(f"mean attention to {name}: {mean:.3f} over {edge_index.size(1)} edges")


if __name__ == "__main__":
    main()
