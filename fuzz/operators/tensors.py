"""Tensors that no longer fit where they did."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
from torch import Tensor

DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.bool),
    *(torch.int64, torch.int32, torch.uint8, torch.float8_e4m3fn),
)
FLOATS = (float("nan"), float("inf"), -float("inf"), 1e38, -1e38, 1e-42, 0.0)
INDICES = (-1, -(2**63), 2**63 - 1, 2**31, 10**6, 0, 1)
INTS = (*INDICES, 2, 3, 2**62, 255)
REALS = (*FLOATS, -1.0, 0.5, 1.0, 1e300)
LONG = 4096
# What torch raises where a tensor cannot be changed so.
_NO_SUCH_VARIANT = (RuntimeError, IndexError, TypeError, ValueError, AssertionError)

Misfit = Callable[[random.Random, Tensor], Tensor]


def misfit(rng: random.Random, given: Tensor) -> tuple[Tensor, str]:
    """Return a tensor of another shape, dtype, layout, device or content, and which."""
    change = rng.choice(CHANGES)
    try:
        return change(rng, given), change.__name__.strip("_")
    except _NO_SUCH_VARIANT:
        return given, "as it was"


def _dim(rng: random.Random, given: Tensor) -> int:
    return rng.randrange(given.dim())


def _one_dimension_more(rng: random.Random, given: Tensor) -> Tensor:
    return given.unsqueeze(rng.randrange(given.dim() + 1))


def _one_dimension_less(rng: random.Random, given: Tensor) -> Tensor:
    return given.select(given.dim() and _dim(rng, given), 0)


def _longer(rng: random.Random, given: Tensor) -> Tensor:
    return torch.cat([given, given], given.dim() and _dim(rng, given))


def _shorter(rng: random.Random, given: Tensor) -> Tensor:
    dim = _dim(rng, given) if given.dim() else 0
    return given.narrow(dim, 0, rng.randrange(given.size(dim) + 1)).contiguous()


def _cut_in_place(rng: random.Random, given: Tensor) -> Tensor:
    dim = _dim(rng, given) if given.dim() else 0
    return given.narrow(dim, given.size(dim) - 1, 1)


def _dtype(rng: random.Random, given: Tensor) -> Tensor:
    return given.to(rng.choice(DTYPES))


def _transposed(rng: random.Random, given: Tensor) -> Tensor:
    return given.transpose(-1, -2)


def _strided(rng: random.Random, given: Tensor) -> Tensor:
    return torch.stack([given, given], -1)[..., 0]


def _expanded(rng: random.Random, given: Tensor) -> Tensor:
    return given[:1].expand(given.shape)


def _long(rng: random.Random, given: Tensor) -> Tensor:
    shape = list(given.shape)
    shape[_dim(rng, given)] = LONG
    return given.new_ones(()).expand(shape)


def _meta(rng: random.Random, given: Tensor) -> Tensor:
    return given.to("meta")


def _sparse(rng: random.Random, given: Tensor) -> Tensor:
    return given.to_sparse()


def _conjugated(rng: random.Random, given: Tensor) -> Tensor:
    return torch.complex(given, given).conj().imag


def _parameter(rng: random.Random, given: Tensor) -> Tensor:
    return given.detach().clone().requires_grad_()


def _values(rng: random.Random, given: Tensor) -> Tensor:
    """Put something odd, or another of its own values, in some places."""
    out = given.clone()
    flat = out.view(-1)
    odd = FLOATS if given.is_floating_point() else INDICES
    for _ in range(rng.randrange(1, 4)):
        own = flat[rng.randrange(len(flat))].item()
        flat[rng.randrange(len(flat))] = rng.choice((*odd, own, own + 1, own - 1, own))
    return out


def _swapped(rng: random.Random, given: Tensor) -> Tensor:
    """Swap two values: indices that lie in their range, but say something else."""
    out = given.clone()
    flat = out.view(-1)
    one, other = rng.randrange(len(flat)), rng.randrange(len(flat))
    flat[one], flat[other] = given.view(-1)[other], given.view(-1)[one]
    return out


CHANGES: tuple[Misfit, ...] = (
    *(_one_dimension_more, _one_dimension_less, _longer, _shorter, _cut_in_place, _dtype),
    *(_transposed, _strided, _expanded, _long, _meta, _sparse, _conjugated, _parameter),
    *(_values, _values, _values, _swapped, _swapped),
)


def other(rng: random.Random, given: object) -> tuple[object, str]:
    """Return something that does not fit in place of any argument, and what was done."""
    if isinstance(given, Tensor):
        return misfit(rng, given)
    if isinstance(given, tuple):
        place = rng.randrange(len(given))
        number, how = other(rng, given[place])
        return (*given[:place], number, *given[place + 1 :]), f"{place}: {how}"
    if isinstance(given, bool):
        return not given, "flipped"
    if isinstance(given, (int, float)):
        number = rng.choice(REALS if isinstance(given, float) else INTS)
        return number, str(number)
    return given, "as it was"
