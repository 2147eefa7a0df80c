"""What is available is the least of machine, container and ``ulimit -v``."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from ariigcn_dgl import available_memory as module
from ariigcn_dgl.available_memory import available_memory, free_swap


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Pretend to be a machine with 4000 kB and 100 of swap space; return its files' folder."""
    (tmp_path / "self").mkdir()
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 4000 kB\nSwapFree:  100 kB\n")
    (tmp_path / "self" / "status").write_text("VmPeak: 900 kB\nVmSize:\t 500 kB\n")
    monkeypatch.setattr(module, "_PROC", tmp_path)
    monkeypatch.setattr(module, "CGROUP", tmp_path)
    _limit(monkeypatch, resource.RLIM_INFINITY)
    return tmp_path


def _limit(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (size, size))


@pytest.mark.usefixtures("machine")
def test_machine() -> None:
    assert available_memory() == 4000 * 1024
    assert free_swap() == 100 * 1024


def test_container_with_the_files_it_can_forget(machine: Path) -> None:
    (machine / "memory.max").write_text("3000\n")
    (machine / "memory.current").write_text("2000\n")
    (machine / "memory.stat").write_text("anon 1\ninactive_file 300\nactive_file 40\nslab 7\n")
    assert available_memory() == 1340
    (machine / "memory.max").write_text("max\n")
    assert available_memory() == 4000 * 1024


@pytest.mark.usefixtures("machine")
def test_limit_of_address_space(monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, 700 * 1024)
    assert available_memory() == 200 * 1024
    _limit(monkeypatch, 100)
    assert available_memory() == 0


def test_nothing_is_known_without_the_kernel_s_files(machine: Path) -> None:
    (machine / "meminfo").unlink()
    assert available_memory() is None
    assert free_swap() == 0
