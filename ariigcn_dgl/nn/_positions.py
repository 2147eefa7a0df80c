"""Sinusoidal positions of the steps of a sequence."""

from __future__ import annotations

import torch
from torch import Tensor


def positions(table: Tensor) -> Tensor:
    """Return sines and cosines of the time step, (T, D), for a table (B, T, D) (Vaswani 2017)."""
    steps, width = table.shape[1:]
    # The base is Vaswani's; sines and cosines stand side by side instead of in turns.
    rates = 10_000 ** -torch.linspace(0, 1, width // 2, device=table.device)
    angles = torch.arange(steps, device=table.device).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1).to(table)
