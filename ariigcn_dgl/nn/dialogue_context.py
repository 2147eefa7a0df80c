"""Context before the graph: the whole dialogue, and each speaker's own thread through it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ariigcn_dgl.graph import Sequences
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._side_by_side import grouped_linear
from ariigcn_dgl.nn.dialogue_gru import DialogueGRU


class DialogueContext(nn.Module):
    """Add to every modality what two GRUs over all modalities have read.

    One GRU reads the dialogue in order; the other reads, for each speaker, that speaker's own
    utterances in order, so that a mood is followed across the turns of others.

    Parameters
    ----------
    hidden_dim : int
        Width D of each modality; each GRU's output has twice this width.
    num_modalities : int
        Number of modalities M.
    input_dropout, dropout : float
        Dropout before and after the GRUs.
    bidirectional : bool
        False: an utterance sees its past only, in GRUs of the same width.

    Examples
    --------
    >>> import torch
    >>> from ariigcn_dgl.graph import Sequences
    >>> context = DialogueContext(4, num_modalities=2)
    >>> speakers, lengths = torch.tensor([0, 1, 0, 2, 2]), torch.tensor([2, 3])
    >>> threads = Sequences.of_threads(speakers, lengths)
    >>> context(torch.ones(2, 5, 4), Sequences(lengths), threads).shape
    torch.Size([2, 5, 4])
    """

    def __init__(
        self,
        hidden_dim: int,
        num_modalities: int,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        bidirectional: bool = True,
    ) -> None:
        super().__init__()
        width = 2 * hidden_dim  # of both directions together, so that each has width D
        self.input_dropout = Dropout(input_dropout)
        self.dropout = Dropout(dropout)
        self.dialogue_gru, self.speaker_gru = (
            DialogueGRU(num_modalities * hidden_dim, width, bidirectional=bidirectional)
            for _ in range(2)
        )
        self.project = nn.ModuleList(
            [nn.Linear(2 * width, hidden_dim) for _ in range(num_modalities)]
        )
        self.norm = nn.ModuleList([nn.LayerNorm(hidden_dim) for _ in range(num_modalities)])

    def forward(self, feat: Tensor, dialogues: Sequences, threads: Sequences) -> Tensor:
        """Return the states with context, (M, N, D).

        Parameters
        ----------
        feat : (M, N, D) tensor
            Utterances, dialogue after dialogue.
        dialogues, threads : Sequences
            The utterances of each dialogue, and of each speaker in each dialogue.
        """
        joint = self.input_dropout(feat.transpose(0, 1).flatten(1))  # (N, M D)
        states = torch.cat(
            [self.dialogue_gru(joint, dialogues), self.speaker_gru(joint, threads)], 1
        )
        return self._add(feat, self.dropout(states))

    def step(
        self, feat: Tensor, dialogue: Tensor | None, speaker: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Read one more utterance of a dialogue that is still going on, without dropout.

        Parameters
        ----------
        feat : (M, D) tensor
            The utterance in each modality.
        dialogue, speaker : tensor or None
            States of the dialogue's GRU after the last utterance, and of the speaker's after their
            last one; None before the first.

        Returns
        -------
        (M, D) tensor and two tensors
            The utterance with context, as `forward` returns it, and the states after it.
        """
        joint = feat.flatten()
        of_dialogue, dialogue = self.dialogue_gru.step(joint, dialogue)
        of_speaker, speaker = self.speaker_gru.step(joint, speaker)
        states = torch.cat([of_dialogue, of_speaker])
        added = self._add(feat.unsqueeze(1), states.unsqueeze(0)).squeeze(1)
        return added, dialogue, speaker

    def _add(self, feat: Tensor, states: Tensor) -> Tensor:
        total = feat + grouped_linear(self.project, states)
        return torch.stack([norm(x) for norm, x in zip(self.norm, total, strict=True)])
