"""Let a whole model compute in plain torch."""

from __future__ import annotations

from typing import Protocol, get_args, runtime_checkable

from torch import nn

from ariigcn_dgl.ops import Impl
from ariigcn_dgl.ops._checks import require_choice


@runtime_checkable
class _HasImpl(Protocol):
    impl: Impl


def set_impl(module: nn.Module, impl: Impl) -> nn.Module:
    """Choose the computation of a module's layers: by this package's operators, or by torch's.

    The numbers are the same but for rounding, and but for dropout, which draws others. `PartyRNN`,
    the recurrence of DialogueRNN, has one computation, and keeps it.

    Parameters
    ----------
    module : nn.Module
        Any; its layers of `ariigcn_dgl.nn` are changed in place.
    impl : {"native", "reference"}
        "reference" is for debugging, and what `ariigcn benchmark step` compares with.

    Returns
    -------
    nn.Module
        The same.

    Examples
    --------
    >>> from ariigcn_dgl.nn import MeanConv
    >>> set_impl(nn.Sequential(MeanConv(4, 4)), "reference")[0].impl
    'reference'
    """
    require_choice("impl", impl, get_args(Impl))
    for part in module.modules():
        if isinstance(part, _HasImpl):
            part.impl = impl
    return module
