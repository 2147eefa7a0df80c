"""Argument checks at the operators' face; the messages name the argument."""

from __future__ import annotations

import torch
from torch import Tensor


def require_floating(**tensors: Tensor) -> None:
    """Raise ValueError unless all tensors share one floating dtype and one device."""
    (first, reference), *rest = tensors.items()
    if not reference.is_floating_point():
        raise ValueError(f"{first} must be a floating tensor, got {reference.dtype}")
    for name, tensor in rest:
        if tensor.dtype != reference.dtype and not _is_cast(tensor, reference):
            raise ValueError(
                f"{name} must have the dtype of {first} ({reference.dtype}), got {tensor.dtype}"
            )
        if tensor.device != reference.device:
            raise ValueError(
                f"{name} must be on the device of {first} ({reference.device}), got {tensor.device}"
            )


def _is_cast(*tensors: Tensor) -> bool:
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
