"""Weights in half precision: rounded to be packed, and float32 again."""

from __future__ import annotations

import numpy as np

from ariigcn_dgl.errors import InputError


def halved(array: np.ndarray, where: str) -> np.ndarray:
    """Return float32 weights as float16; others as they are.

    Raises
    ------
    InputError
        If one is too large; `where` says of what.
    """
    with np.errstate(over="ignore"):
        half = array.astype(np.float16) if array.dtype == np.float32 else array
    if not np.isfinite(half).all():
        raise InputError(f"{where}: has weights above 65504, too large for --precision float16")
    return half


def single(array: np.ndarray) -> np.ndarray:
    """Return float16 weights as float32; others as they are."""
    return array.astype(np.float32) if array.dtype == np.float16 else array
