"""The native library, called directly as `torch.ops.ariigcn.*`."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch

from fuzz.operators.tensors import other
from fuzz.target import Case, Target
from tests.native_calls import CALLS


class Native(Target):
    """A call that fits, of which one to three arguments no longer do."""

    name = "operators"
    # What a check raises, what the dispatcher raises for other kinds of tensors, and torch where a
    # fake asks a meta tensor for a dimension that it lacks.
    refusals = (RuntimeError, TypeError, ValueError, IndexError, MemoryError)
    names_the_file = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.calls = CALLS | {"relational_attention_backward": _backward()}

    def make(self, rng: random.Random) -> Case:
        """Choose an operator and change arguments."""
        name = rng.choice(list(self.calls))
        call, arguments = self.calls[name]
        arguments, done = dict(arguments), []
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            argument = rng.choice(list(arguments))
            arguments[argument], how = other(rng, arguments[argument])
            done.append(f"{argument} {how}")
        return Case(f"{name}: {', '.join(done)}", value=(call, tuple(arguments.values())))

    def run(self, case: Case, folder: Path) -> None:
        """Call it, and read every number that comes out, or was written to what was given."""
        call, arguments = case.value
        out = call(*arguments)
        if out is None:
            out = tuple(x for x in arguments if isinstance(x, torch.Tensor))
        for tensor in out if isinstance(out, tuple) else (out,):
            if tensor.device.type == "cpu":
                tensor.sum()


def _backward() -> tuple[Any, dict[str, Any]]:
    """Return the one call that takes what another has returned."""
    call, arguments = CALLS["relational_attention"]
    out, *kept = call(*arguments.values())
    inputs = {name: value for name, value in arguments.items() if name != "keep"}
    given = {"grad_out": torch.ones_like(out), "grad_alpha": None}
    given |= dict(zip(("alpha", "u", "v", "pre"), kept, strict=True))
    return torch.ops.ariigcn.relational_attention_backward, given | inputs
