"""Loads the native library, once; every module that calls `torch.ops.ariigcn` imports this."""

from __future__ import annotations

import ctypes
import json
import os
import warnings
from pathlib import Path

import torch

CAPABILITY_VARIABLE, CAPABILITIES = "ARIIGCN_CPU_CAPABILITY", ("generic", "avx2", "avx512")
LIBRARY = Path(__file__).with_name("libariigcn.so")


def _load() -> ctypes.CDLL:
    if not LIBRARY.is_file():
        raise ImportError(
            f"the native library of ariigcn_dgl is not built ({LIBRARY} is not there): install a "
            "wheel, or build it, after torch, in the project's folder: "
            "pip install --no-build-isolation ."
        )
    try:
        torch.ops.load_library(LIBRARY)
        return ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        raise ImportError(
            f"the native library of ariigcn_dgl does not load beside torch {torch.__version__} "
            f"({error}): it needs torch 2.11 or newer"
        ) from error


def _check_capability() -> None:
    """Say what the library does not: that it does not know what it was asked to run with."""
    wanted = os.environ.get(CAPABILITY_VARIABLE, CAPABILITIES[0])
    if wanted not in CAPABILITIES:
        warnings.warn(
            f"{CAPABILITY_VARIABLE}={wanted!r} is ignored: expected one of "
            f"{', '.join(CAPABILITIES)}",
            stacklevel=2,
        )


_library = _load()
_check_capability()


def build_info() -> dict[str, str]:
    """Return what built the library: compiler, torch_headers, cuda and cuda_archs ("": none).

    Examples
    --------
    >>> sorted(build_info())
    ['compiler', 'cuda', 'cuda_archs', 'torch_headers']
    """
    return json.loads(_said("ariigcn_build_info"))


def cpu_capability() -> str:
    """Return the instruction set that the CPU kernels run with: generic, avx2 or avx512."""
    return _said("ariigcn_cpu_capability")


def _said(name: str) -> str:
    function = getattr(_library, name)
    function.restype = ctypes.c_char_p
    return function().decode()


def _compute_in_float(name: str) -> None:
    """Under autocast, cast every floating argument but float64 to float32."""
    for device in ("cpu", "cuda"):
        torch.library.register_autocast(f"ariigcn::{name}", device, torch.float32)


# Of the others the functions in `ops` choose the type, which on CUDA may be half.
for _name in ("segment_spmm", "segment_sddmm"):
    _compute_in_float(_name)
