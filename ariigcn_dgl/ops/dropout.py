"""Dropout that costs little on the CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.ops._checks import require_floating
from ariigcn_dgl.ops._impl import Impl, is_reference


def dropout(x: Tensor, p: float, *, impl: Impl = "native") -> Tensor:
    """Zero each entry with probability `p`; scale the others, so that the mean is kept.

    On the CPU the mask is a hash of each position and one number from torch's generator: no mask is
    stored, and the result does not depend on the number of threads. There `p` is rounded to a
    multiple of 2**-16. On other devices this is `torch.nn.functional.dropout`.

    Parameters
    ----------
    x : floating tensor
        Of any shape.
    p : float
        From 0 to 1.
    impl : {"native", "reference"}
        "reference" computes in plain torch, as for debugging.

    Returns
    -------
    tensor like `x`

    Raises
    ------
    ValueError
        If `p` is out of range or `x` is not floating.

    Examples
    --------
    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> dropout(torch.ones(2, 3), p=0.5).unique().tolist()
    [0.0, 2.0]
    """
    require_floating(x=x)
    if not 0 <= p <= 1:
        raise ValueError(f"p must lie between 0 and 1, got {p}")
    if x.device.type != "cpu" or is_reference(impl, x):
        return F.dropout(x, p)
    seed = torch.empty((), dtype=torch.int64, device=x.device).random_(
        -(2**63), None
    )  # any 64 bits
    return torch.ops.ariigcn.dropout(x.contiguous(), seed, p)


@torch.library.register_fake("ariigcn::dropout")
def _(x, seed, p):
    return torch.empty_like(x)


def _setup_context(ctx, inputs, output):
    # Instead of the mask: backward draws it again from the seed.
    _, seed, ctx.p = inputs
    ctx.save_for_backward(seed)


def _backward(ctx, grad):
    (seed,) = ctx.saved_tensors
    return torch.ops.ariigcn.dropout(grad.contiguous(), seed, ctx.p), None, None


torch.library.register_autograd("ariigcn::dropout", _backward, setup_context=_setup_context)
