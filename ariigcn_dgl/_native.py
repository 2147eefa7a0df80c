"""Loads the native library, once; every module that calls `torch.ops.ariigcn` imports this."""

import torch

try:
    from ariigcn_dgl import _C
except ImportError as error:
    raise ImportError(
        "the native extension of ariigcn_dgl is not built for this Python and torch: "
        "pip install --no-build-isolation . (in the project's folder, after installing torch)"
    ) from error

build_info = _C.build_info
fma_rate = _C.fma_rate
cpu_capability = _C.cpu_capability


def _compute_in_float(name: str) -> None:
    """Under autocast, cast every floating argument but float64 to float32."""
    for device in ("cpu", "cuda"):
        torch.library.register_autocast(f"ariigcn::{name}", device, torch.float32)


# Of the others the functions in `ops` choose the type, which on CUDA may be half.
for _name in ("segment_spmm", "segment_sddmm", "edge_attention", "edge_attention_backward"):
    _compute_in_float(_name)
