"""bc-LSTM: published sizes, its parts in order, causality, forms of input."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.models import SYSTEMS, BcLSTM, BcLSTMConfig
from ariigcn_dgl.nn import FUSIONS

WIDTHS = {"text": 6, "audio": 4}
SMALL = BcLSTMConfig(hidden_dim=5, head_dim=4, fusion_dim=3)


def make(config: BcLSTMConfig) -> BcLSTM:
    torch.manual_seed(0)
    return BcLSTM(WIDTHS, 3, config).double().eval()


def changed_rows(model: BcLSTM, batch: Batch, name: str, rows: list[int]) -> list[int]:
    features = batch.features[name].clone()
    features[rows] += 1
    later = replace(batch, features=batch.features | {name: features})
    return (model(later) != model(batch)).any(1).nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("name", "parameters"), [("bc-lstm", 503_906), ("bc-lstm-att", 503_906 + 200 * 200 + 200)]
)
def test_published_size(name: str, parameters: int):
    """Text and audio of 100 each; by hand: 2 x 241,600 of the LSTM, 20,100 and 606 of the head."""
    system = SYSTEMS[name]
    with torch.device("meta"):
        model = system({"text": 100, "audio": 100}, 6, system.Config())
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("attention", [True, False])
@torch.no_grad()
def test_is_lstm_attention_and_classifier_on_each_dialogue(batch: Batch, attention: bool):
    model = make(replace(SMALL, attention=attention))
    audio = batch.features["audio"] * batch.masks["audio"].unsqueeze(1)
    features = torch.cat([batch.features["text"], audio], dim=1)
    expected = []
    for part in features.split(batch.lengths.tolist()):
        states = model.dialogue.lstm(part)[0]
        if attention:
            states = (model.attention.query(states) @ states.T).softmax(1) @ states
        expected.append(model.head(states))
    torch.testing.assert_close(model(batch), torch.cat(expected), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("modalities", ["features", "projected", "hierarchical"])
@torch.no_grad()
def test_one_direction_ignores_what_comes_later(batch: Batch, modalities: str):
    config = replace(SMALL, bidirectional=False, attention=True, modalities=modalities)
    assert changed_rows(make(config), batch, "text", [10, 11, 12, 13]) == [10, 11, 12, 13]


@pytest.mark.parametrize("modalities", ["features", "projected", "hierarchical"])
@torch.no_grad()
def test_both_directions_see_all_of_the_dialogue(batch: Batch, modalities: str):
    model = make(replace(SMALL, modalities=modalities))
    assert changed_rows(model, batch, "audio", [13]) == list(range(6, 14))


@pytest.mark.parametrize("modalities", ["projected", "hierarchical"])
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("names", [["text"], ["text", "audio"]])
def test_every_fusion_trains_every_parameter(
    batch: Batch, modalities: str, fusion: str, names: list[str]
):
    config = replace(SMALL, modalities=modalities, fusion=fusion)
    model = BcLSTM({name: WIDTHS[name] for name in names}, 3, config).double()
    model.losses(batch)["classification"].backward()
    assert all((p.grad != 0).any() for p in model.parameters())


@torch.no_grad()
def test_projected_modalities_are_fused_by_what_the_setting_says(batch: Batch):
    model = make(replace(SMALL, modalities="projected", fusion="add"))
    text, audio = (model.inputs.maps[name](batch.features[name]) for name in WIDTHS)
    expected = text + audio * batch.masks["audio"].unsqueeze(1)
    torch.testing.assert_close(model.inputs(batch), expected)


@torch.no_grad()
def test_hierarchical_modalities_are_read_apart_then_together(batch: Batch):
    model = make(replace(SMALL, modalities="hierarchical"))
    assert model.dialogue.lstm.num_layers == 1
    assert [x.lstm.num_layers for x in model.inputs.lstms.values()] == [2, 2]
    text = model.inputs.lstms["text"](batch.features["text"], batch.lengths)
    assert model.inputs(batch)[:, :10].equal(text)
    assert model.inputs(batch).shape == (17, 20)
