"""Problems that take a blink, and a peer that can be wrong, absent, too large or broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.benchmark import machine
from ariigcn_dgl.benchmark.dialogues import SHAPES
from ariigcn_dgl.benchmark.options import Options
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import PASSES, CaseRecord, Ceilings
from ariigcn_dgl.benchmark.runner import run_case
from ariigcn_dgl.benchmark.step import SHAPES as STEP_SHAPES
from ariigcn_dgl.benchmark.step import WIDTHS

CPU = torch.device("cpu")
CEILINGS = Ceilings(threads=1, dtype="float32", fma=100.0, gemm=80.0, copy=10.0)


@dataclass(frozen=True)
class Square:
    """y = x², of 2 GFLOP and 1 GB."""

    extra: tuple[Peer, ...] = ()
    operator = "square"
    shape = "N3"
    passes = PASSES

    def inputs(self, dtype: torch.dtype, device: torch.device, seed: int = 0) -> Tensor:
        return torch.tensor([1.0, 2.0, 3.0], dtype=dtype, requires_grad=True)

    def sizes(self, inputs: Tensor) -> dict[str, int]:
        return {"N": 3}

    def work(self, inputs: Tensor) -> dict[str, tuple[float, float]]:
        return dict.fromkeys(PASSES, (2e9, 1e9))

    def grad(self, inputs: Tensor) -> Tensor:
        return torch.ones(3)

    def truth(self, inputs: Tensor, name: str) -> list[Tensor]:
        x = inputs.detach().double()
        return [x**2] if name == "forward" else [x**2, 2 * x]

    def peers(self) -> tuple[Peer, ...]:
        return (Peer("ours", "ours", lambda x: Built(lambda: x**2, [x])), *self.extra)


@pytest.fixture
def measure() -> Callable[..., CaseRecord]:
    """Run one case quickly."""

    def run(problem: Any, dtype: str = "float32", **options: Any) -> CaseRecord:
        chosen = Options(**{"seconds": 0.0} | options)
        peers = [peer for peer in problem.peers() if chosen.wanted(peer.key)]
        return run_case(
            problem, peers, replace(CEILINGS, dtype=dtype), chosen, CPU, lambda *step: None
        )

    return run


@pytest.fixture
def square() -> type[Square]:
    """Return the problem y = x²."""
    return Square


@pytest.fixture(scope="session")
def small_machine() -> Iterator[None]:
    """Measure the machine in an instant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "GEMM_SIZE", {"cpu": 256})
        patch.setattr(machine, "COPY_BYTES", {"cpu": 2**22})
        patch.setattr(machine, "_last_cache", lambda: 0)
        patch.setattr(machine, "SECONDS", 0.02)
        yield


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every shape three dialogues of 13 utterances: longer than the window."""
    for name in SHAPES:
        monkeypatch.setitem(SHAPES, name, (3, 13))
    for name in WIDTHS:
        monkeypatch.setitem(WIDTHS, name, 7)
    for name, shape in STEP_SHAPES.items():
        like = replace(shape.like, length_min=12, length_mean=13, length_max=14)
        monkeypatch.setitem(STEP_SHAPES, name, replace(shape, dialogues=3, like=like))
