"""Whether a layer replaces another: equal results and gradients, with the weights of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def randomise(module: nn.Module) -> nn.Module:
    """Give all parameters, biases too, values that differ, in double precision."""
    generator = torch.Generator().manual_seed(3)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(generator=generator).mul_(0.5)
    return module


def assert_replaced(
    ours: nn.Module,
    weights: Callable[[Any], dict[str, Tensor]],
    arguments: tuple,
    theirs: nn.Module,
    their_arguments: tuple,
    *leaves: Tensor,
    **options: Tensor,
) -> None:
    """Compare results, and gradients of the leaves and of all of the other layer's parameters.

    Of the other's weights ours are made by `weights`, which gradients flow through.
    """
    own = weights(theirs)
    assert set(own) == {name for name, _ in ours.named_parameters()}
    out = torch.func.functional_call(ours.double(), own, arguments, options)
    expected = theirs(*their_arguments)
    torch.testing.assert_close(out, expected, **CLOSE)
    wanted = [*leaves, *theirs.parameters()]
    results = [_pull(x, wanted) for x in (out, expected)]
    torch.testing.assert_close(*results, **CLOSE)
    assert all(x.abs().sum() > 0 for x in results[0])


def _pull(out: Tensor | dict[str, Tensor], leaves: list[Tensor]) -> list[Tensor]:
    """Return the gradients of a sum that weighs every entry differently."""
    flat = (
        out.flatten() if isinstance(out, Tensor) else torch.cat([x.flatten() for x in out.values()])
    )
    weight = torch.linspace(-1, 1.5, len(flat), dtype=flat.dtype)
    return list(torch.autograd.grad(flat @ weight, leaves))
