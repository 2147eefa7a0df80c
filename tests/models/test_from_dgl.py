"""AR-IIGCN trained on DGL's graphs alone has the numbers of the package's own batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ariigcn_dgl import dgl
from ariigcn_dgl.batch import Batch, DialogueGraphDataset, Window, batch_from_dgl, collate
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues, SynthConfig, SynthModality, synthesise
from ariigcn_dgl.models import ARIIGCN, ARIIGCNConfig
from ariigcn_dgl.training.trainer import Learner

CHOSEN = [[0, 3], [2, 1, 4], [5]]


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    modality = SynthModality(6, strength=1.4, trait=0.3, drift=0.1, missing=0.2)
    sizes = {"train": 6, "val": 1, "test": 1, "length_mean": 6, "length_min": 3}
    return synthesise(SynthConfig(**sizes, text=modality, audio=modality, visual=modality))


def config_of(cross_modal: str) -> ARIIGCNConfig:
    return ARIIGCNConfig(
        hidden_dim=8,
        head_dim=8,
        window=Window(3, 2),
        context="gru",
        residual="norm",
        cross_modal=cross_modal,
        adversarial="alternate",
        auxiliary_weight=0.3,
    )


def trained(dialogues: Dialogues, config: ARIIGCNConfig, batches: Iterator[Batch]) -> list[Tensor]:
    """Return a model's weights after a step on each batch."""
    torch.manual_seed(0)
    model = ARIIGCN(dialogues.widths, dialogues.num_classes, config)
    learner = Learner(model, TrainingConfig(learning_rate=0.01), len(CHOSEN), epochs=1)
    for batch in batches:
        learner.train_step(batch)
    return [p.detach() for p in model.parameters()]


@pytest.mark.parametrize("cross_modal", ["none", "utterance", "window"])
def test_dgl_graphs_alone_train_the_same_model(dialogues: Dialogues, cross_modal: str):
    config = config_of(cross_modal)
    model = ARIIGCN(dialogues.widths, dialogues.num_classes, config)
    own = (collate(dialogues, chosen, model.window) for chosen in CHOSEN)
    dataset = DialogueGraphDataset(dialogues, config.window, cross_modal=cross_modal)
    sampler = torch.utils.data.DataLoader(CHOSEN, batch_size=None)
    loader = (dgl.batch([dataset[b] for b in chosen]) for chosen in sampler)
    theirs = (batch_from_dgl(g, dataset.window) for g in loader)
    for a, b in zip(
        trained(dialogues, config, own), trained(dialogues, config, theirs), strict=True
    ):
        assert a.equal(b)


def test_dgls_own_loader_gives_batches_for_the_model(dialogues: Dialogues):
    dataset = DialogueGraphDataset(dialogues, cross_modal="window")
    loader = dgl.dataloading.GraphDataLoader(dataset, batch_size=3)
    config = replace(config_of("window"), window=Window())
    model = ARIIGCN(dialogues.widths, dialogues.num_classes, config).eval()
    batch = batch_from_dgl(next(iter(loader)), dataset.window)
    expected = collate(dialogues, [0, 1, 2], model.window)
    assert model(batch).equal(model(expected))


def test_a_missing_modality_is_a_missing_node(dialogues: Dialogues):
    dataset, missing = DialogueGraphDataset(dialogues, cross_modal="utterance"), 0
    for b, g in enumerate(dataset):
        for name, mask in dialogues.masks.items():
            there = mask[dialogues.rows(b)]
            assert g.num_nodes(name) == there.sum()
            missing += g.num_nodes("utterance") - g.num_nodes(name)
    assert missing == sum(int((~mask).sum()) for mask in dialogues.masks.values()) > 0
