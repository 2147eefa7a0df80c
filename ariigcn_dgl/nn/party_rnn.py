"""The recurrence of DialogueRNN: a dialogue's state, its parties' states and their emotions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._layout import padded


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
    states add to the emotion's gates, as the emotion does not act back on them.

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
            Number of the speaker within the dialogue, from 0.
        lengths : (B,) int64 tensor
            Utterances in each dialogue, on the CPU.

        Returns
        -------
        (N, emotion_dim) tensor
        """
        table, exists = padded(speakers, lengths)
        speaking = self._parties(feat, table.T, lengths)
        emotions = self._emotions(torch.stack(speaking))
        return torch.stack(emotions, dim=1)[exists]

    def _parties(self, feat: Tensor, speakers: Tensor, lengths: Tensor) -> list[Tensor]:
        """Return the state of who speaks at each time step, T x (B, D_p); speakers: (T, B)."""
        added, (from_party, from_context, *from_speaker) = self._input_products(feat)
        tables = [padded(x, lengths)[0].unbind(1) for x in (self.attend(feat), *added)]
        speaks = F.one_hot(speakers).bool().unsqueeze(3)
        dialogue = feat.new_zeros(speakers.size(1), self.global_cell.hidden_size)
        parties = feat.new_zeros(*speaks.shape[1:3], self.party_cell.hidden_size)
        every = torch.arange(len(parties), device=feat.device)
        heard, speaking = [], []
        for who, speaker, query, to_global, to_party, *to_listener in zip(
            speaks, speakers, *tables, strict=True
        ):
            before = parties[every, speaker]
            context = _attention(query, heard) if heard else torch.zeros_like(dialogue)
            to_global, to_party = to_global + before @ from_party, to_party + context @ from_context
            dialogue = self.dropout(_gru(self.global_cell, to_global, dialogue))
            now = self.dropout(_gru(self.party_cell, to_party, before))
            for x, matrix in zip(to_listener, from_speaker, strict=True):
                x = (x + now @ matrix).unsqueeze(1)
                parties = self.dropout(_gru(self.listener_cell, x, parties))
            parties = torch.where(who, now.unsqueeze(1), parties)
            heard.append(dialogue)
            speaking.append(now)
        return speaking

    def _input_products(self, feat: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return what utterances add to the gates, and the matrices of what else does.

        Split here, outside the loop: the gradient of a slice is as large as the whole.
        """
        cells = [self.global_cell, self.party_cell]
        cells += [] if self.listener_cell is None else [self.listener_cell]
        halves = [c.weight_ih.tensor_split([feat.size(1)], dim=1) for c in cells]
        added = [F.linear(feat, own, c.bias_ih) for (own, _), c in zip(halves, cells, strict=True)]
        return added, [other.T for _, other in halves]

    def _emotions(self, speaking: Tensor) -> list[Tensor]:
        cell, emotions = self.emotion_cell, []
        emotion = speaking.new_zeros(speaking.size(1), cell.hidden_size)
        for added in F.linear(speaking, cell.weight_ih, cell.bias_ih):
            emotion = self.dropout(_gru(cell, added, emotion))
            emotions.append(emotion)
        return emotions


def _attention(query: Tensor, heard: list[Tensor]) -> Tensor:
    history = torch.stack(heard, dim=1)  # (B, t - 1, D_g)
    weight = torch.bmm(history, query.unsqueeze(2)).softmax(1)
    return torch.bmm(weight.transpose(1, 2), history).squeeze(1)


def _gru(cell: nn.GRUCell, added: Tensor, state: Tensor) -> Tensor:
    """Return the next state, given what the inputs add to the gates."""
    recurrent = F.linear(state, cell.weight_hh, cell.bias_hh)
    width = 2 * cell.hidden_size
    reset, update = (added[..., :width] + recurrent[..., :width]).sigmoid().chunk(2, -1)
    new = (added[..., width:] + reset * recurrent[..., width:]).tanh()
    return torch.lerp(new, state, update)
