"""A pretended device: what is there has values, and is kept apart from the CPU as on a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

ELSEWHERE = "meta"  # any torch knows it, and knows no values there: those are beside the tensor
aten = torch.ops.aten
# A GPU, too, takes tensors of the CPU here: sources of copies, indices, sizes of packed batches.
MIXING = {
    aten.copy_.default,
    aten.index.Tensor,
    aten.index_put_.default,
    aten.gru.data,
    aten.lstm.data,
}


class _Elsewhere(Tensor):
    """A tensor of the pretended device; its values are on the CPU."""

    values: Tensor

    @staticmethod
    def __new__(cls, values: Tensor) -> _Elsewhere:
        with torch.inference_mode(False):  # for views of parameters, which count their versions
            found = Tensor._make_wrapper_subclass(
                cls, values.shape, strides=values.stride(), dtype=values.dtype, device=ELSEWHERE
            )
        found.values = values
        return found

    @classmethod
    def __torch_dispatch__(cls, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"{call}: outside of `elsewhere`")


class _Device(TorchDispatchMode):
    """Computes on the values; what comes out is where a device was named, or where inputs are."""

    def __torch_dispatch__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        leaves = tree_leaves((args, kwargs or {}))
        tensors = [x for x in leaves if isinstance(x, Tensor)]
        there = {id(x.values): x for x in tensors if isinstance(x, _Elsewhere)}
        named = [x.type for x in leaves if isinstance(x, torch.device)]
        if there and not named and call not in MIXING:
            for x in tensors:
                if x.dim() and not isinstance(x, _Elsewhere):
                    raise RuntimeError(f"{call}: a tensor of shape {tuple(x.shape)} is on the CPU")
        args, kwargs = tree_map_only(_Elsewhere, lambda x: x.values, (args, kwargs or {}))
        args, kwargs = tree_map_only(torch.device, lambda _: torch.device("cpu"), (args, kwargs))
        out = call(*args, **kwargs)
        stays = ELSEWHERE in named if named else bool(there)
        if not stays:
            return out
        return tree_map_only(
            Tensor, lambda x: there[id(x)] if id(x) in there else _Elsewhere(x), out
        )


@contextmanager
def elsewhere() -> Iterator[str]:
    """Make the device usable, and return its name; numbers on it are those of the CPU.

    Reading values without a copy to the CPU is an error, as is mixing tensors of both devices.
    """
    with _Device():
        yield ELSEWHERE
