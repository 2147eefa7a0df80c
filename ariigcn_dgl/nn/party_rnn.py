"""The recurrence of DialogueRNN: a dialogue's state, its parties' states and their emotions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._layout import padded, places
from ariigcn_dgl.nn._step_linear import StepLinear
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
            Number of the speaker within the dialogue, from 0. Best on the CPU.
        lengths : (B,) int64 tensor
            Utterances in each dialogue, on the CPU.

        Returns
        -------
        (N, emotion_dim) tensor
        """
        table, _ = padded(speakers.cpu(), lengths)  # one_hot has to know the largest number
        speaking = self._parties(feat, table.T, lengths)
        emotions = self._emotions(torch.stack(speaking)).transpose(0, 1)
        return emotions[places(lengths, feat.device)]

    def _parties(self, feat: Tensor, speakers: Tensor, lengths: Tensor) -> list[Tensor]:
        """Return the state of who speaks at each time step, T x (B, D_p).

        Speakers, (T, B), are on the CPU.
        """
        speaks = F.one_hot(speakers).bool().unsqueeze(3)
        _, batch, most = speaks.shape[:3]
        speakers, speaks = send([speakers, speaks], feat.device)
        queries = padded(self.attend(feat), lengths)[0].unbind(1)
        global_, party = (_StepGRU(c, feat, lengths) for c in (self.global_cell, self.party_cell))
        if self.listener_cell is not None:
            listener = _StepGRU(self.listener_cell, feat, lengths, most)
        dialogue = feat.new_zeros(batch, self.global_cell.hidden_size)
        parties = feat.new_zeros(batch, most, self.party_cell.hidden_size)
        every = torch.arange(batch, device=feat.device)
        heard: list[Tensor] = []
        speaking: list[Tensor] = []
        for who, speaker, query in zip(speaks, speakers, queries, strict=True):
            before = parties[every, speaker]
            # c_1 = 0: nothing has been heard.
            context = _attention(query, heard) if heard else torch.zeros_like(dialogue)
            dialogue = self.dropout(global_(before, dialogue))
            now = self.dropout(party(context, before))
            if self.listener_cell is not None:
                parties = self.dropout(listener(now, parties))
            # After the listeners: who speaks is none of them.
            parties = torch.where(who, now.unsqueeze(1), parties)
            heard.append(dialogue)
            speaking.append(now)
        return speaking

    def _emotions(self, speaking: Tensor) -> Tensor:
        cell, emotions = self.emotion_cell, []
        from_state = StepLinear(cell.bias_hh.expand(*speaking.shape[:2], -1), cell.weight_hh)
        emotion = speaking.new_zeros(speaking.size(1), cell.hidden_size)
        for added in F.linear(speaking, cell.weight_ih, cell.bias_ih):
            emotion = self.dropout(_gru(added, from_state(emotion), emotion))
            emotions.append(emotion)
        return torch.stack(emotions)


def _attention(query: Tensor, heard: list[Tensor]) -> Tensor:
    history = torch.stack(heard, dim=1)  # (B, t - 1, D_g)
    weight = torch.bmm(history, query.unsqueeze(2)).softmax(1)
    return torch.bmm(weight.transpose(1, 2), history).squeeze(1)


class _StepGRU:
    """A cell that reads the utterance and something else, called once per time step, in order.

    What utterances add to its gates is computed here, for all steps.
    """

    def __init__(self, cell: nn.GRUCell, feat: Tensor, lengths: Tensor, states: int = 1) -> None:
        # The product with [utterance, other] is the sum of two, one of them known for all steps.
        of_utterance, of_other = cell.weight_ih.tensor_split([feat.size(1)], dim=1)
        table, exists = padded(F.linear(feat, of_utterance, cell.bias_ih), lengths)
        self.from_input = StepLinear(table.transpose(0, 1), of_other)
        batch, steps = exists.shape
        bias = cell.bias_hh.expand(steps, batch * states, -1)
        self.from_state = StepLinear(bias, cell.weight_hh)

    def __call__(self, other: Tensor, state: Tensor) -> Tensor:
        """Return the next states; states (B, H), or (B, S, H) that all read the same."""
        added = self.from_input(other)
        if state.dim() == 3:
            added = added.unsqueeze(1)
        recurrent = self.from_state(state.flatten(0, -2)).view(*state.shape[:-1], -1)
        return _gru(added, recurrent, state)


def _gru(added: Tensor, recurrent: Tensor, state: Tensor) -> Tensor:
    """Return a GRU's next state, given what its inputs and its state add to the gates."""
    width = 2 * state.size(-1)
    reset, update = (added[..., :width] + recurrent[..., :width]).sigmoid().chunk(2, -1)
    new = (added[..., width:] + reset * recurrent[..., width:]).tanh()
    return torch.lerp(new, state, update)
