"""The machine: what it is, which libraries it has, and its ceilings, measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import torch

from ariigcn_dgl import __version__
from ariigcn_dgl._dgl import INSTALL, import_dgl, loaded_dgl
from ariigcn_dgl._native import build_info
from ariigcn_dgl.benchmark.measure import Clock, timed
from ariigcn_dgl.benchmark.record import Ceilings
from ariigcn_dgl.optional import installed_version

# import name: what pip calls it
LIBRARIES = {
    "torch": "torch",
    "dgl": "dgl",
    "torch_geometric": "torch_geometric",
    "pytorch_metric_learning": "pytorch-metric-learning",
}
EXTRA = 'pip install "ariigcn_dgl[benchmark]"'
ELSEWHERE = {  # what the extra does not bring: kernels for GPUs alone
    "dgl": INSTALL,
    "inf_cl": "pip install inf-cl",
    "liger_kernel": "pip install liger-kernel",
}
GEMM_SIZE = {"cpu": 2048, "cuda": 8192}
COPY_BYTES = {"cpu": 2**28, "cuda": 2**30}  # no less; several times the last cache
LAST_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index3/size")
# Lanes relative to float32, in which halves can always be computed.
LANES = {torch.float32: 1.0, torch.float64: 0.5, torch.bfloat16: 1.0, torch.float16: 1.0}
SECONDS, CALLS = 0.3, 5


def describe_machine(device: torch.device) -> dict[str, str]:
    """Return processor, device, cores, load, system and versions."""
    facts = {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else ""),
        "load when started": f"{os.getloadavg()[0]:.2f}",
        "system": f"{platform.system()} {platform.release()}",
        "compiler": build_info()["compiler"],
        "python": platform.python_version(),
        "ariigcn_dgl": __version__,
    }
    if device.type == "cuda":
        facts["device"] = torch.cuda.get_device_name(device)
        facts["cuda"] = str(torch.version.cuda)
    return facts | library_versions()


def set_threads(threads: int) -> None:
    """Make torch use so many threads, and DGL where it is loaded."""
    torch.set_num_threads(threads)
    if loaded_dgl():
        load_dgl()


def load_dgl() -> ModuleType:
    """Return DGL for a peer, with as many threads as torch has."""
    dgl = import_dgl()
    dgl.utils.set_num_threads(torch.get_num_threads())
    return dgl


def measure_copy(threads: int, device: torch.device, clock: Clock = "wall") -> float:
    """Measure the copy rate in GB/s, read and write, with so many threads."""
    set_threads(threads)
    return _copy(device, clock)


def l2_cache(device: torch.device) -> int:
    """Return the bytes of a GPU's L2 cache."""
    return torch.cuda.get_device_properties(device).L2_cache_size


def measure_ceilings(
    threads: int, dtype: torch.dtype, device: torch.device, copy: float, clock: Clock = "wall"
) -> Ceilings:
    """Measure multiply-add peak and matrix product with so many threads, beside the copy rate.

    By the clock of the peers, so that what a busy machine takes away is not taken from one side.
    """
    set_threads(threads)
    peak = _fma(threads) if device.type == "cpu" else None
    fma = None if peak is None else LANES[dtype] * peak
    return Ceilings(threads, _name(dtype), fma, _gemm(dtype, device, clock), copy)


def _fma(threads: int) -> float | None:
    """Return the multiply-add peak; None without `_host`, which wheels for any Python lack.

    The best of slices of a millisecond, of which some are not interrupted: so by any clock.
    """
    try:
        from ariigcn_dgl._host import fma_rate
    except ImportError:
        return None
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(fma_rate, [SECONDS] * threads))


def _gemm(dtype: torch.dtype, device: torch.device, clock: Clock) -> float:
    size = GEMM_SIZE[device.type]
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(left)
    return 2 * size**3 / _best(lambda: torch.mm(left, right, out=out), device, clock) / 1e9


def _copy(device: torch.device, clock: Clock) -> float:
    size = max(COPY_BYTES[device.type], 4 * _last_cache())
    source = torch.ones(size // 4, device=device)
    target = torch.zeros_like(source)
    return 2 * size / _best(lambda: target.copy_(source), device, clock) / 1e9


def _best(call: Callable[[], object], device: torch.device, clock: Clock) -> float:
    call()
    return min(timed(call, device, clock)[1] for _ in range(CALLS))


def _last_cache() -> int:
    if not LAST_CACHE.is_file():
        return 0
    text = LAST_CACHE.read_text().strip()
    return int(text.removesuffix("K")) * 1024 if text.endswith("K") else 0


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor()
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0].split(":", 1)[1].strip() if names else platform.machine()


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def library_versions() -> dict[str, str]:
    """Return the version of every library that is compared, "not installed" where it is missing."""
    return {name: installed_version(name) or "not installed" for name in LIBRARIES.values()}


def how_to_install(package: str) -> str:
    """Return the command that installs one of them, by its import name."""
    return ELSEWHERE.get(package, EXTRA)
