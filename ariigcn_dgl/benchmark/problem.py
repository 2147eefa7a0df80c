"""The parts that every operator's benchmark is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
    """

    forward: Callable[[], Any]
    leaves: Sequence[Tensor] = ()
    values: Callable[[list[Any]], list[Tensor]] = list


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
    compiled: bool = False
    bytes_needed: Callable[[Any], int] = _no_bytes
    refusal: Callable[[Any], str] = _nothing


class Problem(Protocol):
    """An operator at one shape."""

    operator: str

    @property
    def shape(self) -> str:
        """What tables call it."""

    @property
    def passes(self) -> tuple[Pass, ...]:
        """What can be timed."""

    def inputs(self, dtype: torch.dtype, device: torch.device) -> Any:
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
