"""Memory fusion of aligned sequences (Zadeh 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout


class Remembered(NamedTuple):
    """What `MemoryFusion` ends with: states (B, sum of H_m) and memory (B, U)."""

    states: Tensor
    memory: Tensor


class MemoryFusion(nn.Module):
    r"""An LSTM per modality, and a memory of what changes across them (Zadeh 2018, MFN).

    With :math:`c_t` the cells of all LSTMs side by side, at every step

    .. math::
        a_t = \mathrm{softmax}(f_a([c_{t-1}; c_t])), \qquad
        \hat c_t = a_t \odot [c_{t-1}; c_t], \qquad \hat u_t = \tanh f_u(\hat c_t)

    .. math::
        u_t = \sigma(f_1([\hat c_t; u_{t-1}])) \odot u_{t-1}
            + \sigma(f_2([\hat c_t; u_{t-1}])) \odot \hat u_t

    where each f is two linear layers with a ReLU between (`arXiv 1802.00927
    <https://arxiv.org/abs/1802.00927>`_, Eq. 1-6). An LSTM stands still at steps that its modality
    lacks, the memory where all do.

    Parameters
    ----------
    widths : mapping of str to int
        Width D_m of the rows of each modality.
    hidden_dims : mapping of str to int
        Width H_m of each LSTM.
    memory_dim : int
        Width U of the memory.
    attention_dim : int
        Hidden width of each f.
    dropout : float
        Dropout after the hidden layer of each f.

    Examples
    --------
    >>> import torch
    >>> fusion = MemoryFusion({"text": 5, "audio": 3}, {"text": 4, "audio": 2}, memory_dim=7)
    >>> words = {"text": torch.randn(2, 6, 5), "audio": torch.randn(2, 6, 3)}
    >>> exists = dict.fromkeys(words, torch.ones(2, 6).bool())
    >>> states, memory = fusion(words, exists)
    >>> states.shape, memory.shape
    (torch.Size([2, 6]), torch.Size([2, 7]))
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        hidden_dims: Mapping[str, int],
        memory_dim: int,
        attention_dim: int = 128,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.memory_dim = memory_dim
        self.lstms = nn.ModuleDict({m: nn.LSTMCell(w, hidden_dims[m]) for m, w in widths.items()})
        self.out_feats = sum(hidden_dims[m] for m in widths) + memory_dim
        changes = 2 * (self.out_feats - memory_dim)

        def layers(in_feats: int, out_feats: int) -> nn.Module:
            return nn.Sequential(
                nn.Linear(in_feats, attention_dim),
                nn.ReLU(),
                Dropout(dropout),
                nn.Linear(attention_dim, out_feats),
            )

        self.attend = layers(changes, changes)
        self.propose = layers(changes, memory_dim)
        self.retain = layers(changes + memory_dim, memory_dim)
        self.update = layers(changes + memory_dim, memory_dim)

    def forward(
        self,
        steps: Mapping[str, Tensor],
        exists: Mapping[str, Tensor],
        cells: Mapping[str, Tensor] | None = None,
        memory: Tensor | None = None,
    ) -> Remembered:
        """Read the sequences; return the last states and the last memory.

        Parameters
        ----------
        steps : mapping of str to (B, L, D_m) tensor
            Aligned: row l of each modality belongs to the same word.
        exists : mapping of str to (B, L) bool tensor
            Where each modality has a row.
        cells : mapping of str to (B, H_m) tensor, optional
            Cells that the LSTMs begin with; default zeros.
        memory : (B, U) tensor, optional
            The memory that is begun with; default zeros.

        Returns
        -------
        Remembered
        """
        states, changes = zip(
            *(
                self._read(m, steps[m], exists[m], None if cells is None else cells[m])
                for m in self.lstms
            ),
            strict=True,
        )
        # [c_{t-1}; c_t] of all steps: they depend on no memory, so one product is for all of them.
        around = torch.cat([torch.cat(side, -1) for side in zip(*changes, strict=True)], -1)
        attended = self.attend(around).softmax(-1) * around
        proposed = self.propose(attended).tanh()
        there = torch.stack([exists[m] for m in self.lstms]).any(0)
        u = around.new_zeros(len(around), self.memory_dim) if memory is None else memory
        for seen, new, now in zip(
            attended.unbind(1), proposed.unbind(1), there.unbind(1), strict=True
        ):
            both = torch.cat([seen, u], -1)
            updated = self.retain(both).sigmoid() * u + self.update(both).sigmoid() * new
            u = torch.where(now.unsqueeze(1), updated, u)
        return Remembered(torch.cat(states, -1), u)

    def _read(
        self, modality: str, rows: Tensor, exists: Tensor, cell: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the last state, (B, H), and the cells before and after each step, (B, L, H)."""
        lstm = cast("nn.LSTMCell", self.lstms[modality])
        h = rows.new_zeros(len(rows), lstm.hidden_size)
        c = torch.zeros_like(h) if cell is None else cell
        cells = [c]
        for row, here in zip(rows.unbind(1), exists.unsqueeze(2).unbind(1), strict=True):
            new_h, new_c = lstm(row, (h, c))
            h, c = torch.where(here, new_h, h), torch.where(here, new_c, c)
            cells.append(c)
        return h, (torch.stack(cells[:-1], 1), torch.stack(cells[1:], 1))
