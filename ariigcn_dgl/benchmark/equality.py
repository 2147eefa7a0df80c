"""Whether a peer computes the same as float64 does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# Largest relative error in norm that counts as equal: sums of 100,000 rows, added one by one in
# float32 as some peers do, are off by 1e-5; a wrong formula is off by more than 1e-3. Halves round
# elements across the kink of ReLU.
TOLERANCE = {
    torch.float64: 1e-12,
    torch.float32: 1e-4,
    torch.bfloat16: 1e-1,
    torch.float16: 2e-2,
}


def relative_error(found: Sequence[Tensor | None], expected: Sequence[Tensor]) -> float:
    r"""Return the largest :math:`\|x - y\| / \|y\|` of the pairs.

    It is infinite where shapes differ or a tensor is missing.

    Examples
    --------
    >>> relative_error([torch.tensor([3.0, 4.1])], [torch.tensor([3.0, 4.0])])  # doctest: +ELLIPSIS
    0.0199...
    """
    if len(found) != len(expected):
        return float("inf")
    return max((_one(x, y) for x, y in zip(found, expected, strict=True)), default=0.0)


def _one(found: Tensor | None, expected: Tensor) -> float:
    if found is None or found.shape != expected.shape:
        return float("inf")
    found, expected = found.detach().double().cpu(), expected.detach().double().cpu()
    error = float(torch.linalg.vector_norm(found - expected))
    if error == 0:
        return 0.0
    relative = error / max(
        float(torch.linalg.vector_norm(expected)), torch.finfo(torch.double).tiny
    )
    return relative if relative == relative else float("inf")  # NaN is no small error
