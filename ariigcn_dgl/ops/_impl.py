"""Which computation an operator is asked for."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor

from ariigcn_dgl.ops._checks import require_choice
from ariigcn_dgl.ops._transforms import is_transformed

Impl = Literal["native", "reference"]


def is_reference(impl: Impl, *inputs: Tensor | float | None) -> bool:
    """Return whether plain torch computes: as asked for, or for derivatives that only it has.

    Raises
    ------
    ValueError
        If `impl` is neither of the two.
    """
    require_choice("impl", impl, get_args(Impl))
    return impl == "reference" or is_transformed(*(x for x in inputs if isinstance(x, Tensor)))
