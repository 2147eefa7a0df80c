"""Densely connected convolutions over latent graphs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn import LatentGraphConv

LENGTHS = torch.tensor([3, 1, 5, 2])
ROWS = torch.arange(11).split(LENGTHS.tolist())
WIDTH, GRAPHS, LAYERS = 12, 3, 2


@pytest.fixture
def feat() -> Tensor:
    return torch.randn(11, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def conv() -> LatentGraphConv:
    torch.manual_seed(0)
    conv = LatentGraphConv(WIDTH, GRAPHS, LAYERS).double()
    for bias in conv.biases:
        torch.nn.init.normal_(bias)
    return conv


def branch(conv: LatentGraphConv, x: Tensor, graph: int) -> Tensor:
    """Compute one branch of one dialogue, (T, D), as the equations say."""
    head = slice(graph * WIDTH // GRAPHS, (graph + 1) * WIDTH // GRAPHS)
    query = x @ conv.query.weight[head].T
    key = x @ conv.key.weight[head].T
    hidden: list[Tensor] = []
    for weight, bias in zip(conv.weights, conv.biases, strict=True):
        g = torch.cat([x, *hidden], dim=1)
        rows = []
        for i in range(len(x)):
            scores = torch.stack([query[i] @ key[j] for j in range(len(x))])
            attention = (scores / (WIDTH // GRAPHS) ** 0.5).softmax(0)
            messages = [attention[j] * (g[j] @ weight[graph]) for j in range(len(x))]
            rows.append((sum(messages) + bias[graph, 0]).relu())
        hidden.append(torch.stack(rows))
    return torch.cat(hidden, dim=1)


@torch.no_grad()
def test_equals_the_equations(conv: LatentGraphConv, feat: Tensor):
    out = conv(feat, LENGTHS)
    assert out.shape == (11, GRAPHS, WIDTH)
    for rows in ROWS:
        for graph in range(GRAPHS):
            expected = branch(conv, feat[rows], graph)
            torch.testing.assert_close(out[rows, graph], expected, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_dialogues_do_not_influence_each_other(conv: LatentGraphConv, feat: Tensor):
    changed = feat.clone()
    changed[ROWS[2]] += 10
    same = torch.cat([ROWS[0], ROWS[1], ROWS[3]])
    assert conv(changed, LENGTHS)[same].equal(conv(feat, LENGTHS)[same])


@torch.no_grad()
def test_every_utterance_of_a_dialogue_counts(conv: LatentGraphConv, feat: Tensor):
    changed = feat.clone()
    changed[8] += 1  # the last of the third dialogue
    moved = (conv(changed, LENGTHS) - conv(feat, LENGTHS)).abs().sum((1, 2)) > 0
    assert moved.nonzero().flatten().tolist() == ROWS[2].tolist()


@torch.no_grad()
def test_dialogues_without_utterances_change_nothing(conv: LatentGraphConv, feat: Tensor):
    assert conv(feat, torch.tensor([0, 3, 1, 0, 5, 2])).equal(conv(feat, LENGTHS))


def test_derivatives(conv: LatentGraphConv, feat: Tensor):
    feat.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: conv(x, LENGTHS), [feat], fast_mode=True)


def test_all_weights_learn(conv: LatentGraphConv, feat: Tensor):
    conv(feat, LENGTHS).square().sum().backward()
    without = [name for name, p in conv.named_parameters() if p.grad.abs().sum() == 0]
    assert without == []


def test_branches_drop_out_in_training_only(feat: Tensor):
    conv = LatentGraphConv(WIDTH, GRAPHS, LAYERS, dropout=0.5).double()
    assert not conv(feat, LENGTHS).equal(conv(feat, LENGTHS))
    conv.eval()
    assert conv(feat, LENGTHS).equal(conv(feat, LENGTHS))


@pytest.mark.parametrize("name", ["num_graphs", "num_layers"])
def test_parts_must_divide_the_width(name: str):
    with pytest.raises(ValueError, match=f"^{name} must divide the width 12, got 5"):
        LatentGraphConv(WIDTH, **{name: 5})
