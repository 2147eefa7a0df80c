"""The parts that every operator's benchmark is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.record import Pass


@dataclass(frozen=True)
class Built:
    """A peer that is ready to be called.

    Parameters
    ----------
    forward : callable
        Computes the output from tensors that it holds; of a step, takes it and returns its losses.
    leaves : sequence of tensors
        What is differentiated: the inputs and parameters, in the problem's order where the formula
        is the same.
    values : callable
        Makes of [output, *gradients] the tensors that are compared; not timed.
    timed : mapping of str to callable
        What is timed of each pass, where that is not the forward function and its gradient; of
        other passes nothing is.
    """

    forward: Callable[[], Any]
    leaves: Sequence[Tensor] = ()
    values: Callable[[list[Any]], list[Tensor]] = list
    timed: Mapping[Pass, Callable[[], Any]] = field(default_factory=dict)


def _nothing(inputs: Any) -> str:
    return ""


def _no_bytes(inputs: Any) -> int:
    return 0


@dataclass(frozen=True)
class Peer:
    """One implementation of an operator.

    Parameters
    ----------
    key, title : str
        What options and tables call it.
    build : callable
        Prepares it for inputs, outside of the timing: graphs, formats, parameters.
    package : str
        What must be installed, by its import name.
    same : bool
        Whether it computes the same formula, so that results can be compared.
    slack : float
        How many times the tolerance it may err: 1 where our kernels round nothing but what they
        read and write, ten where torch's operators round everything in between as well.
    compiled : bool
        Whether the first call compiles.
    bytes_needed : callable
        Estimate of the memory of forward + backward for inputs; more than is free: not run.
    refusal : callable
        Why it is not run for inputs; "" if it is.
    """

    key: str
    title: str
    build: Callable[[Any], Built]
    package: str = ""
    same: bool = True
    slack: float = 10.0
    compiled: bool = False
    bytes_needed: Callable[[Any], int] = _no_bytes
    refusal: Callable[[Any], str] = _nothing


@cache
def compiled(function: Callable[..., Any]) -> Any:
    """Return a function compiled for the shapes that it meets, once for all copies of inputs."""
    return torch.compile(function, dynamic=False, fullgraph=True)


class Problem(Protocol):
    """An operator at one shape."""

    operator: str

    @property
    def shape(self) -> str:
        """What tables call it."""

    @property
    def passes(self) -> tuple[Pass, ...]:
        """What can be timed."""

    def inputs(self, dtype: torch.dtype, device: torch.device, seed: int = 0) -> Any:
        """Return tensors for all peers."""

    def sizes(self, inputs: Any) -> dict[str, int]:
        """Return N, E and so on."""

    def work(self, inputs: Any) -> Mapping[Pass, tuple[float, float]]:
        """Return the FLOPs and bytes that no implementation can avoid."""

    def grad(self, inputs: Any) -> Tensor | None:
        """Return the gradient that reaches the output; None for that of a scalar."""

    def truth(self, inputs: Any, name: Pass) -> list[Tensor]:
        """Return output and gradients in float64, by a formula that shares nothing with ours."""

    def peers(self) -> Sequence[Peer]:
        """Return the implementations, ours first."""
