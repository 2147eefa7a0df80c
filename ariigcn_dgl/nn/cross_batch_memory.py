"""Contrast with the rows of earlier batches, which are kept in a ring (Wang 2020)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ariigcn_dgl.graph.lasting import lasting
from ariigcn_dgl.nn.contrast import Contrast, InstanceContrast
from ariigcn_dgl.ops._checks import require_shape
from ariigcn_dgl.ops.contrast_loss import (
    identities,
    loss_of,
    softmax_loss_of,
    softmax_rows,
    unit_rows,
)
from ariigcn_dgl.ops.pairwise_contrast import contrast_statistics, similarities


class CrossBatchMemory(nn.Module):
    """A contrastive loss of a batch whose pairs are the last K rows, too (Wang 2020).

    The batch's rows take the places of the oldest, then each is compared with all that are kept,
    itself left out. Rows from earlier batches have no gradient. With
    ``ICCLLoss("supcon", t, regularise=False)`` it is pytorch-metric-learning's `CrossBatchMemory`
    with its `SupConLoss(t)`.

    Places, labels and rows are buffers: they are saved in the state, copied and moved with the
    module. In evaluation a batch is compared likewise and forgotten. In plain torch, with a
    (batch, K) tensor of similarities; any number of derivatives.

    Parameters
    ----------
    loss : ICCLLoss, IMCLLoss or PairwiseContrast
        Its rule of pairs, form, similarity and regulariser are used. Where the rule asks for the
        utterance, ids have to tell the utterances of all batches apart.
    embedding_size : int
        Width D of rows.
    memory_size : int
        Number of rows K that are kept, in each group.
    num_groups : int
        Groups of rows, which are not compared: for `ICCLLoss` the modalities.

    Raises
    ------
    ValueError
        If a size is not positive, or the loss none of these.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.nn import ICCLLoss
    >>> loss = CrossBatchMemory(ICCLLoss("supcon", regularise=False), 8, memory_size=100)
    >>> for _ in range(3):
    ...     value = loss(torch.randn(6, 8, requires_grad=True), torch.tensor([0, 0, 1, 1, 2, 2]))
    >>> value.shape, (loss.label >= 0).sum().item()
    (torch.Size([]), 18)
    """

    feat: Tensor
    label: Tensor
    modality: Tensor
    utterance: Tensor
    place: Tensor

    def __init__(
        self, loss: Contrast, embedding_size: int, memory_size: int = 1024, *, num_groups: int = 1
    ) -> None:
        super().__init__()
        if not isinstance(loss, Contrast) or isinstance(loss, InstanceContrast):
            raise ValueError(
                f"loss must be an ICCLLoss, IMCLLoss or PairwiseContrast, got {type(loss).__name__}"
            )
        sizes = {"embedding_size": embedding_size, "memory_size": memory_size}
        for name, size in (sizes | {"num_groups": num_groups}).items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.loss = loss
        self.register_buffer("feat", torch.zeros(num_groups, memory_size, embedding_size))
        for name in ("label", "modality", "utterance"):
            self.register_buffer(name, torch.full((num_groups, memory_size), -1))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    def reset_queue(self) -> None:
        """Forget all rows."""
        self.label = torch.full_like(self.label, -1)
        self.place = torch.zeros_like(self.place)

    def forward(self, *arguments: Tensor) -> Tensor:
        """Return the mean loss over the batch's rows, and keep these.

        Parameters
        ----------
        *arguments : tensors
            What the loss is called with: rows, labels, and what else it takes.

        Returns
        -------
        scalar tensor, float32 or float64
            0 where no row has positives and negatives.

        Raises
        ------
        ValueError
            If shapes, dtypes or devices do not fit, or the batch is larger than the memory.
        """
        loss = self.loss
        feat, label, modality, utterance = loss.rows(*arguments)
        modality, utterance, rule = identities(feat, label, modality, utterance, loss.rule)
        groups, size, width = self.feat.shape
        if feat.size(1) > size:
            raise ValueError(f"feat must have at most memory_size={size} rows, got {feat.size(1)}")
        require_shape("feat", feat, (groups, feat.size(1), width))
        if feat.device != self.feat.device:
            raise ValueError(
                f"feat must be on the device of the memory ({self.feat.device}), got {feat.device}"
            )
        softmax = loss.similarity == "softmax"
        z = softmax_rows(feat, label) if softmax else unit_rows(feat, label)
        ids = label, modality, utterance
        place, kept, kept_ids = self._with(z, ids)
        stats = contrast_statistics(
            similarities(z, kept),
            ids,
            kept_ids,
            place.unsqueeze(1) == torch.arange(size, device=place.device),
            rule,
            temperature=loss.temperature,
            margin=loss.margin,
        )
        value = softmax_loss_of if softmax else loss_of
        return value(stats, loss.form, loss.margin_mode, loss.temperature, loss.margin)

    def _with(
        self, z: Tensor, ids: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor, Tensor]]:
        """Return the places of a batch, and all rows and ids with it; keep these in training."""
        own = self.label, self.modality, self.utterance
        place, end, feat, *kept = _written(self.place, self.feat, own, z.detach(), ids)
        if self.training:
            # Other tensors: backward of an earlier batch may still want those that were.
            self.feat, self.place = feat, end
            self.label, self.modality, self.utterance = kept
        return place, feat, cast("tuple[Tensor, Tensor, Tensor]", tuple(kept))


@lasting
def _written(
    begin: Tensor, feat: Tensor, kept: tuple[Tensor, ...], z: Tensor, ids: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    """Return places from `begin` on round the ring, their end, and what is kept with a batch."""
    end = (begin + z.size(1)) % feat.size(1)
    place = (begin + torch.arange(z.size(1), device=begin.device)) % feat.size(1)
    rows = zip((feat, *kept), (z.to(feat.dtype), *ids), strict=True)
    return place, end, *[old.index_copy(1, place, new) for old, new in rows]
