"""Loads the native library, once; every module that calls `torch.ops.ariigcn` imports this."""

try:
    from ariigcn_dgl import _C
except ImportError as error:
    raise ImportError(
        "the native extension of ariigcn_dgl is not built for this Python and torch: "
        "pip install --no-build-isolation . (in the project's folder, after installing torch)"
    ) from error

build_info = _C.build_info
