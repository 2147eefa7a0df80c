"""Probabilities of every system, on another device than the CPU."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.predict import predict
from ariigcn_dgl.training.run_config import default_preset, preset_config
from tests.elsewhere import elsewhere


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_predicts_the_same_on_another_device(
    system: str, dialogues: Dialogues
) -> None:
    config = preset_config(system, default_preset(system)).resolved(dialogues)
    torch.manual_seed(0)
    model = config.build(dialogues.widths, dialogues.num_classes)
    with elsewhere() as device:
        found = predict(copy.deepcopy(model).to(device), dialogues)
    np.testing.assert_allclose(found, predict(model, dialogues), atol=1e-5)
