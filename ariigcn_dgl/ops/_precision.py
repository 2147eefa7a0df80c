"""Which precision torch's settings ask for."""

from __future__ import annotations

import torch
from torch import Tensor


def autocasts(tensor: Tensor) -> bool:
    """Return whether autocast is on for the tensor's device."""
    device = tensor.device.type  # meta has none, and torch 2.11 compiles no question about it
    return device != "meta" and torch.is_autocast_enabled(device)


def computed_dtype(tensor: Tensor) -> torch.dtype:
    """Return the type that a kernel works in: autocast's if it is on, else the tensor's.

    The CPU has no kernels for halves, which are computed in float32 there.
    """
    if tensor.dtype == torch.float64:
        return tensor.dtype
    if tensor.device.type == "cpu":
        return torch.float32
    return torch.get_autocast_dtype(tensor.device.type) if autocasts(tensor) else tensor.dtype


def allows_tf32(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether products of float32 matrices may be computed as tf32, as torch's own are."""
    if device.type != "cuda" or dtype != torch.float32:
        return False
    matmul = torch.backends.cuda.matmul
    if torch.compiler.is_compiling():  # the compiler knows and guards this setting only
        return matmul.allow_tf32
    return matmul.fp32_precision == "tf32"  # the former raises where this one was set
