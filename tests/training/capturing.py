"""CUDA graphs, emulated on the CPU: the operators of a function, captured with their memory.

As on CUDA, what is captured reads and writes where it did the first time, whatever Python would do
now: shapes, numbers that Python knew and tensors that were there before are frozen. Memory is not
used twice, as it is on CUDA.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WAITS = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "item"}


class _Operators(TorchDispatchMode):
    """Keeps every call of an operator with its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple, dict, Any]] = []

    def __torch_dispatch__(self, call, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = call.name().split("::")[1].split(".")[0]
        assert name not in WAITS, f"{call.name()} makes the host wait: a CUDA graph cannot hold it"
        result = call(*args, **kwargs)
        self.calls.append((call, args, kwargs, result))
        return result


class EmulatedGraphs:
    """A `GraphCapture` that does on the CPU what `CudaGraphs` does on a GPU."""

    def __init__(self) -> None:
        self.replays = 0

    def warm_up(self, function: Callable[[], Any]) -> Any:
        return function()

    def capture(self, function: Callable[[], Any]) -> Callable[[], Any]:
        with _Operators() as operators:
            result = function()
        carried_out = [True]  # which CUDA does not do while it captures

        def replay() -> Any:
            self.replays += 1
            if not carried_out:
                for call in operators.calls:
                    _repeat(*call)
            carried_out.clear()
            return result

        return replay


def _repeat(call: Any, args: tuple, kwargs: dict, result: Any) -> None:
    """Call an operator on the same memory, into the same memory; gradients are operators, too."""
    with torch._C._AutoDispatchBelowAutograd():
        again = call(*args, **kwargs)
        for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
            if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                old.copy_(new)
