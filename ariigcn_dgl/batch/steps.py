"""Sequences of rows per utterance, as tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ariigcn_dgl.data.ragged import Ragged
from ariigcn_dgl.transfer import send, send_rows


@dataclass(frozen=True)
class Steps:
    """Rows of the utterances of a batch, one after the other: words, or frames.

    Parameters
    ----------
    rows : (P, D) float32 tensor
        Of all utterances.
    lengths : (N,) int64 tensor
        Rows of each utterance, on the CPU; 0 where it lacks the modality.

    Examples
    --------
    >>> table, exists = Steps(torch.ones(3, 4), torch.tensor([1, 0, 2])).padded()
    >>> table.shape, exists.tolist()
    (torch.Size([3, 2, 4]), [[True, False], [False, False], [True, True]])
    """

    rows: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, sequence: Ragged) -> Steps:
        """Return the sequences of a data set."""
        return cls(torch.from_numpy(sequence.rows), torch.from_numpy(sequence.lengths))

    def to(self, device: torch.device | str) -> Steps:
        """Return the rows on `device`; lengths stay on the CPU."""
        return Steps(send([self.rows], device)[0], self.lengths)

    def padded(self, longest: int | None = None) -> tuple[Tensor, Tensor]:
        """Return the utterances side by side, (N, L, D), zeros behind each, and where rows stand.

        Parameters
        ----------
        longest : int, optional
            Rows of an utterance beyond this many are left out.

        Returns
        -------
        (N, L, D) tensor, (N, L) bool tensor
            L is at least 1.
        """
        step = torch.arange(max(1, int(self.lengths.max())), device=self.lengths.device)
        exists = step < self.lengths.unsqueeze(1)
        places = send_rows(exists.flatten(), self.rows.device)
        table = self.rows.new_zeros(exists.numel(), self.rows.size(1))
        table = table.index_copy(0, places, self.rows).view(*exists.shape, -1)
        return table[:, :longest], send([exists], self.rows.device)[0][:, :longest]
