"""Losses of an epoch are means over its steps, and say whether the training diverged."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.losses import divergence, mean_losses

HISTORY = [
    {"epoch": 1, "generator": 9e9},
    {"epoch": 2, "classification": 6e5},
    {"epoch": 3, "classification": 1.2},
]


def test_a_loss_far_above_that_of_guessing_is_said() -> None:
    assert divergence(HISTORY, 2, num_classes=3) == (
        "training diverged: in the kept epoch 2 the classification loss is 6e+05, that of guessing "
        "1.1; lower --training.learning_rate"
    )


@pytest.mark.parametrize("kept", [1, 3, 4])
def test_other_epochs_are_not(kept: int) -> None:
    assert divergence(HISTORY, kept, num_classes=3) == ""


def test_losses_of_an_epoch_are_means_over_steps() -> None:
    values = torch.tensor([[1.0, 4.0], [3.0, 0.0]])
    steps = [{"a": a, "b": b} for a, b in values]
    assert mean_losses(steps) == {"a": 2.0, "b": 2.0}


def test_discriminator_that_is_not_finite_is_named_before_the_losses_that_it_spoils() -> None:
    nan = torch.tensor(torch.nan)
    with pytest.raises(InputError, match="the discriminator loss is nan at step 0"):
        mean_losses([{"generator": nan, "discriminator": nan}])


def test_a_weighted_loss_is_compared_with_a_weighted_guess() -> None:
    history = [{"epoch": 1, "classification": 9.1}]
    assert divergence(history, 1, num_classes=6, weight=5.0) == ""
    assert divergence(history, 1, num_classes=6)
