"""How DGL is on this machine is found out in another process."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ariigcn_dgl import dgl, dgl_state
from ariigcn_dgl.dgl_state import DGLState


@pytest.mark.slow
def test_dgl_runs_here():
    found = dgl_state.dgl_state()
    assert found.runs
    assert (found.version, found.folder) == (version("dgl"), str(Path(dgl.__file__).parent))
    assert found.interface == ("Cython" if sys.version_info < (3, 13) else "ctypes")


@pytest.mark.slow
def test_ctypes_is_told_from_cython(monkeypatch):
    monkeypatch.setenv("DGL_FFI", "ctypes")
    assert dgl_state.dgl_state().interface == "ctypes"


def test_dgl_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(dgl_state, "installed_version", lambda name: None)
    assert dgl_state.dgl_state() == DGLState()
    assert not DGLState().runs


@pytest.mark.parametrize(
    ("code", "stderr", "reason"),
    [
        (1, "Traceback:\nImportError: libdgl.so\n", "ImportError: libdgl.so"),
        (-11, "", "its process ended with -11"),
    ],
)
def test_dgl_that_breaks_is_told_from_outside(monkeypatch, code: int, stderr: str, reason: str):
    done = subprocess.CompletedProcess([], code, "", stderr)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: done)
    found = dgl_state.dgl_state()
    assert (found.error, found.version, found.runs) == (reason, version("dgl"), False)
