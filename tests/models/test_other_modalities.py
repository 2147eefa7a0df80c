"""Modalities of other names than text, audio and visual."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ariigcn_dgl.batch import collate
from ariigcn_dgl.data import Dialogues, SynthConfig, is_modality, synthesise
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.run_config import RunConfig


@pytest.fixture(scope="module")
def dialogues() -> Dialogues:
    """Return two dialogues with text and physio."""
    found = synthesise(SynthConfig(train=2, val=1, test=1)).select([0, 1])
    names = {"text": "text", "audio": "physio"}
    return replace(
        found,
        features={new: found.features[old] for old, new in names.items()},
        masks={new: np.ones_like(found.masks[old]) for old, new in names.items()},
    )


@pytest.mark.parametrize("name", [name for name in SYSTEMS if name != "textcnn"])
def test_a_system_reads_a_modality_of_any_name(name: str, dialogues: Dialogues) -> None:
    torch.manual_seed(0)
    model = RunConfig(name).resolved(dialogues).build(dialogues.widths, dialogues.num_classes)
    model.eval()
    shifted = {**dialogues.features, "physio": dialogues.features["physio"] + 1}
    with torch.inference_mode():
        first, second = (
            model(collate(one, [0, 1], model.window))
            for one in (dialogues, replace(dialogues, features=shifted))
        )
    assert first.shape == (dialogues.num_utterances, dialogues.num_classes)
    assert not torch.equal(first, second)


def _module_of(attribute: object) -> str:
    """Return the module of a method; of any other attribute torch's."""
    return getattr(attribute, "__module__", None) or "torch.nn"


def test_no_modality_is_called_as_what_a_table_of_layers_has() -> None:
    table = nn.ModuleDict()
    # Other libraries add methods of their own when they are imported (transformers: smart_apply).
    foreign = {n for n in dir(table) if not _module_of(getattr(table, n)).startswith("torch.")}
    assert {name for name in dir(table) if is_modality(name)} <= foreign
