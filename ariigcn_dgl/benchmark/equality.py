"""Whether a peer computes the same as float64 does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

# Largest error that counts as equal: many roundings of float32, as sums of 100,000 rows are among
# the gradients, but two or three of the halves, whose kernels add up in float32. Who rounds
# everything in between has more: `Peer.slack`.
TOLERANCE = {
    torch.float64: 1e-12,
    torch.float32: 1e-5,
    torch.bfloat16: 5e-3,
    torch.float16: 1e-3,
}


def relative_error(found: Sequence[Tensor | None], expected: Sequence[Tensor]) -> float:
    r"""Return the largest :math:`\max_i \|x_i - y_i\| / \max_i \|y_i\|` of the pairs, of rows i.

    The norm of a whole tensor would hide one wrong row of 100,000. The largest element would be
    mostly chance: of so many roundings one is large. In a row of 256 one wrong element is 6 %. It
    is infinite where shapes differ or a tensor is missing.

    Examples
    --------
    >>> relative_error([torch.tensor([3.0, 4.1])], [torch.tensor([3.0, 4.0])])  # doctest: +ELLIPSIS
    0.0199...
    """
    if len(found) != len(expected):
        return float("inf")
    return max((_one(x, y) for x, y in zip(found, expected, strict=True)), default=0.0)


@contextmanager
def poisoned() -> Iterator[None]:
    """Fill new tensors with NaN, so that what a kernel leaves unwritten is seen.

    That is what torch does while algorithms have to be deterministic.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings():  # of torch's operators that have no deterministic form
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)


def _one(found: Tensor | None, expected: Tensor) -> float:
    if found is None or found.shape != expected.shape:
        return float("inf")
    if not expected.numel():
        return 0.0
    found, expected = found.detach().double().cpu(), expected.detach().double().cpu()
    error, scale = _largest_row(found - expected), _largest_row(expected)
    if error == 0:
        return 0.0
    relative = error / max(scale, torch.finfo(torch.double).tiny)
    return relative if relative == relative else float("inf")  # NaN is no small error


def _largest_row(x: Tensor) -> float:
    return float(
        torch.linalg.vector_norm(x.reshape(-1, x.size(-1) if x.dim() else 1), dim=1).amax()
    )
