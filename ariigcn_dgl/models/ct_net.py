"""CT-Net (Lian 2021): Transformers within and across modalities, then a GRU with speakers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
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
    reads : {"auto", "words", "vectors"}
        What the Transformers run along: the words, or segments, of each utterance; or the
        utterances of the dialogue, each one vector of each modality. "auto": words where the data
        set has them, for any modality.
    max_steps : int
        Words, or segments, of an utterance that are read, from its first.
    """

    hidden_dim: EvenInt = 128
    num_heads: PositiveInt = 4
    context_dim: PositiveInt = 100
    num_speakers: PositiveInt = 9  # the most in a dialogue of MELD
    dropout: Fraction = 0.3
    reads: Literal["auto", "words", "vectors"] = "auto"
    max_steps: PositiveInt = 50  # chosen: attention's memory grows with its square


class CTNet(System):
    """CT-Net: a conversational Transformer network.

    On words, as published (doi 10.1109/TASLP.2021.3049898): along the words of an utterance, or
    segments of its audio, runs a Transformer within each modality and one from each to each other
    (`CrossModalTransformer`); attention over the means of their results gives the utterance; then
    over the dialogue run a bidirectional GRU, which reads it with the embedding of its speaker, and
    multi-head attention. Words of one modality need not be those of another, in place or number. A
    modality of vectors, beside one of words, is a sequence of one row.

    On vectors alone, as most sets have them, the same layers are adapted: the Transformers run
    along the dialogue, and nothing is pooled over time. Both have the same parameters.

    Its code is not public. What is read here is its abstract: sizes, the mean over words and
    training are inferred, but for the learning rate. Speakers are numbered within each dialogue by
    first appearance.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : CTNetConfig
        Sizes and dropout.

    Raises
    ------
    InputError
        If words are to be read, and the data set, or a batch, has none.

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

    @classmethod
    def resolved(cls, config: CTNetConfig, dialogues: Dialogues) -> CTNetConfig:
        """Return the settings with what is read filled in, where the data set has it."""
        config = super().resolved(config, dialogues)
        if config.reads == "auto":
            return replace(config, reads="words" if dialogues.sequences else "vectors")
        if config.reads == "words" and not dialogues.sequences:
            raise InputError(
                f"--model.reads words: every modality of {dialogues.name} is one vector per "
                "utterance, expected one that is a sequence: leave the option out"
            )
        return config

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        lengths = known_lengths(batch)
        fused = self._of_words(batch) if self._reads_words(batch) else self._of_vectors(batch)
        speakers = self.speakers(speaker_rows(batch, self.config.num_speakers))
        states = self.context(self.dropout(fused + speakers), lengths)
        table, exists = padded(self.dropout(states), lengths)
        attended = self.attend(table, table, ~exists)
        return self.head(attended[places(lengths, table.device)])

    def _reads_words(self, batch: Batch) -> bool:
        reads = self.config.reads
        return reads == "words" or (reads == "auto" and bool(batch.sequences))

    def _of_words(self, batch: Batch) -> Tensor:
        """Return the utterances, (N, D), made of their words."""
        if not batch.sequences:
            raise InputError(
                "--model.reads words: this model reads the words of utterances, and these have one "
                "vector of each modality: give it sequences, or train with --model.reads vectors"
            )
        tables, exists = {}, {}
        for m, linear in self.project.items():
            words, exists[m] = batch.steps(m, self.config.max_steps)
            tables[m] = linear(words)
        return self.fuse.of_sequences(tables, exists)

    def _of_vectors(self, batch: Batch) -> Tensor:
        """Return the utterances, (N, D), made of those around them."""
        features = zero_where_missing(batch)
        projected = {m: linear(features[m]) for m, linear in self.project.items()}
        return self.fuse(projected, batch.masks, known_lengths(batch))
