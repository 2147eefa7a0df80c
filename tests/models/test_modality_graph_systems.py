"""MMGCN and M3NET: their parts in order, published sizes, speakers, sets without text."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.data import UNLABELLED
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.models import M3NET, MMGCN, M3NETConfig, MMGCNConfig
from ariigcn_dgl.models.system import System
from ariigcn_dgl.nn import angular_similarity

WIDTHS = {"text": 6, "audio": 4}
CLASSES = 3
NUMBERS = torch.tensor([0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 0])  # third: second's row
SMALL = {
    "mmgcn": (MMGCN, MMGCNConfig(hidden_dim=8, graph_dim=5, num_layers=3, num_speakers=2)),
    "m3net": (M3NET, M3NETConfig(hidden_dim=8, graph_dim=5, num_speakers=2)),
}
each_system = pytest.mark.parametrize("name", SMALL)


def make(name: str, widths: dict[str, int] = WIDTHS) -> System:
    torch.manual_seed(0)
    cls, config = SMALL[name]
    model = cls(widths, CLASSES, config).double().eval()
    for parameter in model.parameters():  # at 0 they would hide mistakes
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    return model


def nodes_of_a_dialogue(
    model: System, batch: Batch, rows: Tensor
) -> tuple[list[tuple[int, int]], Tensor]:
    """Return which nodes there are, (modality, utterance), and their states."""
    states = {}
    for m, linear in model.states.maps.items():
        mapped = linear(zero_missing(batch.features[m][rows], batch.masks[m][rows]))
        if m == "text":
            (rnn,) = model.states.context.children()
            mapped = rnn(mapped)[0] + model.states.speakers.weight[NUMBERS[rows]]
        states[m] = mapped
    nodes = [
        (index, t)
        for index, m in enumerate(WIDTHS)
        for t in range(len(rows))
        if batch.masks[m][rows[t]]
    ]
    names = list(WIDTHS)
    return nodes, torch.stack([states[names[index]][t] for index, t in nodes])


def neighbours(nodes: list[tuple[int, int]], i: int) -> list[int]:
    """Return the nodes of the same modality or the same utterance, itself among them."""
    return [j for j, (m, t) in enumerate(nodes) if m == nodes[i][0] or t == nodes[i][1]]


def mmgcn_states(model: MMGCN, nodes: list[tuple[int, int]], x: Tensor) -> Tensor:
    similarity = angular_similarity(x)
    edges = [{j: similarity[i, j] for j in neighbours(nodes, i)} for i in range(len(nodes))]
    degrees = [sum(weights.values()) for weights in edges]
    initial = h = model.project(x).relu()
    for layer, weight in enumerate(model.convolve.weights, start=1):
        heard = torch.stack(
            [
                sum(w / (degrees[i] * degrees[j]).sqrt() * h[j] for j, w in weights.items())
                for i, weights in enumerate(edges)
            ]
        )
        theta = torch.log(torch.tensor(0.5 / layer + 1, dtype=torch.float64))
        mapped = torch.cat([heard, initial], dim=1) @ weight
        h = (theta * mapped + (1 - theta) * (0.9 * heard + 0.1 * initial)).relu()
    return torch.cat([x, h], dim=1)


def m3net_states(model: M3NET, nodes: list[tuple[int, int]], x: Tensor) -> Tensor:
    h = hyper = model.project(x)
    node, edge = model.hypergraph.log_node_weight.exp(), model.hypergraph.log_edge_weight.exp()
    for bias in model.hypergraph.biases:
        new = []
        for m, t in nodes:
            of_modality = torch.stack([hyper[j] for j, n in enumerate(nodes) if n[0] == m]).mean(0)
            same = [(node[n[0]], hyper[j]) for j, n in enumerate(nodes) if n[1] == t]
            of_utterance = sum(w * row for w, row in same) / sum(w for w, _ in same)
            both = (edge[m] * of_modality + edge[-1] * of_utterance) / (edge[m] + edge[-1])
            new.append(torch.nn.functional.leaky_relu(both + bias))
        hyper = torch.stack(new)
    near = [[j for j in neighbours(nodes, i) if j != i] for i in range(len(nodes))]
    for gate in model.frequency.gates:
        new = []
        for i, others in enumerate(near):
            state = h[i]
            for j in others:
                norm = (len(near[i]) * len(near[j])) ** -0.5
                state = state + norm * gate(torch.cat([h[i], h[j]])).tanh() * h[j]
            new.append(state)
        h = torch.stack(new)
    return torch.cat([hyper, h], dim=1)


@torch.no_grad()
@pytest.mark.parametrize(("name", "states"), [("mmgcn", mmgcn_states), ("m3net", m3net_states)])
def test_logits_are_those_of_the_equations_node_by_node(name: str, states, batch: Batch) -> None:
    model, expected = make(name), []
    for rows in torch.arange(17).split(batch.lengths.tolist()):
        nodes, x = nodes_of_a_dialogue(model, batch, rows)
        found = dict(zip(nodes, states(model, nodes, x), strict=True))
        nothing = torch.zeros_like(next(iter(found.values())))
        for t in range(len(rows)):
            expected.append(torch.cat([found.get((m, t), nothing) for m in range(2)]).relu())
    expected = model.head[2](torch.stack(expected))
    torch.testing.assert_close(model(batch), expected, rtol=1e-9, atol=1e-9)
    assert expected.std(0).min() > 0.01  # a dead or collapsed model would prove nothing


def count(cls: type[System], config, widths: dict[str, int], num_classes: int = 6) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in cls(widths, num_classes, config).parameters())


@pytest.mark.parametrize(("num_layers", "published"), [(64, 2_194_506), (4, 994_506)])
def test_mmgcn_has_the_published_codes_parameters(num_layers: int, published: int) -> None:
    # of its features of IEMOCAP: all that the loss reaches there
    maps = (1582 + 342 + 100 + 3) * 200
    lstm = 2 * (2 * 4 * 100 * (200 + 100 + 2))
    convs = num_layers * 200 * 100
    others = 2 * 200 + 201 * 100 + 901 * 6  # speakers, projection, classifier
    assert maps + lstm + convs + others == published
    config = MMGCNConfig(num_layers=num_layers, num_speakers=2)
    assert count(MMGCN, config, {"text": 100, "audio": 1582, "visual": 342}) == published


def test_m3net_has_the_published_codes_parameters() -> None:
    # of its features of IEMOCAP, without 8,192 of batch norms and 6,200 weights of positions
    maps = (1582 + 342 + 1024 + 3) * 512
    gru = 2 * (2 * 3 * 256 * (512 + 256 + 2))
    convs = 3 * 512 + 4 * (2 * 512 + 1)
    others = 2 * 512 + 513 * 512 + (6 * 512 + 1) * 6  # speakers, projection, classifier
    published = maps + gru + convs + others
    assert published == 4_164_106
    weights = 3 + 4  # of kinds of nodes and of hyperedges
    config = M3NETConfig(num_speakers=2)
    found = count(M3NET, config, {"text": 1024, "audio": 1582, "visual": 342})
    assert found == published + weights


@each_system
@torch.no_grad()
def test_a_set_without_text_has_context_and_speakers_on_its_first_modality(
    name: str, batch: Batch
) -> None:
    model = make(name, {"audio": 4})
    assert model.states.leading == "audio"
    assert model(batch).isfinite().all()  # the last dialogue has no audio


@each_system
@torch.no_grad()
def test_utterances_without_any_modality_have_the_classifiers_bias(name: str, batch: Batch) -> None:
    model = make(name)
    nothing = {m: mask & (torch.arange(17) >= 5) for m, mask in batch.masks.items()}
    logits = model(replace(batch, masks=nothing))
    assert logits[:5].equal(model.head[2].bias.expand(5, -1))


@each_system
def test_a_batch_without_labels_has_loss_zero_and_finite_gradients(name: str, batch: Batch) -> None:
    model = make(name).train()
    unlabelled = replace(batch, labels=torch.full_like(batch.labels, UNLABELLED))
    loss = sum(model.losses(unlabelled).values())
    loss.backward()
    assert loss == 0
    assert all(p.grad.isfinite().all() for p in model.parameters())


@each_system
def test_bfloat16_gives_finite_gradients(name: str, batch: Batch) -> None:
    model = make(name).float().train()
    features = {m: x.float() for m, x in batch.features.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = sum(model.losses(replace(batch, features=features)).values())
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
