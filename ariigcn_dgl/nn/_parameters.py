"""How weight matrices are initialised."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def glorot(*shape: int) -> nn.Parameter:
    """Return a parameter of stacked matrices, each with Glorot's uniform initialisation."""
    parameter = nn.Parameter(torch.empty(*shape))
    glorot_(parameter)
    return parameter


@torch.no_grad()
def glorot_(parameter: Tensor) -> Tensor:
    """Fill stacked matrices (..., fan_in, fan_out) with Glorot's uniform initialisation."""
    bound = (6 / (parameter.size(-2) + parameter.size(-1))) ** 0.5
    return parameter.uniform_(-bound, bound)
