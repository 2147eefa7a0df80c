"""DialogueGCN and LR-GCN: against their equations written out, sizes, what sees what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.models import LRGCN, DialogueGCN, DialogueGCNConfig, LRGCNConfig
from ariigcn_dgl.models.system import System, concatenate

WIDTHS = {"text": 3, "audio": 2}
CLASSES = 4
LENGTHS = torch.tensor([5, 1, 3])
ROWS = torch.arange(9).split(LENGTHS.tolist())
SPEAKERS = torch.tensor([7, 3, 3, 7, 3, 5, 2, 4, 2])
TURNS = [[0, 1, 1, 0, 1], [0], [0, 1, 0]]  # speakers numbered by first appearance
PAST, FUTURE = 2, 1
WINDOW = Window(PAST, FUTURE, relations="pairs")
DIALOGUE_GCN = DialogueGCNConfig(WINDOW, hidden_dim=6, graph_dim=16, num_bases=3)
LR_GCN = LRGCNConfig(WINDOW, hidden_dim=12, num_bases=3, num_graphs=3, num_layers=2, head_dim=16)
SYSTEMS = {"dialogue-gcn": (DialogueGCN, DIALOGUE_GCN), "lr-gcn": (LRGCN, LR_GCN)}
each_system = pytest.mark.parametrize("name", SYSTEMS)


def make_batch(window: Window = WINDOW) -> Batch:
    generator = torch.Generator().manual_seed(0)
    features = {
        name: torch.randn(9, width, generator=generator, dtype=torch.float64)
        for name, width in WIDTHS.items()
    }
    masks = {name: torch.ones(9, dtype=torch.bool) for name in WIDTHS}
    masks["audio"][4] = False
    graph = Graph.from_dialogues(
        LENGTHS,
        SPEAKERS,
        past=window.past,
        future=window.future,
        relations=window.relations,
    )
    return Batch(features, masks, torch.arange(9) % CLASSES, SPEAKERS, LENGTHS, graph)


def make(cls: type[System], config) -> System:
    torch.manual_seed(0)
    model = cls(WIDTHS, CLASSES, config).double().eval()
    for name, parameter in model.named_parameters():
        if "bias" in name:  # at their initial 0 they would hide mistakes
            nn.init.normal_(parameter, std=0.2)
        elif not name.startswith("head"):  # so that what is attended to differs
            parameter.data.mul_(1.5)
    return model


def neighbours(i: int, length: int) -> range:
    return range(max(0, i - PAST), min(length, i + FUTURE + 1))


def edge_weights(x: Tensor, matrix: Tensor) -> list[dict[int, Tensor]]:
    """Return, for every utterance, what it attends to (DialogueGCN, Eq. 1)."""
    weights = []
    for i in range(len(x)):
        near = neighbours(i, len(x))
        alpha = torch.stack([x[i] @ matrix @ x[j] for j in near]).softmax(0)
        weights.append(dict(zip(near, alpha, strict=True)))
    return weights


def first_graph_layer(model: System, x: Tensor, turns: list[int]) -> tuple[Tensor, list]:
    """Return the states of one dialogue after Eq. 2, and the edge weights."""
    conv, out = model.relational, []
    alpha = edge_weights(x, conv.weight_score[0])
    for i in range(len(x)):
        state = alpha[i][i] * (x[i] @ conv.self_weight[0]) + conv.bias[0]
        kinds = {j: (turns[j], turns[i], j > i) for j in neighbours(i, len(x)) if j != i}
        for j, kind in kinds.items():
            relation = (kind[0] * 2 + kind[1]) * 2 + kind[2]
            matrix = torch.einsum("b,bio->io", conv.coefficients[0, relation], conv.bases[0])
            size = sum(1 for other in kinds.values() if other == kind)
            state = state + alpha[i][j] / size * (x[j] @ matrix)
        out.append(state.relu())
    return torch.stack(out), alpha


def dialogue_gcn(model: DialogueGCN, u: Tensor, turns: list[int]) -> Tensor:
    """Compute the logits of one dialogue."""
    rnn = model.encoder.lstm if model.config.recurrent == "lstm" else model.encoder.gru
    g = rnn(u)[0]
    first, alpha = first_graph_layer(model, g, turns)
    conv, states = model.sum, []
    for i in range(len(u)):
        total = sum(first[j] @ conv.weight for j in neighbours(i, len(u)))
        second = (total + alpha[i][i] * (first[i] @ conv.self_weight) + conv.bias).relu()
        states.append(torch.cat([g[i], second]))
    states = torch.stack(states)
    if model.nodal is not None:
        scores = [[model.nodal.query(e) @ other for other in states] for e in states]
        states = torch.stack([torch.stack(row).softmax(0) @ states for row in scores])
    return model.head[3](model.head[0](states).relu())


def latent_branch(model: LRGCN, x: Tensor, k: int) -> Tensor:
    conv = model.latent
    size = x.size(1) // conv.num_graphs
    head = slice(k * size, (k + 1) * size)
    query, key = x @ conv.query.weight[head].T, x @ conv.key.weight[head].T
    attention = torch.stack(
        [torch.stack([q @ other / size**0.5 for other in key]).softmax(0) for q in query]
    )
    hidden: list[Tensor] = []
    for weight, bias in zip(conv.weights, conv.biases, strict=True):
        dense = torch.cat([x, *hidden], dim=1)
        messages = [sum(a * (g @ weight[k]) for a, g in zip(row, dense)) for row in attention]  # noqa: B905
        hidden.append((torch.stack(messages) + bias[k]).relu())
    return torch.cat(hidden, dim=1)


def lr_gcn(model: LRGCN, u: Tensor, turns: list[int]) -> Tensor:
    """Compute the logits of one dialogue."""
    x = model.encoder.gru(u)[0]
    branches = [first_graph_layer(model, x, turns)[0]]
    branches += [latent_branch(model, x, k) for k in range(model.config.num_graphs)]
    states = x + model.combine(torch.cat(branches, dim=1))
    return model.head[3](model.head[0](states).relu())


def assert_equal_and_not_alike(logits: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(logits, expected, rtol=1e-9, atol=1e-9)
    assert logits.std(0).min() > 0.01  # a dead or collapsed model would prove nothing


@torch.no_grad()
@pytest.mark.parametrize("recurrent", ["lstm", "gru"])
@pytest.mark.parametrize("nodal_attention", [True, False])
def test_dialogue_gcn_equals_its_equations(recurrent: str, nodal_attention: bool):
    config = replace(DIALOGUE_GCN, recurrent=recurrent, nodal_attention=nodal_attention)
    model, batch = make(DialogueGCN, config), make_batch()
    expected = [
        dialogue_gcn(model, concatenate(batch)[rows], turns)
        for rows, turns in zip(ROWS, TURNS, strict=True)
    ]
    assert_equal_and_not_alike(model(batch), torch.cat(expected))


@torch.no_grad()
def test_lr_gcn_equals_its_equations():
    model, batch = make(LRGCN, LR_GCN), make_batch()
    expected = [
        lr_gcn(model, concatenate(batch)[rows], turns)
        for rows, turns in zip(ROWS, TURNS, strict=True)
    ]
    assert_equal_and_not_alike(model(batch), torch.cat(expected))


def count(cls: type[System], config, widths: dict[str, int]) -> int:
    config = replace(config, window=config.window.resolved(2))
    with torch.device("meta"):
        return sum(p.numel() for p in cls(widths, 6, config).parameters())


def test_dialogue_gcn_has_the_published_codes_parameters():
    # text features of width 100, as there
    lstm = 2 * 4 * 100 * (100 + 100 + 2) + 2 * 4 * 100 * (200 + 100 + 2)
    edges = 200 * 200
    relational = 30 * 200 * 100 + 8 * 30 + 200 * 100 + 100  # bases, coefficients, self loop, bias
    graph_conv = 2 * 100 * 100 + 100
    nodal = 300 * 300 + 300
    head = 300 * 100 + 100 + 100 * 6 + 6
    published = lstm + edges + relational + graph_conv + nodal + head
    assert published == 1_204_646
    assert count(DialogueGCN, DialogueGCNConfig(), {"text": 100}) == published


def test_lr_gcn_has_the_parameters_of_its_description():
    gru = 2 * 3 * 100 * (100 + 100 + 2)
    speaker = 200 * 200 + 30 * 200 * 200 + 8 * 30 + 200 * 200 + 200
    latent = 2 * 200 * 200 + 4 * (200 * 100 + 100) + 4 * (300 * 100 + 100)
    head = 5 * 200 * 200 + 200 + 200 * 100 + 100 + 100 * 6 + 6
    assert count(LRGCN, LRGCNConfig(), {"text": 100}) == gru + speaker + latent + head


@each_system
def test_more_than_two_speakers_share_the_relations_same_and_other(name: str):
    cls, config = SYSTEMS[name]
    config = replace(config, window=replace(WINDOW, relations="auto").resolved(3))
    model, batch = make(cls, config), make_batch(config.window)
    assert len(model.relational.coefficients[0]) == 4
    assert model(batch).isfinite().all()


@each_system
def test_every_weight_is_trained(name: str):
    cls, config = SYSTEMS[name]
    torch.manual_seed(0)
    model = cls(WIDTHS, CLASSES, config).double()
    sum(model.losses(make_batch()).values()).backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@each_system
def test_dropout_is_for_training_only(name: str):
    model, batch = make(*SYSTEMS[name]), make_batch()
    assert model(batch).equal(model(batch))
    model.train()
    assert not model(batch).equal(model(batch))


class WithoutContext(nn.Module):
    """Stands in for an encoder: every utterance by itself."""

    def __init__(self, out_feats: int) -> None:
        super().__init__()
        self.linear = nn.Linear(sum(WIDTHS.values()), out_feats).double()

    def forward(self, feat: Tensor, lengths: Tensor) -> Tensor:
        return self.linear(feat)


@torch.no_grad()
@pytest.mark.parametrize(("future", "changed"), [(0, [3, 4]), (1, [1, 2, 3, 4])])
def test_past_only_graphs_of_dialogue_gcn_are_causal(future: int, changed: list[int]):
    window = replace(WINDOW, future=future)
    config = replace(DIALOGUE_GCN, window=window, nodal_attention=False)
    model, batch = make(DialogueGCN, config), make_batch(window)
    model.encoder = WithoutContext(config.hidden_dim)
    text = batch.features["text"].clone()
    text[3:5] += 1  # the last two utterances of the first dialogue
    later = replace(batch, features=batch.features | {"text": text})
    moved = (model(later) - model(batch)).abs().sum(1).nonzero().flatten()
    assert moved.tolist() == changed


@torch.no_grad()
def test_the_past_only_speaker_branch_of_lr_gcn_is_causal():
    window = replace(WINDOW, future=0)
    model, batch = make(LRGCN, replace(LR_GCN, window=window)), make_batch(window)
    states = torch.randn(9, LR_GCN.hidden_dim, dtype=torch.float64)
    later = states.clone()
    later[3:5] += 1
    before, after = (model.relational(batch.graph, x) for x in (states, later))
    assert (before - after).abs().sum(1).nonzero().flatten().tolist() == [3, 4]
