"""A training step never waits for its device: it runs on the meta device, which has no values.

Whatever needs a value of a tensor there (`item`, a condition, `nonzero`, indexing by a mask, a copy
to the CPU) is an error, as is mixing tensors of both devices: so a step that runs reads nothing.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ariigcn_dgl import transfer
from ariigcn_dgl.batch import Batch, Window, collate
from ariigcn_dgl.batch.fixed_shape import Nodes, Shape, Sizes, padded, rebuilt, tensors_of
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training import optim
from ariigcn_dgl.training.run_config import default_preset, preset_config
from ariigcn_dgl.training.trainer import Learner
from tests.waiting import waiting_is_an_error

pytestmark = pytest.mark.slow  # every system takes steps that are watched

# Settings under which systems take other ways through the code than their published ones do.
VARIANTS = [
    *((name, {}) for name in SYSTEMS if name != "ariigcn"),
    ("ariigcn", {"sccl_weight": 0.8}),
    ("ariigcn", {"speaker_relative": ("text", "audio"), "causal": True}),
    ("bc-lstm", {"modalities": "hierarchical", "bidirectional": False, "attention": True}),
    ("bc-lstm", {"modalities": "projected", "fusion": "tfn", "fusion_dim": 4}),
    ("bigru", {"causal": True}),
    ("dialogue-gcn", {"recurrent": "gru"}),
    ("dialogue-rnn", {"listener": True, "bidirectional": False}),
    ("textcnn", {"vector_as": "numbers"}),
]
each_variant = pytest.mark.parametrize(("system", "changes"), VARIANTS, ids=str)
PARTS = {"adversarial": "alternate", "iccl_weight": 0.1, "imcl_weight": 0.1}
PRESETS = [
    ("tuned", {}),
    ("graph", {}),
    ("graph", {"cross_modal": "window", "instance_weight": 0.1}),
]
ADVERSARIAL = [
    ("tuned", PARTS),
    ("paper", {}),
    ("graph", PARTS | {"gan_paired": True, "prediction_weight": 0.1}),
]


# A step of every preset, and of those with a GAN the GAN's alone, too.
STEPS = [(*one, "update") for one in PRESETS + ADVERSARIAL]
STEPS += [(*one, "adversarial_update") for one in ADVERSARIAL]
each_step = pytest.mark.parametrize(("preset", "changes", "update"), STEPS, ids=str)


class Copies(TorchDispatchMode):
    """Counts copies from the CPU to the device."""

    count = 0

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        out = call(*args, **(kwargs or {}))
        if call is torch.ops.aten._to_copy.default:
            self.count += (args[0].device.type, out.device.type) == ("cpu", "meta")
        return out


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note each call of `send` that packs a buffer: the copies that nobody waits for."""
    calls, original = [], transfer.pack
    monkeypatch.setattr(
        transfer, "pack", lambda *args, **kw: calls.append(1) or original(*args, **kw)
    )
    return calls


def batch_on_device(dialogues: Dialogues, window: Window) -> Batch:
    """Return dialogues with unlabelled utterances and missing modalities."""
    found = collate(dialogues, [0, 1, 2], window)
    assert not found.labelled.all()
    assert not all(mask.all() for mask in found.masks.values())
    return found.to("meta")


def learner_of(
    system: str, preset: str, changes: dict, dialogues: Dialogues, device: str
) -> Learner:
    """Return what trains a model on a device, with weights of the classes."""
    kind, config = SYSTEMS[system], preset_config(system, preset)
    settings = kind.resolved(replace(config.model, **changes), dialogues)
    model = kind(dialogues.widths, dialogues.num_classes, settings).to(device)
    weight = torch.ones(dialogues.num_classes, device=device)
    return Learner(model, config.training, 4, 2, weight)


@pytest.fixture
def plain_adam(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the fused form of Adam, which the meta device has not."""
    for kind in (torch.optim.Adam, torch.optim.AdamW):

        def plain(*args, fused, kind=kind, **kwargs):
            return kind(*args, **kwargs)

        monkeypatch.setattr(optim.torch.optim, kind.__name__, plain)


def check_step(learner: Learner, update: str, dialogues: Dialogues, sent: list[int]) -> None:
    """Take a step on the meta device; only `send` may copy to it."""
    batch = batch_on_device(dialogues, learner.model.window)
    sent.clear()
    with Copies() as copies:
        terms = learner.step(getattr(learner, update), batch)
    assert {term.device.type for term in terms.values()} == {"meta"}
    assert copies.count == len(sent)


def test_batch_travels_in_two_copies(dialogues: Dialogues, sent: list[int]):
    with Copies() as copies:
        collate(dialogues, [0, 1], preset_config("ariigcn", "tuned").model.window).to("meta")
    assert (copies.count, len(sent)) == (2, 2)


@each_step
@pytest.mark.usefixtures("plain_adam")
def test_training_step_does_not_wait(preset, changes, update, dialogues, sent):
    learner = learner_of("ariigcn", preset, changes, dialogues, "meta")
    check_step(learner, update, dialogues, sent)


@each_variant
@pytest.mark.usefixtures("plain_adam")
def test_training_step_of_no_system_waits(system, changes, dialogues, sent):
    learner = learner_of(system, default_preset(system), changes, dialogues, "meta")
    check_step(learner, "update", dialogues, sent)


@each_step
@pytest.mark.usefixtures("plain_adam")
def test_update_on_a_fixed_shape_takes_all_from_its_batch(preset, changes, update, dialogues):
    learner = learner_of("ariigcn", preset, changes, dialogues, "meta")
    batch = collate(dialogues, [0, 1, 2], learner.model.window)
    shape = Shape.holding(Sizes.of(batch), Nodes.of(batch), dialogues=4)
    fixed = padded(batch, shape)
    tensors = [x.to("meta") for x in tensors_of(fixed)]
    with Copies() as copies:
        terms = getattr(learner, update)(rebuilt(fixed, tensors))
    assert {term.device.type for term in terms.values()} == {"meta"}
    assert copies.count == 0


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    ("system", "preset", "changes"),
    [
        *(("ariigcn", *one) for one in PRESETS + ADVERSARIAL),
        *((name, default_preset(name), changes) for name, changes in VARIANTS),
    ],
    ids=str,
)
def test_training_step_on_a_gpu_does_not_wait(system, preset, changes, dialogues):
    learner = learner_of(system, preset, changes, dialogues, "cuda")
    batch = collate(dialogues, [0, 1, 2], learner.model.window)
    learner.train_step(batch.to("cuda"))  # libraries may wait when they start
    with waiting_is_an_error():
        terms = learner.train_step(batch.to("cuda"))
    assert all(term.isfinite() for term in terms.values())


def test_the_device_of_this_test_refuses_to_be_waited_for():
    x = torch.ones(3, device="meta")
    for wait in (lambda: x.sum().item(), lambda: bool(x.sum()), lambda: x.nonzero(), x.cpu):
        with pytest.raises((NotImplementedError, RuntimeError)):
            wait()
    for wait in (lambda: x[x > 0], lambda: torch.bincount(x.long()), lambda: x + torch.ones(3)):
        with pytest.raises((NotImplementedError, RuntimeError)):
            wait()
