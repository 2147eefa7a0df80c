"""How an utterance differs from the same speaker's other utterances in the dialogue."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ariigcn_dgl import _native  # noqa: F401  (registers the operators)
from ariigcn_dgl.transfer import send


def speaker_threads(speakers: Tensor, lengths: Tensor) -> Tensor:
    """Return the thread of each utterance: one speaker's utterances in one dialogue.

    Parameters
    ----------
    speakers : (N,) int64 tensor
        Speaker of each utterance, dialogue after dialogue.
    lengths : (B,) int64 tensor
        Utterances in each dialogue, on the CPU.

    Returns
    -------
    (N,) int64 tensor
        Thread of each utterance, 0 to the number of threads - 1, by first appearance.

    Examples
    --------
    >>> import torch
    >>> speaker_threads(torch.tensor([0, 1, 0, 0]), torch.tensor([3, 1])).tolist()
    [0, 1, 0, 2]
    """
    numbers, counts = _number(speakers, lengths)
    first = counts.cumsum(0) - counts
    return (numbers + first.repeat_interleave(lengths)).to(speakers.device)


def speaker_numbers(speakers: Tensor, lengths: Tensor) -> Tensor:
    """Return the number of each utterance's speaker in the dialogue, by first appearance.

    Parameters
    ----------
    speakers : (N,) int64 tensor
        Speaker of each utterance, dialogue after dialogue.
    lengths : (B,) int64 tensor
        Utterances in each dialogue, on the CPU.

    Returns
    -------
    (N,) int64 tensor

    Examples
    --------
    >>> import torch
    >>> speaker_numbers(torch.tensor([7, 3, 7, 3]), torch.tensor([3, 1])).tolist()
    [0, 1, 0, 0]
    """
    return _number(speakers, lengths)[0].to(speakers.device)


def _number(speakers: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    return torch.ops.ariigcn.number_speakers(lengths.contiguous(), speakers.cpu().contiguous())


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
    >>> feat, speaker = torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1])
    >>> SpeakerRelative()(feat, torch.ones(3).bool(), speaker, torch.tensor([3])).tolist()
    [[1.0, -1.0], [3.0, 1.0], [5.0, 0.0]]
    >>> SpeakerRelative(causal=True)(feat, torch.ones(3).bool(), speaker, torch.tensor([3]))[:, 1]
    tensor([0., 1., 0.])
    """

    def __init__(self, causal: bool = False) -> None:
        super().__init__()
        self.causal = causal

    def forward(self, feat: Tensor, mask: Tensor, speakers: Tensor, lengths: Tensor) -> Tensor:
        """Return the widened rows.

        Parameters
        ----------
        feat : (N, D) tensor
        mask : (N,) bool tensor
            False: the row is missing and takes no part; both its halves are 0.
        speakers : (N,) int64 tensor
            Best on the CPU.
        lengths : (B,) int64 tensor
            Utterances in each dialogue, on the CPU.

        Returns
        -------
        (N, 2 D) tensor
        """
        thread = speaker_threads(speakers.cpu(), lengths)
        mean = (_running_mean if self.causal else _mean)(feat, mask, thread)
        return torch.cat([feat, (feat - mean) * mask.unsqueeze(1)], dim=1)


def _mean(feat: Tensor, mask: Tensor, thread: Tensor) -> Tensor:
    """Return the mean of each row's thread, (N, D); threads, (N,), are on the CPU."""
    (thread,) = send([thread], feat.device)
    known = torch.where(mask.unsqueeze(1), feat, 0)
    sums, counts = _add_up(known, thread), _add_up(mask.to(feat), thread).clamp(min=1)
    return (sums / counts.unsqueeze(1))[thread]


def _add_up(rows: Tensor, thread: Tensor) -> Tensor:
    """Return the sum of each thread's rows, added in their order."""
    empty = torch.zeros_like(rows)
    if rows.device.type == "cpu":
        return empty.index_add(0, thread, rows)
    # Sorts, where index_add would add in any order on CUDA (and this one, with threads, on the CPU)
    return empty.index_put((thread,), rows, accumulate=True)


def _running_mean(feat: Tensor, mask: Tensor, thread: Tensor) -> Tensor:
    """Return the mean of each row's thread so far, (N, D); threads, (N,), are on the CPU."""
    order = torch.argsort(thread, stable=True)
    lengths = torch.bincount(thread)
    starts = (lengths.cumsum(0) - lengths)[thread[order]]
    order, starts = send([order, starts], feat.device)
    # In float64, because sums over all earlier threads are taken off again.
    rows = torch.cat([feat.double(), mask.double().unsqueeze(1)], 1)
    rows = torch.where(mask.unsqueeze(1), rows, 0)[order]
    sums = rows.cumsum(0)
    sums = sums - (sums - rows)[starts]
    mean = (sums[:, :-1] / sums[:, -1:].clamp(min=1)).to(feat)
    return torch.empty_like(mean).index_copy(0, order, mean)
