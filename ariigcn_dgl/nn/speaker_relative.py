"""How an utterance differs from the same speaker's other utterances in the dialogue."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ariigcn_dgl.transfer import send


class SpeakerRelative(nn.Module):
    """Append to each row its difference from the speaker's mean row in the dialogue.

    Loudness, pitch or a face mean little until compared with how this speaker usually sounds or
    looks; the mean is over the utterances of the speaker in the dialogue that have the modality.

    Parameters
    ----------
    causal : bool
        The mean is over the utterances so far, this one included.

    Examples
    --------
    >>> import torch
    >>> feat, thread = torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1])
    >>> SpeakerRelative()(feat, torch.ones(3).bool(), thread).tolist()
    [[1.0, -1.0], [3.0, 1.0], [5.0, 0.0]]
    >>> SpeakerRelative(causal=True)(feat, torch.ones(3).bool(), thread)[:, 1]
    tensor([0., 1., 0.])
    """

    def __init__(self, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal

    def forward(self, feat: Tensor, mask: Tensor, thread: Tensor) -> Tensor:
        """Return the widened rows.

        Parameters
        ----------
        feat : (N, D) tensor
            Rows of one modality.
        mask : (N,) bool tensor
            False: the row is missing and takes no part, whatever it holds; both its halves are 0.
        thread : (N,) int64 tensor
            Speaker in the dialogue, as `ariigcn_dgl.graph.speaker_threads` numbers them.

        Returns
        -------
        (N, 2 D) tensor
        """
        (thread,) = send([thread], feat.device)
        known = torch.where(mask.unsqueeze(1), feat, 0)
        mean = (_running_mean if self.causal else _mean)(known, mask, thread)
        return torch.cat([known, (known - mean) * mask.unsqueeze(1)], dim=1)


def _mean(known: Tensor, mask: Tensor, thread: Tensor) -> Tensor:
    """Return the mean of each row's thread, (N, D), given zeros where rows are missing."""
    sums, counts = _add_up(known, thread), _add_up(mask.to(known), thread).clamp(min=1)
    return (sums / counts.unsqueeze(1))[thread]


def _add_up(rows: Tensor, thread: Tensor) -> Tensor:
    """Return the sum of each thread's rows, added in their order."""
    empty = torch.zeros_like(rows)
    if rows.device.type == "cpu":
        return empty.index_add(0, thread, rows)
    # Sorts, where index_add would add in any order on CUDA (and this one, with threads, on the CPU)
    return empty.index_put((thread,), rows, accumulate=True)


def _running_mean(known: Tensor, mask: Tensor, thread: Tensor) -> Tensor:
    """Return the mean of each row's thread so far, (N, D), given zeros where rows are missing."""
    thread, order = torch.sort(thread, stable=True)
    starts = torch.searchsorted(thread, thread)
    # In float64, because sums over all earlier threads are taken off again.
    rows = torch.cat([known.double(), mask.double().unsqueeze(1)], 1)[order]
    sums = rows.cumsum(0)
    sums = sums - (sums - rows)[starts]
    mean = (sums[:, :-1] / sums[:, -1:].clamp(min=1)).to(known)
    return torch.empty_like(mean).index_copy(0, order, mean)
