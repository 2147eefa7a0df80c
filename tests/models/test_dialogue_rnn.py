"""DialogueRNN: published size, the equations, causality. The recurrence: tests/nn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.models import DialogueRNN, DialogueRNNConfig

SMALL = DialogueRNNConfig(global_dim=5, party_dim=4, emotion_dim=3, head_dim=6)


def make(config: DialogueRNNConfig) -> DialogueRNN:
    torch.manual_seed(0)
    return DialogueRNN({"text": 6, "audio": 4}, 3, config).double().eval()


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        # text and audio of 100 each, 6 classes: the authors' program with its --active-listener
        (DialogueRNNConfig(listener=True), 13_186_406),
        (DialogueRNNConfig(), 13_186_406 - 2 * 3 * 500 * (200 + 500 + 500 + 2)),
    ],
)
def test_published_size(config: DialogueRNNConfig, parameters: int):
    with torch.device("meta"):
        model = DialogueRNN({"text": 100, "audio": 100}, 6, config)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("attention", [True, False])
@torch.no_grad()
def test_equals_both_directions_one_dialogue_at_a_time(batch: Batch, attention: bool):
    model = make(replace(SMALL, listener=True, attention=attention))
    features = torch.cat(
        [batch.features["text"], batch.features["audio"] * batch.masks["audio"].unsqueeze(1)], 1
    )
    local = torch.tensor([0, 1, 0, 0, 1, 0, 0, 1, 1, 2, 0, 0, 1, 2, 0, 1, 0])
    expected = []
    for rows in torch.arange(17).split(batch.lengths.tolist()):
        length, turned = torch.tensor([len(rows)]), rows.flip(0)
        forward, backward = model.directions
        ahead = forward(features[rows], local[rows], length)
        back = backward(features[turned], local[turned], length).flip(0)
        emotions = torch.cat([ahead, back], dim=1)
        if attention:
            query = model.attention.query(emotions)
            emotions = (query @ emotions.T).softmax(1) @ emotions
        expected.append(model.head(emotions))
    torch.testing.assert_close(model(batch), torch.cat(expected), rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_one_direction_ignores_what_comes_later(batch: Batch):
    model = make(replace(SMALL, listener=True, bidirectional=False))
    text = batch.features["text"].clone()
    text[10:14] += 1  # in the third dialogue
    later = replace(batch, features=batch.features | {"text": text})
    changed = (model(later) != model(batch)).any(1).nonzero().flatten()
    assert changed.tolist() == [10, 11, 12, 13]


@torch.no_grad()
def test_both_directions_see_all_of_the_dialogue(batch: Batch):
    model = make(replace(SMALL, attention=False))
    text = batch.features["text"].clone()
    text[13] += 1
    later = replace(batch, features=batch.features | {"text": text})
    changed = (model(later) != model(batch)).any(1).nonzero().flatten()
    assert changed.tolist() == list(range(6, 14))
