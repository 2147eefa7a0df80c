"""DialogueRNN (Majumder 2019): recurrent states of the dialogue, of each party, of emotions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.graph import speaker_numbers
from ariigcn_dgl.limits import Fraction, PositiveInt
from ariigcn_dgl.models.system import System, concatenate, known_lengths
from ariigcn_dgl.nn import DialogueAttention, PartyRNN
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._layout import backwards
from ariigcn_dgl.transfer import send


@dataclass(frozen=True)
class DialogueRNNConfig:
    """Settings of `DialogueRNN`; the defaults are the published ones for IEMOCAP.

    Parameters
    ----------
    global_dim : int
        Width D_g of the dialogue's state.
    party_dim : int
        Width D_p of the parties' states.
    emotion_dim : int
        Width D_e of the emotion's state, per direction.
    head_dim : int
        Width D_h of the classifier's hidden layer, per direction.
    listener : bool
        Update the states of those who do not speak, too.
    bidirectional : bool
        Read the dialogue from its end as well; False: an utterance sees its past only.
    attention : bool
        Attend over the emotions of the dialogue before the classifier.
    recurrent_dropout : float
        Dropout on every new state.
    emotion_dropout : float
        Dropout on the emotions, after the recurrence.
    head_dropout : float
        Dropout in the classifier.
    """

    global_dim: PositiveInt = 500
    party_dim: PositiveInt = 500
    emotion_dim: PositiveInt = 300
    head_dim: PositiveInt = 300
    listener: bool = False
    bidirectional: bool = True
    attention: bool = True
    recurrent_dropout: Fraction = 0.1
    emotion_dropout: Fraction = 0.25  # theirs is drawn twice there: 0.1, then 0.15
    head_dropout: Fraction = 0.1


class DialogueRNN(System):
    """DialogueRNN: `PartyRNN` in both directions, emotion attention, a classifier.

    The defaults are its strongest published form, BiDialogueRNN with attention. Sizes, dropout and
    training are those of the authors (github.com/declare-lab/conv-emotion), but for the epoch: they
    take the best one on the test split, here validation decides; and they read text alone, here it
    reads all modalities beside each other (`--modalities text` for theirs). Where the model is not
    bidirectional, the attention sees the past only; theirs sees the future, too.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : DialogueRNNConfig
        Sizes and directions.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> config = DialogueRNNConfig(global_dim=8, party_dim=8, emotion_dim=6, head_dim=6)
    >>> model = DialogueRNN(data.widths, data.num_classes, config)
    >>> batch = collate(data, [0, 1], model.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = DialogueRNNConfig
    parallel = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=60,
        batch_size=30,
        learning_rate=1e-4,
        patience=60,  # all epochs: there is no early stopping
        class_weights=True,
    )

    def __init__(
        self, widths: Mapping[str, int], num_classes: int, config: DialogueRNNConfig
    ) -> None:
        super().__init__(widths, num_classes, config)
        directions = 2 if config.bidirectional else 1
        self.directions = nn.ModuleList(
            PartyRNN(
                sum(widths.values()),
                config.global_dim,
                config.party_dim,
                config.emotion_dim,
                config.listener,
                config.recurrent_dropout,
            )
            for _ in range(directions)
        )
        self.emotion_dropout = Dropout(config.emotion_dropout)
        width = directions * config.emotion_dim
        self.attention = (
            DialogueAttention(width, past_only=not config.bidirectional)
            if config.attention
            else None
        )
        self.head = nn.Sequential(
            nn.Linear(width, directions * config.head_dim),
            nn.ReLU(),
            Dropout(config.head_dropout),
            nn.Linear(directions * config.head_dim, num_classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        lengths = known_lengths(batch)
        feat, speakers = concatenate(batch), speaker_numbers(batch.on_cpu.speakers, lengths)
        forward, *backward = self.directions
        emotions = [forward(feat, speakers, lengths)]
        for rnn in backward:
            rows = backwards(lengths)  # one index leads into the reversed order and back
            (there,) = send([rows], feat.device)
            emotions.append(rnn(feat[there], speakers[rows], lengths)[there])
        states = self.emotion_dropout(torch.cat(emotions, dim=1))
        if self.attention is not None:
            states = self.attention(states, lengths)
        return self.head(states)
