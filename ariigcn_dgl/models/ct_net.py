"""CT-Net (Lian 2021): Transformers within and across modalities, then a GRU with speakers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.limits import EvenInt, Fraction, PositiveInt
from ariigcn_dgl.models.system import System, known_lengths, speaker_rows, zero_where_missing
from ariigcn_dgl.nn import CrossModalTransformer, DialogueGRU, ResidualAttention
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._layout import padded, places


@dataclass(frozen=True)
class CTNetConfig:
    """Settings of `CTNet`.

    Parameters
    ----------
    hidden_dim : int
        Width of the Transformer blocks and of the speaker embeddings.
    num_heads : int
        Heads of every attention; divides `hidden_dim` and twice `context_dim`.
    context_dim : int
        Width of the GRU over the dialogue, per direction.
    num_speakers : int
        Speaker embeddings; further speakers of a dialogue share the last one.
    dropout : float
        Dropout in the blocks, and before and after the GRU.
    """

    hidden_dim: EvenInt = 128
    num_heads: PositiveInt = 4
    context_dim: PositiveInt = 100
    num_speakers: PositiveInt = 9  # the most in a dialogue of MELD
    dropout: Fraction = 0.3


class CTNet(System):
    """CT-Net for utterance features: a conversational Transformer network, adapted.

    The original (doi 10.1109/TASLP.2021.3049898) reads words and segments of audio: a Transformer
    within each modality and one from each to each other along the utterance, attention over their
    results, then over the dialogue a bidirectional GRU with speaker embeddings and multi-head
    attention. Here a modality of an utterance is one vector, so that the Transformers run along the
    dialogue (`CrossModalTransformer`), and nothing is pooled over time. Its code is not public;
    sizes and training are inferred, but for the learning rate. Speakers are numbered within each
    dialogue by first appearance.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : CTNetConfig
        Sizes and dropout.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> model = CTNet(data.widths, data.num_classes, CTNetConfig())
    >>> batch = collate(data, [0, 1], model.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = CTNetConfig
    parallel = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=60,
        batch_size=32,
        learning_rate=1e-4,
        patience=60,  # all epochs: there is no early stopping
    )

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: CTNetConfig) -> None:
        super().__init__(widths, num_classes, config)
        dim, context, heads = config.hidden_dim, 2 * config.context_dim, config.num_heads
        self.project = nn.ModuleDict({m: nn.Linear(width, dim) for m, width in widths.items()})
        self.fuse = CrossModalTransformer(list(widths), dim, heads, config.dropout)
        self.speakers = nn.Embedding(config.num_speakers, dim)
        self.dropout = Dropout(config.dropout)
        self.context = DialogueGRU(dim, context)
        self.attend = ResidualAttention(context, heads, config.dropout)
        self.head = nn.Linear(context, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        features, lengths = zero_where_missing(batch), known_lengths(batch)
        projected = {m: linear(features[m]) for m, linear in self.project.items()}
        fused = self.fuse(projected, batch.masks, lengths)
        speakers = self.speakers(speaker_rows(batch, self.config.num_speakers))
        states = self.context(self.dropout(fused + speakers), lengths)
        table, exists = padded(self.dropout(states), lengths)
        attended = self.attend(table, table, ~exists)
        return self.head(attended[places(lengths, table.device)])
