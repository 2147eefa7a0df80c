"""Layers of an exported program against those they stand for, on whole models without training."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ariigcn_dgl.batch import Batch, Window, collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.export.dense import Band, DenseBatch
from ariigcn_dgl.export.dense import Sequences as DenseSequences
from ariigcn_dgl.export.twins import exchange
from ariigcn_dgl.graph import Graph, speaker_numbers, speaker_threads
from ariigcn_dgl.models import SYSTEMS, System
from tests.export.conftest import SMALL

EXPORTABLE = [name for name, kind in SYSTEMS.items() if kind.exportable]
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in EXPORTABLE),
    ("ariigcn", {"window": Window(2, 4, "speaker"), "context": "gru"}),
    ("ariigcn", {"window": Window(2, 1, "party"), "residual": "norm", "graph_blocks": 2}),
    ("ariigcn", {"window": Window(3, 3, "none"), "second_norm": "sum", "graph_norm": "none"}),
    ("ariigcn", {"window": Window(3, 3, "speaker", 2, (1, 2)), "second_norm": "symmetric"}),
    ("ariigcn", {"window": Window(3, 3, "none", 2, (1,)), "residual": "none"}),
    ("ariigcn", {"window": Window(3, 0), "causal": True, "context": "gru"}),
    ("ariigcn", {"window": Window(3, 0), "causal": True, "speaker_relative": ("audio",)}),
    ("ariigcn", {"speaker_relative": ("audio", "text"), "auxiliary_weight": 1.0}),
    ("ariigcn", {"graph": False, "fusion": "tfn"}),
    ("ariigcn", {"feed_graph": "sum", "gan_real": "projected"}),
    ("textcnn", {"vector_as": "numbers"}),
    ("bigru", {"causal": True, "num_layers": 3}),
    ("bc-lstm", {"modalities": "hierarchical", "fusion": "lfm"}),
    ("bc-lstm-att", {"bidirectional": False}),
    ("dialogue-gcn", {"nodal_attention": True, "recurrent": "gru"}),
]


def make(name: str, dialogues: Dialogues, settings: dict[str, Any]) -> System:
    torch.manual_seed(0)
    kind = SYSTEMS[name]
    config = replace(kind.Config(), **(SMALL[name] | settings))
    model = kind(dialogues.widths, dialogues.num_classes, config)
    for parameter in model.parameters():  # biases begin at 0, and would hide what is done to them
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def dense(batch: Batch, window: Window) -> DenseBatch:
    assert batch.lengths is not None
    return DenseBatch.of(window, batch.features, batch.masks, batch.speakers, batch.lengths)


@pytest.mark.parametrize(
    ("name", "settings"), VARIANTS, ids=lambda x: x if isinstance(x, str) else "-".join(x)
)
@torch.no_grad()
def test_exchanged_model_gives_the_same_logits(
    name: str, settings: dict[str, Any], dialogues: Dialogues
) -> None:
    model = make(name, dialogues, settings)
    batch = collate(dialogues, np.arange(dialogues.num_dialogues), model.window)
    found = exchange(deepcopy(model))(dense(batch, model.window))
    torch.testing.assert_close(found, model(batch), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "window",
    [
        Window(2, 1),
        Window(0, 3, "pairs", 4),
        Window(3, 3, "party", 2, (1, 2)),
        Window(1, 1, "none"),
        Window(0, 0, "speaker"),
    ],
)
def test_band_has_the_edges_of_the_graph(window: Window) -> None:
    lengths, speakers = torch.tensor([4, 1, 5]), torch.tensor([7, 2, 7, 9, 2, 4, 4, 1, 0, 4])
    graph = window.graph(lengths, speakers)
    member = torch.repeat_interleave(torch.eye(3), lengths, 0)
    band = Band.of(window, speakers, DenseSequences(member))
    target, place = band.exists.nonzero(as_tuple=True)
    found = torch.stack([band.sources[target, place], target, band.etypes[target, place]])
    wanted = torch.stack([graph.src, graph.dst, graph.etypes])
    assert sorted(found.T.tolist()) == sorted(wanted.T.tolist())


def test_dense_batch_has_the_threads_and_numbers_of_the_graph() -> None:
    lengths, speakers = torch.tensor([3, 3]), torch.tensor([5, 1, 5, 1, 5, 1])
    batch = DenseBatch.of(Window(), {}, {}, speakers, lengths)
    wanted = speaker_threads(speakers, lengths)
    same = batch.thread == batch.thread.unsqueeze(1)
    assert torch.equal(same, wanted == wanted.unsqueeze(1))
    assert speaker_numbers(speakers, lengths).tolist() == [0, 1, 0, 0, 1, 0]


def test_graph_of_the_tests_has_edges_in_every_relation() -> None:
    graph = Graph.from_dialogues(torch.tensor([5]), torch.tensor([0, 1, 0, 1, 1]))
    assert set(graph.etypes.tolist()) == {0, 1, 2, 3, 4}
