"""``ariigcn dgl``: what it says, when it installs, and how it ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ariigcn_dgl.cli import dgl
from ariigcn_dgl.dgl_state import DGLState
from ariigcn_dgl.errors import InputError

RUNS = DGLState("2.1.0", "/site/dgl", "ctypes", ("dgl.graphbolt", "dgl.sparse"))
BROKEN = DGLState("2.1.0", error="ImportError: libdgl.so")


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> list[DGLState]:
    """Return the states that are found one after the other, to be filled."""
    found: list[DGLState] = []
    monkeypatch.setattr(dgl, "dgl_state", lambda: found.pop(0))
    monkeypatch.setattr(dgl, "install_dgl", lambda say: say("installed it"))
    return found


def test_dgl_that_runs_is_described(ariigcn: Callable, states: list) -> None:
    states.append(RUNS)
    outcome = ariigcn("dgl")
    assert outcome.code == 0
    for word in ("2.1.0 in /site/dgl", "ctypes", "dgl.dataloading", "dgl.graphbolt, dgl.sparse:"):
        assert word in outcome.out


def test_absence_says_how_to_install_and_what_works_without(ariigcn: Callable, states) -> None:
    states.append(DGLState())
    outcome = ariigcn("dgl")
    assert outcome.code == 0
    assert f"not installed: {dgl.INSTALL}" in outcome.out
    assert "works without" in outcome.out


def test_dgl_that_does_not_run_is_described(ariigcn: Callable, states: list) -> None:
    states.append(BROKEN)
    outcome = ariigcn("dgl")
    assert outcome.code == 0
    assert "libdgl.so" in outcome.out


def test_installing_tells_the_steps_and_describes_the_result(ariigcn: Callable, states) -> None:
    states += [DGLState(), RUNS]
    outcome = ariigcn("dgl", "--install")
    assert outcome.code == 0
    assert outcome.out.startswith("installed it\n")
    assert "ctypes" in outcome.out


def test_dgl_that_runs_is_not_installed_again(ariigcn: Callable, states: list) -> None:
    states.append(RUNS)
    outcome = ariigcn("dgl", "--install")
    assert (outcome.code, states) == (0, [])
    assert outcome.out.startswith("installed already, nothing was done\n")


def test_dgl_that_does_not_run_once_installed_is_an_error(ariigcn: Callable, states) -> None:
    states += [DGLState(), BROKEN]
    outcome = ariigcn("dgl", "--install")
    assert outcome.code == 2
    assert outcome.err == ("ariigcn: DGL is installed but does not run: ImportError: libdgl.so\n")


def test_a_failed_installation_is_one_sentence(refused: Callable, states, monkeypatch) -> None:
    def fail(say: Callable) -> None:
        raise InputError("there is no pip")

    states.append(DGLState())
    monkeypatch.setattr(dgl, "install_dgl", fail)
    assert refused("dgl", "--install") == "there is no pip"
