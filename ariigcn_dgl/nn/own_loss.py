"""Losses of other packages: what they are shown of a training step."""

from __future__ import annotations

from math import inf
from typing import Annotated, NamedTuple

from torch import Tensor, nn

from ariigcn_dgl.limits import Limit
from ariigcn_dgl.plugins import Registered, Registry


class Seen(NamedTuple):
    """What a training step has computed of a batch when losses are asked for.

    N utterances, M modalities, C classes.

    Parameters
    ----------
    fused : (N, F) tensor
        The fused utterances, which the classifier reads.
    states : (M, N, D) tensor
        Each modality after the graph.
    logits : (N, C) tensor
    labels : (N,) int64 tensor
        Class, -1 where unknown: such a row counts in no supervised loss.
    """

    fused: Tensor
    states: Tensor
    logits: Tensor
    labels: Tensor


class Loss(nn.Module):
    """A term of the training loss; subclasses define `forward`, and may have parameters.

    Parameters
    ----------
    in_feats : int
        Width F of the fused utterances.
    num_classes : int
        Number of classes C.
    """

    def __init__(self, in_feats: int, num_classes: int) -> None:
        super().__init__()
        self.in_feats = in_feats
        self.num_classes = num_classes

    def forward(self, seen: Seen) -> Tensor:
        """Return the loss, a scalar; 0 and not NaN where no row counts."""
        raise NotImplementedError


LOSSES = Registry[Loss]("loss", Loss, {})
LossWeights = Annotated[
    dict[str, float],
    Registered(LOSSES),
    Limit(
        "a finite weight that is not negative for each loss",
        lambda x: all(0 <= weight < inf for weight in x.values()),
    ),
]
