"""How much memory this process may still take."""

from __future__ import annotations

import re
import resource
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
_PROC = Path("/proc")


def available_memory() -> int | None:
    """Return the bytes that can still be allocated without swapping, None where nothing tells.

    The least of what the machine has, what a container's limit leaves, and what ``ulimit -v``
    leaves.
    """
    rooms = (_machine_room(), _cgroup_room(), _address_room())
    return min((room for room in rooms if room is not None), default=None)


def free_swap() -> int:
    """Return the bytes of swap space that are not used."""
    return _of("meminfo", "SwapFree") or 0


def _machine_room() -> int | None:
    return _of("meminfo", "MemAvailable")


def _cgroup_room() -> int | None:
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        if limit == "max":
            return None
        used = int((CGROUP / "memory.current").read_text())
        told = (CGROUP / "memory.stat").read_text()
    except OSError:
        return None
    # Files that were read count as used, and make room as soon as somebody needs it.
    files = sum(map(int, re.findall(r"^(?:in)?active_file (\d+)$", told, re.MULTILINE)))
    return int(limit) - used + files


def _address_room() -> int | None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else max(limit - address_space(), 0)


def address_space(field: str = "VmSize") -> int:
    """Return this process's bytes of address space; "VmPeak": the most that it had."""
    return _of("self/status", field) or 0


def _of(file: str, field: str) -> int | None:
    """Return a number of bytes that a file of the kernel's tells in kB."""
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB", (_PROC / file).read_text(), re.MULTILINE)
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None
