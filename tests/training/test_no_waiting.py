"""A training step never waits for its device: it runs on the meta device, which has no values.

Whatever needs a value of a tensor there (`item`, a condition, `nonzero`, indexing by a mask, a copy
to the CPU) is an error, as is mixing tensors of both devices: so a step that runs reads nothing.
"""

from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ariigcn_dgl import transfer
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.batching import Batch, Window, collate
from ariigcn_dgl.models import ARIIGCN
from ariigcn_dgl.training import optimise
from ariigcn_dgl.training.optimise import Optimiser
from ariigcn_dgl.training.presets import preset_config


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


def prepared(preset: str, dialogues: Dialogues, monkeypatch: pytest.MonkeyPatch) -> Optimiser:
    """Return a model's optimiser on the meta device, where Adam has no fused form."""
    for kind in (torch.optim.Adam, torch.optim.AdamW):

        def plain(*args, fused, kind=kind, **kwargs):
            return kind(*args, **kwargs)

        monkeypatch.setattr(optimise.torch.optim, kind.__name__, plain)
    config = preset_config("ariigcn", preset).resolved(dialogues)
    model = ARIIGCN(dialogues.widths, dialogues.num_classes, config.model).to("meta")
    weight = torch.ones(dialogues.num_classes, device="meta")
    return Optimiser(model, config.training, 4, 2, weight)


def test_batch_travels_in_two_copies(dialogues: Dialogues, sent: list[int]):
    with Copies() as copies:
        collate(dialogues, [0, 1], preset_config("ariigcn", "tuned").model.window).to("meta")
    assert (copies.count, len(sent)) == (2, 2)


@pytest.mark.parametrize("preset", ["tuned", "tuned-meld", "paper"])
@pytest.mark.parametrize("step", ["train_step", "adversarial_step"])
def test_training_step_does_not_wait(preset, step, dialogues, sent, monkeypatch):
    optimiser = prepared(preset, dialogues, monkeypatch)
    batch = batch_on_device(dialogues, optimiser.model.window)
    sent.clear()
    with Copies() as copies:
        terms = getattr(optimiser, step)(batch)
    assert {term.device.type for term in terms.values()} == {"meta"}
    assert copies.count == len(sent)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("preset", ["tuned", "tuned-meld", "paper"])
def test_training_step_on_a_gpu_does_not_wait(preset: str, dialogues: Dialogues):
    config = preset_config("ariigcn", preset).resolved(dialogues)
    model = ARIIGCN(dialogues.widths, dialogues.num_classes, config.model).to("cuda")
    optimiser = Optimiser(model, config.training, 4, 2, None)
    batch = collate(dialogues, [0, 1, 2], model.window)
    optimiser.train_step(batch.to("cuda"))  # libraries may wait when they start
    torch.cuda.set_sync_debug_mode("error")
    try:
        terms = optimiser.train_step(batch.to("cuda"))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(term.isfinite() for term in terms.values())


def test_the_device_of_this_test_refuses_to_be_waited_for():
    x = torch.ones(3, device="meta")
    for wait in (lambda: x.sum().item(), lambda: bool(x.sum()), lambda: x.nonzero(), x.cpu):
        with pytest.raises((NotImplementedError, RuntimeError)):
            wait()
    for wait in (lambda: x[x > 0], lambda: torch.bincount(x.long()), lambda: x + torch.ones(3)):
        with pytest.raises((NotImplementedError, RuntimeError)):
            wait()
