"""The recurrence of DialogueRNN: a dialogue's state, its parties' states and their emotions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ariigcn_dgl.graph.window import check_dialogues, check_lengths
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._gru_steps import Cell
from ariigcn_dgl.nn._layout import no_states, time_major
from ariigcn_dgl.nn._party_scan import EmotionScan, PartyScan, Steps
from ariigcn_dgl.ops._precision import without_autocast
from ariigcn_dgl.transfer import send


class PartyRNN(nn.Module):
    r"""Follow the state of a dialogue, of each of its parties, and of the emotion.

    .. math::
        g_t &= \mathrm{GRU}_g(g_{t-1}, [u_t \oplus q_{s(t),t-1}]) \\
        c_t &= \sum_{k<t} \mathrm{softmax}_k(u_t^\top W_\alpha g_k)\, g_k, \qquad c_1 = 0 \\
        q_{s(t),t} &= \mathrm{GRU}_p(q_{s(t),t-1}, [u_t \oplus c_t]) \\
        q_{j,t} &= \mathrm{GRU}_l(q_{j,t-1}, [u_t \oplus q_{s(t),t}]) \text{ or } q_{j,t-1},
            \qquad j \ne s(t) \\
        e_t &= \mathrm{GRU}_e(e_{t-1}, q_{s(t),t})

    From Majumder 2019, Eq. 1-8; dropout acts on every new state, as in the authors' code. What the
    utterances add to the gates is computed for all time steps at once; so is what the parties'
    states add to the emotion's gates, as the emotion does not act back on them, and the gradient of
    every weight.

    Parameters
    ----------
    in_feats : int
        Width of an utterance.
    global_dim, party_dim, emotion_dim : int
        Widths of g and c, of q, and of e.
    listener : bool
        Update the states of those who do not speak, by a GRU of their own.
    dropout : float
        Dropout on new states.

    Examples
    --------
    >>> import torch
    >>> rnn = PartyRNN(4, global_dim=5, party_dim=6, emotion_dim=3)
    >>> rnn(torch.ones(5, 4), torch.tensor([0, 1, 0, 1, 2]), torch.tensor([2, 3])).shape
    torch.Size([5, 3])
    """

    def __init__(
        self,
        in_feats: int,
        global_dim: int,
        party_dim: int,
        emotion_dim: int,
        listener: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.global_cell = nn.GRUCell(in_feats + party_dim, global_dim)
        self.party_cell = nn.GRUCell(in_feats + global_dim, party_dim)
        self.listener_cell = nn.GRUCell(in_feats + party_dim, party_dim) if listener else None
        self.emotion_cell = nn.GRUCell(party_dim, emotion_dim)
        self.attend = nn.Linear(in_feats, global_dim, bias=False)  # W_alpha
        self.dropout = Dropout(dropout)

    def forward(self, feat: Tensor, speakers: Tensor, lengths: Tensor) -> Tensor:
        """Return the emotion of every utterance.

        Parameters
        ----------
        feat : (N, D_in) tensor
            Utterances, dialogue after dialogue.
        speakers : (N,) int64 tensor
            Number of the speaker within the dialogue, from 0. Best on the CPU.
        lengths : (B,) int64 tensor
            Utterances in each dialogue, on the CPU.

        Returns
        -------
        (N, emotion_dim) tensor

        Raises
        ------
        ValueError
            If the lengths do not add up to N, or a speaker's number is negative.
        """
        numbers = speakers.cpu()
        check_dialogues(lengths, numbers)
        check_lengths(lengths, "feat", len(feat))
        if not len(feat):
            return no_states(feat, self.emotion_cell.hidden_size)
        if numbers.min() < 0:
            raise ValueError(f"speakers must be numbers from 0 on, got {int(numbers.min())}")
        # The states stay in the type of the weights under autocast: sums over a dialogue need it.
        with without_autocast(feat):
            feat = feat.to(self.attend.weight.dtype)
            order, sizes = time_major(lengths)
            steps, order = _steps(numbers, order, sizes.tolist(), feat.device)
            rows = feat[order].contiguous()  # which indexing a transposed tensor does not give
            count = len(rows)
            cells = [*self._cell(self.global_cell, count), *self._cell(self.party_cell, count)]
            if self.listener_cell is not None:
                cells += self._cell(self.listener_cell, count * steps.parties)
            speaking = PartyScan.apply(steps, rows, self.attend.weight, *cells)
            cell = self._cell(self.emotion_cell, count)
            emotions = EmotionScan.apply(steps.sizes, speaking, *cell)
            return torch.empty_like(emotions).index_copy(0, order, emotions)

    def _cell(self, cell: nn.GRUCell, states: int) -> Cell:
        """Return a cell's tensors, with dropout for so many new states."""
        kept = None
        if self.training and self.dropout.p > 0:
            kept = self.dropout(cell.weight_hh.new_ones(states, cell.hidden_size))
        return Cell(cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh, kept)


def _steps(
    speakers: Tensor, order: Tensor, sizes: list[int], device: torch.device
) -> tuple[Steps, Tensor]:
    """Return the steps of rows in that order, and the order, on the device."""
    parties = int(speakers.max()) + 1
    cpu = torch.device("cpu")  # whatever the default is
    dialogue = torch.cat([torch.arange(size, device=cpu) for size in sizes])
    step = torch.arange(len(sizes), device=cpu).repeat_interleave(torch.tensor(sizes, device=cpu))
    rows = dialogue * parties + speakers[order]
    rows, dialogue, step, order = send([rows, dialogue, step, order], device)
    return Steps(sizes, parties, rows, (dialogue, step)), order
