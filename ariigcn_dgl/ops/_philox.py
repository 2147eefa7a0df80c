"""The random numbers of the native kernels (`csrc/philox.h`), in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

LOW = 0xFFFFFFFF  # the lower 32 bits of an int64


def _philox(key: Tensor, low: Tensor, high: Tensor) -> list[Tensor]:
    """Return Philox-4x32-10's four words (Salmon et al. 2011), each below 2**32, as int64."""
    word = [low & LOW, (low >> 32) & LOW, high & LOW, (high >> 32) & LOW]
    k0, k1 = key & LOW, (key >> 32) & LOW
    # Rounds, multipliers and steps of the keys are the published ones.
    for _ in range(10):
        a, b = word[0] * 0xD2511F53, word[2] * 0xCD9E8D57  # wrap around; the bits are right
        word = [(b >> 32) & LOW ^ word[1] ^ k0, b & LOW, (a >> 32) & LOW ^ word[3] ^ k1, a & LOW]
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return word


def dropout_scale(seed: Tensor, probability: float, like: Tensor) -> Tensor:
    """Return what dropout multiplies every edge of every group by, (G, E): 0 or 1 / keep.

    Parameters
    ----------
    seed : int64 scalar
        Of this call.
    probability : float
        Probability that an edge is dropped.
    like : (G, E) tensor
        Gives shape, dtype (that the kernel computes in) and device.
    """
    groups, edges = like.shape
    edge = torch.arange(edges, device=like.device)
    group = torch.arange(groups, device=like.device).unsqueeze(1).expand(groups, edges)
    # As in the kernels: a counter for four edges of a group, each of which reads one word.
    words = torch.stack(_philox(seed.to(like.device), (edge // 4).expand(groups, edges), group))
    word = words.gather(0, (edge % 4).expand(1, groups, edges)).squeeze(0)
    keep = torch.tensor(1 - probability, dtype=like.dtype, device=like.device)
    # 24 bits: all that float32 holds without rounding, which might give 1.
    kept = (word >> 8).to(like.dtype) * 2.0**-24 < keep
    return torch.where(kept, 1 / keep, torch.zeros_like(keep))
