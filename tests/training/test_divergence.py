"""A training that diverged without a loss that is not a number is told by its loss."""

from __future__ import annotations

import pytest

from ariigcn_dgl.training.divergence import divergence

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
