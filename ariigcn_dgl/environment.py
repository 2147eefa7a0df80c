"""What this program runs on."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import torch

from ariigcn_dgl._native import build_info, cpu_capability
from ariigcn_dgl.optional import installed_version

PACKAGES = ("ariigcn_dgl", "torch", "dgl", "numpy", "scikit-learn", "safetensors")
MISSING = "not installed"
DECIDING = ("python", *PACKAGES, "native library", "cpu")  # may change how numbers are rounded


def environment() -> dict[str, str]:
    """Return versions, what was built, devices and threads.

    Examples
    --------
    >>> environment()["native library"].startswith("built with")
    True
    """
    built = build_info()
    cuda = f"CUDA {built['cuda']} for {built['cuda_archs']}" if built["cuda"] else "no CUDA"
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "python": platform.python_version(),
        **{package: installed_version(package) or MISSING for package in PACKAGES},
        "native library": f"built with {built['compiler']}, torch {built['torch_headers']}, {cuda}",
        "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads",
        "cpu": f"{cpu_capability()} (torch: {torch.backends.cpu.get_cpu_capability()})",
        "cuda devices": ", ".join(devices) or "none",
    }


def differences(then: Mapping[str, str]) -> str:
    """Return what has changed since an environment was recorded, that may change numbers.

    Parameters
    ----------
    then : mapping of str to str
        What `environment` returned, perhaps in another version of this program.

    Returns
    -------
    str
        For a sentence; "" if nothing has.

    Examples
    --------
    >>> now = environment()
    >>> differences(now), differences(now | {"torch": "0.1"}).split(",")[0]
    ('', 'torch 0.1')
    """
    now = environment()
    changed = [name for name in DECIDING if name in then and then[name] != now[name]]
    return "; ".join(f"{name} {then[name]}, now {now[name]}" for name in changed)
