"""The sentences before one: their memory and the states that it is read with (Hasan 2019)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._positions import positions
from ariigcn_dgl.nn.transformer_block import TransformerBlock


class SentenceContext(nn.Module):
    """Make of the states of earlier sentences what `MemoryFusion` begins with (Hasan 2019).

    A Transformer encoder over all modalities side by side gives the memory, a linear map of each
    modality's states the cells of its LSTM: the multimodal context network of C-MFN (`arXiv
    1904.06618 <https://arxiv.org/abs/1904.06618>`_). Sentences that do not exist are neither
    attended to nor mapped; without any, memory and cells are zeros.

    Parameters
    ----------
    widths : mapping of str to int
        Width W_m of a sentence's state in each modality.
    hidden_dims : mapping of str to int
        Width H_m of the LSTMs.
    memory_dim : int
        Width U of the memory.
    num_sentences : int
        Sentences K before the one.
    dim, num_heads, num_layers : int
        Width, heads and blocks of the Transformer; the width is even.
    dropout : float
        Dropout in the Transformer and on its result.

    Examples
    --------
    >>> import torch
    >>> context = SentenceContext({"text": 4}, {"text": 3}, memory_dim=7, dim=8, num_heads=2)
    >>> states, exists = {"text": torch.randn(2, 5, 4)}, torch.ones(2, 5).bool()
    >>> cells, memory = context(states, exists)
    >>> cells["text"].shape, memory.shape
    (torch.Size([2, 3]), torch.Size([2, 7]))
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        hidden_dims: Mapping[str, int],
        memory_dim: int,
        num_sentences: int = 5,
        dim: int = 512,
        num_heads: int = 8,
        num_layers: int = 6,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.cells = nn.ModuleDict(
            {m: nn.Linear(num_sentences * w, hidden_dims[m]) for m, w in widths.items()}
        )
        self.project = nn.Linear(sum(widths.values()), dim)
        self.blocks = nn.ModuleList(
            [TransformerBlock(dim, num_heads, dropout) for _ in range(num_layers)]
        )
        self.remember = nn.Linear(num_sentences * dim, memory_dim)
        self.dropout = Dropout(dropout)

    def forward(
        self, states: Mapping[str, Tensor], exists: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return cells and memory.

        Parameters
        ----------
        states : mapping of str to (B, K, W_m) tensor
            Of the K sentences before each, in their order; zeros where a modality is missing.
        exists : (B, K) bool tensor
            Which of them there are; the nearest stands last.

        Returns
        -------
        dict of str to (B, H_m) tensor, (B, U) tensor
        """
        there = {m: x.masked_fill(~exists.unsqueeze(2), 0) for m, x in states.items()}
        some = exists.any(1, keepdim=True)
        cells = {m: torch.where(some, f(there[m].flatten(1)), 0) for m, f in self.cells.items()}
        table = self.project(torch.cat([there[m] for m in self.cells], -1))
        table = table + positions(table)
        hidden = ~exists & some  # without any sentence all are looked at, and nothing is kept
        for block in self.blocks:
            table = block(table, table, hidden)
        table = table.masked_fill(~exists.unsqueeze(2), 0).flatten(1)
        return cells, self.dropout(torch.where(some, self.remember(table), 0))
