"""Derivatives that native operators lack: forward mode, and those of torch.func."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad


def is_transformed(*tensors: Tensor | None) -> bool:
    """Return whether a derivative is taken that only the references in plain torch have.

    Operators registered with torch.library know the reverse mode of ``backward``. Of the forward
    mode they drop the tangents without a word, and torch.func's reverse mode refuses them; so both
    are computed by the references. The same goes for vmap, which would loop.

    Parameters
    ----------
    *tensors : Tensor or None
        What is differentiated.

    Examples
    --------
    >>> x = torch.ones(2)
    >>> is_transformed(x), torch.func.vmap(lambda row: row * is_transformed(row))(x).tolist()
    (False, [1.0, 1.0])
    """
    if torch._C._are_functorch_transforms_active():  # also where Dynamo compiles it
        return True
    if torch.compiler.is_compiling():
        return False
    if forward_ad._current_level < 0:  # outside of any forward-mode level nothing has a tangent
        return False
    return any(x is not None and forward_ad.unpack_dual(x).tangent is not None for x in tensors)
