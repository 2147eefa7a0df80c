"""What a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

SPEAKERS = 2


@dataclass(frozen=True)
class PlanInputs:
    """Equal lengths of all dialogues (B,), and the speaker of every utterance (N,)."""

    lengths: Tensor
    speakers: Tensor
