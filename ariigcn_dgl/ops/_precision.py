"""Which precision torch's settings ask for."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch
from torch import Tensor

Fp32Precision = Literal["ieee", "tf32x3", "tf32"]
FP32_PRECISIONS = get_args(Fp32Precision)  # the order of the native enumeration


def autocasts(tensor: Tensor) -> bool:
    """Return whether autocast is on for the tensor's device."""
    device = tensor.device.type  # meta has none, and torch 2.11 compiles no question about it
    return device != "meta" and torch.is_autocast_enabled(device)


def without_autocast(tensor: Tensor) -> AbstractContextManager:
    """Return a context in which products on the tensor's device keep their type."""
    return torch.autocast(tensor.device.type, enabled=False) if autocasts(tensor) else nullcontext()


def in_floats(*tensors: Tensor) -> list[Tensor]:
    """Return tensors as an operator takes them under autocast: in float32, but for float64."""
    if not autocasts(tensors[0]):
        return list(tensors)
    return [x if x.dtype == torch.float64 else x.float() for x in tensors]


def computed_dtype(tensor: Tensor) -> torch.dtype:
    """Return the type that a kernel works in: autocast's if it is on, else the tensor's.

    The CPU has no kernels for halves, which are computed in float32 there.
    """
    if tensor.dtype == torch.float64:
        return tensor.dtype
    if tensor.device.type == "cpu":
        return torch.float32
    return torch.get_autocast_dtype(tensor.device.type) if autocasts(tensor) else tensor.dtype


def _allows_tf32(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether products of float32 matrices may be computed as tf32, as torch's own are."""
    if device.type != "cuda" or dtype != torch.float32:
        return False
    matmul = torch.backends.cuda.matmul
    if torch.compiler.is_compiling():  # the compiler knows and guards this setting only
        return matmul.allow_tf32
    return matmul.fp32_precision == "tf32"  # the former raises where this one was set


def fp32_precision(device: torch.device, dtype: torch.dtype) -> Fp32Precision:
    """Return how products of float32 matrices are to be computed.

    "tf32" where torch's own are, "ieee" where torch was told so (it says "none" by default), else
    "tf32x3", which is as accurate as float32 but uses tensor cores.
    """
    if device.type != "cuda" or dtype != torch.float32:
        return "ieee"
    if _allows_tf32(device, dtype):
        return "tf32"
    if torch.compiler.is_compiling():  # it cannot tell "ieee" from "none"; both are accurate
        return "tf32x3"
    return "ieee" if torch.backends.cuda.matmul.fp32_precision == "ieee" else "tf32x3"
