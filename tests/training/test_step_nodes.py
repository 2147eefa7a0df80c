"""How many kernels a training step of AR-IIGCN launches: what a captured step has as nodes.

Counted on the meta device, on which each operator is what it is on CUDA but for a few, named below.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ariigcn_dgl.batch import collate
from ariigcn_dgl.batch.fixed_shape import Nodes, Shape, Sizes, padded, rebuilt, tensors_of
from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.models import ARIIGCN
from ariigcn_dgl.training.run_config import preset_config
from ariigcn_dgl.training.trainer import Learner

PARTS = {"adversarial": "alternate", "iccl_weight": 0.1, "imcl_weight": 0.1}
THREE = "text", "audio", "visual"
TWO = THREE[:2]
# They only look at memory, or get it.
VIEWS = {
    *("_unsafe_view", "alias", "as_strided", "detach", "expand", "lift_fresh", "permute", "select"),
    *("slice", "split", "split_with_sizes", "squeeze", "t", "transpose", "unbind", "unsqueeze"),
    *("view", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"),
}
# The meta device has dropout in three operators, CUDA in one; a scalar is no kernel there.
NOT_ON_CUDA = {"bernoulli_", "div_", "scalar_tensor"}
# Optimizers name themselves to the profiler.
NAMES = {"_record_function_enter_new", "_record_function_exit"}
# What is of all parameters at once there, of each one alone here: fused optimizers (of weights with
# and without decay, and of the discriminators) and their gradients' norms.
OPTIMIZERS, CLIPPING = 3, 2 * 8


class GraphNodes(TorchDispatchMode):
    """Counts operators by name."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        name = call.name().split("::")[1].split(".")[0]
        if name not in VIEWS | NOT_ON_CUDA | NAMES:
            self.names[name] += 1
        return call(*args, **(kwargs or {}))


@pytest.mark.slow  # models of the presets' size
@pytest.mark.parametrize(
    ("preset", "parts", "modalities", "most"),
    [
        ("tuned", {}, TWO, 250),  # IEMOCAP and MELD
        ("tuned", {}, THREE, 265),
        ("graph", {}, TWO, 202),
        ("tuned", PARTS, TWO, 398),
    ],
    ids=["tuned", "three modalities", "graph", "all parts"],
)
def test_a_step_has_few_nodes(
    monkeypatch, preset: str, parts: dict, modalities: tuple[str, ...], most: int
):
    config = preset_config("ariigcn", preset)
    dialogues = synthesise(SynthConfig()).with_modalities(modalities)
    settings = replace(config.model, **parts)
    model = ARIIGCN(dialogues.widths, dialogues.num_classes, settings).to("meta")
    for kind in (torch.optim.Adam, torch.optim.AdamW):  # the meta device has no fused form
        monkeypatch.setattr(
            torch.optim, kind.__name__, lambda *x, fused, kind=kind, **y: kind(*x, **y)
        )
        monkeypatch.setattr(kind, "step", lambda self: None)
    monkeypatch.setattr(nn.utils, "clip_grad_norm_", lambda *x: None)
    learner = Learner(model, config.training, 4, 2, capturable=True)
    batch = collate(dialogues, [0, 1, 2], model.window)
    shape = Shape.holding(Sizes.of(batch), Nodes.of(batch), dialogues=4)
    fixed = padded(batch, shape)
    batch = rebuilt(fixed, [x.to("meta") for x in tensors_of(fixed)])
    with GraphNodes() as nodes:
        learner.update(batch)
    assert nodes.names.total() + OPTIMIZERS + CLIPPING <= most, nodes.names.most_common()
