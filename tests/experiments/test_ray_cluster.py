"""A study on a Ray cluster of two nodes, of which one is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from ariigcn_dgl.optional import is_installed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.exhaustive,
    pytest.mark.skipif(not is_installed("ray"), reason="needs the extra cluster"),
]

STUDY = """
title: Small systems
baseline: mlp
defaults:
  set: {training.epochs: 80, training.patience: 80, training.batch_size: 1, model.hidden_dim: 8}
settings:
  - {name: mlp, system: mlp}
  - {name: bigru, system: bigru}
"""
COMMAND = [sys.executable, "-m", "ariigcn_dgl", "experiment"]
ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_memory_monitor_refresh_ms": "0",  # it would end runs where other tests need the memory
}


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Return the variables of a cluster and of who uses it."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        # A short name: sockets lie in it.
        yield {**os.environ, **ENVIRONMENT, "RAY_TMPDIR": folder}


@pytest.fixture
def cluster(environment: dict[str, str]) -> Iterator[tuple[str, IO[str]]]:
    """Yield the address of a cluster of two nodes, and what a line kills one of them by."""
    command = [sys.executable, str(Path(__file__).with_name("ray_cluster.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        lines = iter(process.stdout.readline, "")
        address = next(line.strip() for line in lines if line.startswith("127."))
        yield address, process.stdin
        process.stdin.close()
        process.stdout.read()


def _weights(folder: Path) -> dict[str, bytes]:
    found = folder.glob("runs/*/seed*/model.safetensors")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def _epochs(folder: Path) -> list[int]:
    found = folder.glob("runs/*/seed*/metrics.jsonl")
    return [path.read_bytes().count(b"\n") for path in found]


def test_all_runs_are_done_with_the_same_bits_though_a_node_is_killed(
    cluster: tuple[str, IO[str]], environment: dict[str, str], data: Path, tmp_path: Path
) -> None:
    study = tmp_path / "small.yaml"
    study.write_text(STUDY)
    here, there = tmp_path / "here", tmp_path / "there"
    options = [study, "--data", data, "--seeds", "0", "1"]
    subprocess.run(
        [*COMMAND, *options, "--jobs", "2", "--out", here], check=True, capture_output=True
    )
    address, kill = cluster
    command = [*COMMAND, *options, "--engine", f"ray://{address}", "--out", there]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        # Both nodes are at it.
        while sum(epochs >= 3 for epochs in _epochs(there)) < 2:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        assert max(_epochs(there)) < 80
        kill.write("\n")
        kill.flush()
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert "lost on the cluster: its node, or its process there, died; trying again" in said
    assert _weights(there) == _weights(here)
    assert len(_weights(here)) == 4
    for name in ("table.md", "table.tex"):
        assert (there / name).read_bytes() == (here / name).read_bytes()
