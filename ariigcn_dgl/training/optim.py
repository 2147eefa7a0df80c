"""What a step of training needs of an optimizer: Adam, learning-rate schedule, moving average."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from ariigcn_dgl.config import TrainingConfig

DISCRIMINATOR_BETAS = (0.5, 0.999)  # usual for GANs: little momentum against a moving opponent
LOWEST_FACTOR = 0.05  # of the learning rate, at the end of the cosine: the last steps train, too

Model = TypeVar("Model", bound=nn.Module)


def adam(parameters: Sequence[nn.Parameter], config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the optimizer of everything but discriminators: Adam, or AdamW on matrices."""
    if not config.decoupled_decay:
        return torch.optim.Adam(
            parameters, config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
    # Biases and the scales of norms are no directions in a space: to shrink them regularises
    # nothing.
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, config.learning_rate, fused=True)


def discriminator_adam(
    parameters: Sequence[nn.Parameter], config: TrainingConfig
) -> torch.optim.Optimizer | None:
    """Return the optimizer of the discriminators; None for a model without any."""
    if not parameters:
        return None
    return torch.optim.Adam(parameters, config.learning_rate, DISCRIMINATOR_BETAS, fused=True)


def lr_factor(step: int, steps: int, warmup_steps: int) -> float:
    """Return the share of the learning rate for a step: linear warm-up times a cosine.

    Parameters
    ----------
    step : int
        Number of steps that were taken before.
    steps : int
        Number of steps in all.
    warmup_steps : int
        Steps until the warm-up is at its end.

    Examples
    --------
    >>> [round(lr_factor(step, steps=8, warmup_steps=2), 3) for step in (0, 1, 4, 8)]
    [0.5, 0.964, 0.525, 0.05]
    """
    warmup = min(1.0, (step + 1) / warmup_steps)  # + 1: the first step is to move something
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return warmup * (LOWEST_FACTOR + (1 - LOWEST_FACTOR) * cosine)


def ema_decay(step: int, largest: float) -> float:
    """Return the decay of the moving average after so many steps, at most `largest`.

    Smaller at first, (1 + n) / (10 + n): a decay of 0.999 would otherwise hold the average near
    the random initial weights for a thousand steps.

    Examples
    --------
    >>> ema_decay(1, 0.9), ema_decay(1000, 0.9)
    (0.18181818181818182, 0.9)
    """
    return min(largest, (1 + step) / (10 + step))  # as TensorFlow's ExponentialMovingAverage


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, decay: float | Tensor) -> None:
    """Move a model's moving average towards it: decay * average + (1 - decay) * weights.

    Parameters
    ----------
    ema, model : nn.Module
        Of the same architecture.
    decay : float or () tensor
        A tensor where a CUDA graph is to read another decay at every replay.
    """
    averages: list[Tensor] = list(ema.parameters())
    weights: list[Tensor] = list(model.parameters())
    if not isinstance(decay, Tensor):
        torch._foreach_lerp_(averages, weights, 1 - decay)
        return
    # _foreach_lerp_ takes a number, or a tensor for each of the weights, but not one for all.
    torch._foreach_sub_(averages, weights)
    torch._foreach_mul_(averages, decay)
    torch._foreach_add_(averages, weights)


def copied(model: Model) -> Model:
    """Return a copy; its recurrent layers are laid out as cuDNN wants them, which copying loses."""
    copy_of = copy.deepcopy(model)
    for layer in copy_of.modules():
        if isinstance(layer, nn.RNNBase):
            layer.flatten_parameters()
    return copy_of
