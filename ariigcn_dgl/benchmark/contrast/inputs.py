"""Tensors of a pairwise contrast problem, shared by all peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Form = Literal["infonce", "supcon"]
DIM, CLASSES, TEMPERATURE = 256, 7, 0.1


@dataclass(frozen=True)
class ContrastInputs:
    """Labelled rows, not normalised: every peer does that."""

    form: Form
    feat: Tensor  # (N, D)
    label: Tensor  # (N,)

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """What is differentiated."""
        return (self.feat,)

    def pair_bytes(self, copies: float) -> int:
        """Return the bytes of so many (N, N) float tensors."""
        return int(copies * len(self.feat) ** 2 * self.feat.element_size())


def draw_rows(size: int, form: Form, dtype: torch.dtype, device: torch.device) -> ContrastInputs:
    """Return rows in loose clusters, one per class."""
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(size) % CLASSES
    centre = torch.randn(CLASSES, DIM, generator=generator)
    feat = torch.randn(size, DIM, generator=generator) + centre[label] / 2
    return ContrastInputs(form, feat.to(device, dtype).requires_grad_(), label.to(device))
