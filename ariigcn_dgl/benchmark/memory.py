"""Peak memory of a call, and what is free."""

from __future__ import annotations

import ctypes
import gc
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from ariigcn_dgl.available_memory import available_memory

Result = TypeVar("Result")
RESET_PEAK = "5"  # proc(5): sets the peak resident set size to the current one


def with_extra_memory(
    call: Callable[[], Result], device: torch.device
) -> tuple[Result, int | None]:
    """Return a call's result, and its peak memory above what was live before, in bytes.

    On the CPU by the peak resident set size (Linux; None elsewhere), so all of the process counts:
    results, temporaries, other libraries' buffers.
    """
    gc.collect(1)  # the young: a full one takes long once many libraries are imported
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        result = call()
        torch.cuda.synchronize(device)
        return result, torch.cuda.max_memory_allocated(device) - before
    if not _reset_peak():
        return call(), None
    before = _status("VmRSS")
    result = call()
    return result, max(_status("VmHWM") - before, 0)


def free_memory(device: torch.device) -> int | None:
    """Return the bytes that can still be allocated, None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return available_memory()


def _reset_peak() -> bool:
    """Give freed memory back, so that its reuse counts, and reset the peak; False if impossible."""
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl keeps less
    if trim is not None:
        trim(0)
    try:
        Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def _status(field: str) -> int:
    return _kilobytes(Path("/proc/self/status").read_text(), field)


def _kilobytes(text: str, field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {field} among: {text}")
    return 1024 * int(found[1])
