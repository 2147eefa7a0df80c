"""One training step at a time: optimisers, schedule, gradient clipping, moving average."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from operator import add

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.errors import InputError

ADVERSARY_BETAS = (0.5, 0.999)  # usual for GANs: little momentum against a moving opponent
LOWEST_RATE = 0.05  # of the learning rate, at the end of the cosine

Update = Callable[[Batch], dict[str, Tensor]]


class Optimiser:
    """Trains a model batch by batch: discriminators first, then everything else.

    Steps return their losses where they were computed: to read them is to wait for the device.

    Parameters
    ----------
    model : nn.Module
        With `losses`, and where it has a GAN `discriminator_loss`, `discriminator_parameters`.
    config : TrainingConfig
    batches_per_epoch, epochs : int
        For the learning-rate schedule; epochs count those of the TGAN alone.
    class_weight : (C,) tensor or None
    recorded : bool
        What changes from step to step is kept in tensors, so that a recording of a step serves
        every step; see `ariigcn_dgl.training.recorded_step`.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainingConfig,
        batches_per_epoch: int,
        epochs: int,
        class_weight: Tensor | None,
        recorded: bool = False,
    ) -> None:
        self.model = model
        self.config = config
        self.batches_per_epoch = batches_per_epoch
        self.steps = batches_per_epoch * epochs
        self.class_weight = class_weight
        adversary = list(model.discriminator_parameters())
        owned = {id(p) for p in adversary}
        self.parameters = [p for p in model.parameters() if id(p) not in owned]
        self.adversary = adversary
        self.main = _adam(self.parameters, config)
        self.against = (
            torch.optim.Adam(adversary, config.learning_rate, ADVERSARY_BETAS, fused=True)
            if adversary
            else None
        )
        device = self.parameters[0].device
        self.rate = torch.zeros((), device=device) if recorded else 0.0
        self.keep = torch.zeros((), device=device) if recorded else 0.0
        self.average = copied(model).requires_grad_(False)
        self.step_count = 0

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on Eq. 17 (and the TGAN, where it alternates); return the loss terms."""
        return self.step(self.update, batch)

    def adversarial_step(self, batch: Batch) -> dict[str, Tensor]:
        """Train the TGAN alone: discriminators, then generators and encoders (Eq. 2-7)."""
        return self.step(self.adversarial_update, batch)

    def step(self, update: Update, batch: Batch) -> dict[str, Tensor]:
        """Take one step of the schedule by an update of the weights."""
        self._set_rates()
        terms = update(batch)
        self.step_count += 1
        return terms

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Do what `train_step` does on the device."""
        terms = {}
        if self.against is not None and self.model.config.adversarial == "alternate":
            terms["discriminator"] = self._discriminate(batch)
        with self._autocast():
            losses = self.model.losses(batch, self.class_weight)
        self._descend(self.main, self.parameters, losses)
        self._follow()
        return {name: loss.detach() for name, loss in losses.items()} | terms

    def adversarial_update(self, batch: Batch) -> dict[str, Tensor]:
        """Do what `adversarial_step` does on the device."""
        terms = {"discriminator": self._discriminate(batch)}
        with self._autocast():
            loss = self.model.generator_loss(batch)
        self._descend(self.main, self.parameters, {"generator": loss})
        self._follow()
        return {"generator": loss.detach()} | terms

    def _discriminate(self, batch: Batch) -> Tensor:
        with self._autocast():
            loss = self.model.discriminator_loss(batch)
        self._descend(self.against, self.adversary, {"discriminator": loss})
        return loss.detach()

    def _autocast(self) -> AbstractContextManager:
        if not self.config.amp:
            return nullcontext()
        return torch.autocast(self.parameters[0].device.type, torch.bfloat16)

    def _descend(
        self,
        optimiser: torch.optim.Optimizer,
        parameters: list[nn.Parameter],
        losses: dict[str, Tensor],
    ) -> None:
        self.model.zero_grad(set_to_none=True)
        sum(losses.values()).backward(inputs=parameters)  # the opponent's are not wanted
        nn.utils.clip_grad_norm_(parameters, self.config.grad_clip)
        capturing = self.parameters[0].is_cuda and torch.cuda.is_current_stream_capturing()
        for group in optimiser.param_groups:
            group["lr"], group["capturable"] = self.rate, capturing
        optimiser.step()

    def _set_rates(self) -> None:
        taken = self.step_count + 1
        early = (1 + taken) / (10 + taken)  # follow closely at first
        rates = {
            "rate": self.config.learning_rate * self._share_of_rate(),
            "keep": min(self.config.ema_decay, early),
        }
        for name, value in rates.items():
            if isinstance(getattr(self, name), Tensor):
                getattr(self, name).fill_(value)
            else:
                setattr(self, name, value)

    def _share_of_rate(self) -> float:
        if not self.config.cosine:
            return 1.0
        warm = min(1.0, (self.step_count + 1) / self.batches_per_epoch)
        cosine = 0.5 * (1 + math.cos(math.pi * self.step_count / self.steps))
        return warm * (LOWEST_RATE + (1 - LOWEST_RATE) * cosine)

    @torch.no_grad()
    def _follow(self) -> None:
        averages, values = list(self.average.parameters()), list(self.model.parameters())
        if not isinstance(self.keep, Tensor):
            torch._foreach_lerp_(averages, values, 1 - self.keep)
            return
        torch._foreach_sub_(averages, values)
        torch._foreach_mul_(averages, self.keep)
        torch._foreach_add_(averages, values)

    def state_dict(self) -> dict:
        """Return everything that training goes on from."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "main": self.main.state_dict(),
            "against": None if self.against is None else self.against.state_dict(),
            "step_count": self.step_count,
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from what `state_dict` returned."""
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.main.load_state_dict(state["main"])
        if self.against is not None:
            self.against.load_state_dict(state["against"])
        self.step_count = state["step_count"]


def copied(model: nn.Module) -> nn.Module:
    """Return a copy; its recurrent layers are laid out as cuDNN wants them, which copying loses."""
    copy_of = copy.deepcopy(model)
    for layer in copy_of.modules():
        if isinstance(layer, nn.RNNBase):
            layer.flatten_parameters()
    return copy_of


def _adam(parameters: list[nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer:
    if not config.decoupled_decay:
        return torch.optim.Adam(
            parameters, config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, config.learning_rate, fused=True)


def run_epoch(batches: Iterable[Batch], step: Update, first_step: int = 0) -> dict[str, float]:
    """Take a step on every batch; return the mean of each loss term.

    Parameters
    ----------
    batches : iterable of Batch
    step : callable
        Returns the loss terms of a batch, always the same ones; they are read after the last batch.
    first_step : int
        Number of steps before, for the message.

    Raises
    ------
    InputError
        If a loss was not finite.
    """
    taken = [step(batch) for batch in batches]
    terms = {name: torch.stack([t[name] for t in taken]).tolist() for name in taken[0]}
    _check_finite(terms, first_step)
    return {name: reduce(add, values) / len(taken) for name, values in terms.items()}


def _check_finite(terms: dict[str, list[float]], first_step: int) -> None:
    names = sorted(terms, key="discriminator".__ne__)  # which trains first in a step
    for step, values in enumerate(zip(*(terms[name] for name in names), strict=True), first_step):
        for name, value in zip(names, values, strict=True):
            if not math.isfinite(value):
                raise InputError(
                    f"training diverged: the {name} loss is {value} at step {step}; lower "
                    "--training.learning_rate or the weight of this loss"
                )
