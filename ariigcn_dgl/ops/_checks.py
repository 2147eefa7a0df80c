"""Argument checks at the operators' face; the messages name the argument."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor


def require_floating(**tensors: Tensor) -> None:
    """Raise ValueError unless all tensors share one floating dtype and one device."""
    (first, reference), *rest = tensors.items()
    if not reference.is_floating_point():
        raise ValueError(f"{first} must be a floating tensor, got {reference.dtype}")
    for name, tensor in rest:
        if tensor.dtype != reference.dtype and not is_cast(tensor, reference):
            raise ValueError(
                f"{name} must have the dtype of {first} ({reference.dtype}), got {tensor.dtype}"
            )
        if tensor.device != reference.device:
            raise ValueError(
                f"{name} must be on the device of {first} ({reference.device}), got {tensor.device}"
            )


def is_cast(*tensors: Tensor) -> bool:
    """Return whether autocast brings the tensors to one dtype."""
    if not all(x.is_floating_point() and x.dtype != torch.float64 for x in tensors):
        return False
    return torch.is_autocast_enabled(tensors[0].device.type)


def require_dim(dim: int, **tensors: Tensor) -> None:
    """Raise ValueError unless all tensors have so many dimensions."""
    for name, tensor in tensors.items():
        if tensor.dim() != dim:
            raise ValueError(f"{name} must have {dim} dimensions, got shape {tuple(tensor.shape)}")


def require_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless `tensor` has the shape."""
    if tensor.shape != shape:
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {tuple(tensor.shape)}")


def require_choice(name: str, value: str | None, choices: Collection[str | None]) -> None:
    """Raise ValueError unless `value` is one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, got {value!r}")


def require_rows(name: str, rows: Tensor, **ids: Tensor) -> None:
    """Raise ValueError unless rows are floating, (G, N, D), and their identities int64, (G, N)."""
    require_floating(**{name: rows})
    require_dim(3, **{name: rows})
    for other, tensor in ids.items():
        require_shape(other, tensor, tuple(rows.shape[:2]))
    require_ids(**{name: rows}, **ids)


def require_ids(**tensors: Tensor) -> None:
    """Raise ValueError unless all tensors after the first are int64 on its device."""
    (first, reference), *ids = tensors.items()
    for name, tensor in ids:
        if tensor.dtype != torch.int64:
            raise ValueError(f"{name} must be int64, got {tensor.dtype}")
        if tensor.device != reference.device:
            raise ValueError(
                f"{name} must be on the device of {first} ({reference.device}), got {tensor.device}"
            )
