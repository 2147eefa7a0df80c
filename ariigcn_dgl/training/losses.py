"""Losses of an epoch: their means, and whether the training diverged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor

from ariigcn_dgl.distributed import summed
from ariigcn_dgl.errors import InputError

FAR = 2.0  # times the loss of a guess; a short training's first epoch may be a little above it


def mean_losses(losses: Sequence[Mapping[str, Tensor]], first_step: int = 0) -> dict[str, float]:
    """Return the mean of each loss over the steps of an epoch, the shares of processes added.

    Parameters
    ----------
    losses : sequence of dict of str to () tensor
        Of each step, always the same names. They are read here, at once: to read one of them in
        its step would be to wait for the device there.
    first_step : int
        Number of steps before, for the message.

    Raises
    ------
    InputError
        If a loss was not finite.

    Examples
    --------
    >>> mean_losses([{"classification": torch.tensor(x)} for x in (1.0, 2.0)])
    {'classification': 1.5}
    """
    values = {name: of_steps.tolist() for name, of_steps in of_all(losses).items()}
    _check_finite(values, first_step)
    # Not sum(): since Python 3.12 it compensates, and the means would depend on the interpreter.
    return {name: reduce(add, of_steps) / len(losses) for name, of_steps in values.items()}


def of_all(losses: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return each loss of steps, (steps,), the shares of processes added; all call it together."""
    stacked = {name: torch.stack([step[name] for step in losses]) for name in losses[0]}
    return {name: summed(of_steps) for name, of_steps in stacked.items()}


def total(losses: Iterable[Tensor]) -> Tensor:
    """Return the sum of one or more losses, of which no gradient is lost.

    Examples
    --------
    >>> total([torch.tensor(1.0), torch.tensor(2.0)])
    tensor(3.)
    """
    return reduce(add, losses)


def _check_finite(values: dict[str, list[float]], first_step: int) -> None:
    # The discriminators train first in a step: where they diverge they spoil the other losses.
    names = sorted(values, key="discriminator".__ne__)
    for step, losses in enumerate(zip(*(values[name] for name in names), strict=True), first_step):
        for name, value in zip(names, losses, strict=True):
            if not math.isfinite(value):
                raise InputError(
                    f"training diverged: the {name} loss is {value} at step {step}; lower "
                    "--training.learning_rate or the weight of this loss"
                )


def divergence(
    history: Iterable[Mapping[str, Any]], best_epoch: int, num_classes: int, weight: float = 1.0
) -> str:
    """Return a sentence where the kept model is far worse on its training data than a guess.

    A guess gives every class the same probability: its cross-entropy is the logarithm of their
    number, whatever their weights.

    Parameters
    ----------
    history : iterable of dict
        Of each epoch its number and the mean of each loss.
    best_epoch : int
        The one whose weights are kept.
    num_classes : int
        Number of classes C of the guess.
    weight : float
        Of the classification in the loss, by which it is multiplied in the history.

    Returns
    -------
    str
        "" where there is nothing to say.

    Examples
    --------
    >>> divergence([{"epoch": 1, "classification": 0.6}], 1, num_classes=2)
    ''
    >>> divergence([{"epoch": 1, "classification": 6e5}], 1, num_classes=2)[:62]
    'training diverged: in the kept epoch 1 the classification loss'
    """
    if num_classes == 0:  # of a run without classes nothing is guessed
        return ""
    guess = weight * math.log(num_classes)
    # Only the kept epoch counts: of what came before and after it nothing is used.
    for record in history:
        loss = record.get("classification", 0.0)
        if record["epoch"] == best_epoch and loss > FAR * guess:
            return (
                f"training diverged: in the kept epoch {best_epoch} the classification loss is "
                f"{loss:.3g}, that of guessing {guess:.3g}; lower --training.learning_rate"
            )
    return ""
