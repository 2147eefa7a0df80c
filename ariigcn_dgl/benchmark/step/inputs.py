"""A batch of dialogues with a data set's sizes, and the model and training chosen for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, collate
from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.data.synth_config import IEMOCAP_LIKE, MELD_LIKE
from ariigcn_dgl.models import ARIIGCN
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.training.losses import total
from ariigcn_dgl.training.optim import copied
from ariigcn_dgl.training.run_config import RunConfig, preset_config
from ariigcn_dgl.training.trainer import Learner

MODALITIES = ("text", "audio")
WIDTHS = {"text": 384, "audio": 55}  # of a sentence encoder, and of functionals of speech
STEPS = 1000  # of the learning rate's schedule


@dataclass(frozen=True)
class StepShape:
    """Dialogues of a batch, what they are like, and the settings chosen for such data."""

    dialogues: int
    like: SynthConfig
    preset: str


SHAPES = {
    "iemocap": StepShape(8, IEMOCAP_LIKE, "tuned"),
    "meld": StepShape(32, MELD_LIKE, "tuned-meld"),
}


@dataclass(frozen=True)
class StepInputs:
    """A batch on a device, and the model to train, as it is before the first step."""

    batch: Batch
    model: ARIIGCN
    config: RunConfig

    def learner(self, capturable: bool = False) -> Learner:
        """Return what trains a copy of the model, so that every peer starts from the same one."""
        model = copied(self.model)
        return Learner(model, self.config.training, STEPS, 1, capturable=capturable)


def draw_step(shape: StepShape, dtype: torch.dtype, device: torch.device) -> StepInputs:
    """Return a step's inputs; bfloat16 is mixed precision, as in training."""
    sizes = {name: replace(getattr(shape.like, name), width=WIDTHS[name]) for name in MODALITIES}
    like = replace(shape.like, train=shape.dialogues, val=1, test=1, **sizes)
    dialogues = synthesise(like).with_modalities(MODALITIES)
    config = preset_config("ariigcn", shape.preset).resolved(dialogues)
    amp = dtype == torch.bfloat16
    config = replace(config, training=replace(config.training, amp=amp))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = ARIIGCN(dialogues.widths, dialogues.num_classes, config.model)
    stored = torch.float32 if amp else dtype
    batch = with_dtype(collate(dialogues, range(shape.dialogues), model.window), stored)
    return StepInputs(batch.to(device), model.to(device, stored), config)


def with_dtype(batch: Batch, dtype: torch.dtype) -> Batch:
    """Return the batch with features of another type, on the CPU's side, too."""
    host = None if batch.host is None else with_dtype(batch.host, dtype)
    features = {name: x.to(dtype) for name, x in batch.features.items()}
    return replace(batch, features=features, host=host)


def loss_and_gradient(inputs: StepInputs, model: ARIIGCN) -> list[Tensor]:
    """Return the losses of one step without dropout, (2,), and their gradient, (parameters,).

    The two losses are the discriminators' and that of everything else.
    """
    model = copied(model)
    for layer in model.modules():
        if isinstance(layer, Dropout | torch.nn.Dropout):
            layer.p = 0.0
    discriminators = list(model.discriminator_parameters())
    theirs = {id(p) for p in discriminators}
    others = [p for p in model.parameters() if id(p) not in theirs]
    amp = inputs.config.training.amp
    with torch.autocast(others[0].device.type, torch.bfloat16, enabled=amp):
        discriminator_loss = model.discriminator_loss(inputs.batch)
        loss = total(model.losses(inputs.batch).values())
    grads = [
        *torch.autograd.grad(loss, others, materialize_grads=True),
        *torch.autograd.grad(discriminator_loss, discriminators, materialize_grads=True),
    ]
    losses = torch.stack([discriminator_loss.detach().double(), loss.detach().double()])
    return [losses, torch.cat([grad.flatten().double() for grad in grads])]
