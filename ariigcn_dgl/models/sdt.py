"""SDT (Ma 2024): Transformers within and across modalities, gates, self-distillation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.limits import EvenInt, Fraction, NotNegativeFloat, PositiveFloat, PositiveInt
from ariigcn_dgl.models.objective import class_divergence
from ariigcn_dgl.models.system import (
    System,
    known_lengths,
    speaker_rows,
    zero_where_missing,
)
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._layout import padded, places
from ariigcn_dgl.nn._positions import positions


@dataclass(frozen=True)
class SDTConfig:
    """Settings of `SDT`; the defaults are the published ones for IEMOCAP.

    Parameters
    ----------
    hidden_dim : int
        Width D of everything between the features and the classifiers.
    num_heads : int
        Heads of every attention; divides `hidden_dim`.
    num_speakers : int
        Speaker embeddings; further speakers of a dialogue share the last one.
    dropout : float
        Dropout on the Transformers' inputs, in them, and in the students' classifiers.
    hard_weight : float
        Weight of the students' cross entropies; 0 leaves them out.
    soft_weight : float
        Weight of the students' divergences from the teacher; 0 leaves them out.
    temperature : float
        Divides the logits of students and teacher in the divergence; its authors use 8 on MELD.
    """

    hidden_dim: EvenInt = 1024
    num_heads: PositiveInt = 8
    num_speakers: PositiveInt = 9  # the most in a dialogue of MELD; IEMOCAP has 2
    dropout: Fraction = 0.5
    hard_weight: NotNegativeFloat = 1.0
    soft_weight: NotNegativeFloat = 1.0
    temperature: PositiveFloat = 1.0


class SDT(System):
    r"""SDT: a Transformer-based model with self-distillation.

    .. math::
        u_m &= W_m x_m + \mathrm{position} + \mathrm{speaker}, \qquad
        s_{nm} = \sigma(G_{nm} z_{nm}) \odot z_{nm}, \quad
        z_{nm} = \mathrm{Transformer}_{nm}(u_m \to u_n) \\
        h_m &= V_m [s_{mm} \oplus s_{nm} \oplus \dots] + b_m, \qquad
        f = \sum_m \mathrm{softmax}_m(G h_m) \odot h_m

    Queries stand left of the arrow, keys right of it; the softmax is over modalities, for each
    column. The teacher classifies f, a student each :math:`h_m`; the loss adds, to the teacher's
    cross entropy, the students' own and their Kullback-Leibler divergences from the teacher, which
    learns from these as well, as in the authors' code.

    Paper: `Ma 2024 <https://arxiv.org/abs/2310.20494>`_, of which sizes and training are those of
    github.com/butterfliesss/SDT for IEMOCAP; for MELD it takes batches of 8, 50 epochs, a learning
    rate of 5e-6 and no weights of the classes. That code trains without validation data and reports
    the epoch with the best test score. It makes the gates :math:`G_{nm}` identities for MELD, which
    are learned here for all data; its speakers of IEMOCAP are numbered by sex, here in each
    dialogue by first appearance. For missing modalities, which it does not know: nothing attends to
    rows without one unless the whole dialogue is, and they count neither in the last softmax nor
    for its student.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : SDTConfig
        Sizes, dropout and the weights of the losses.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> model = SDT(data.widths, data.num_classes, SDTConfig(hidden_dim=16))
    >>> batch = collate(data, [0, 1], model.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = SDTConfig
    parallel = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=150,
        batch_size=16,
        learning_rate=1e-4,
        patience=150,  # all epochs: there is no early stopping
        class_weights=True,
    )

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: SDTConfig) -> None:
        super().__init__(widths, num_classes, config)
        dim = config.hidden_dim
        self.project = nn.ModuleDict(
            {m: nn.Linear(width, dim, bias=False) for m, width in widths.items()}
        )
        self.speakers = nn.Embedding(config.num_speakers, dim)
        self.streams = nn.ModuleDict({m: _Streams(list(widths), m, config) for m in widths})
        self.gate = nn.Linear(dim, dim, bias=False)
        self.students = nn.ModuleDict(
            {
                m: nn.Sequential(nn.ReLU(), Dropout(config.dropout), nn.Linear(dim, num_classes))
                for m in widths
            }
        )
        self.teacher = nn.Linear(dim, num_classes)

    @classmethod
    def classes_only(cls, config: SDTConfig) -> str:
        """Return why a model of these settings learns nothing but classes; "" if any target."""
        return "" if cls.losses is SDT.losses else super().classes_only(config)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C): the teacher's."""
        return self._teach(self._states(batch), batch)

    def losses(
        self, batch: Batch, class_weight: Tensor | None = None, encoded: None = None
    ) -> dict[str, Tensor]:
        """Return the weighted terms of the training loss; their sum is minimised.

        Utterances without a label count in the divergences, which need none. Of targets that are no
        classes the students learn by their own loss and the teacher's answers in the place of the
        truth; see `Head.distance`.
        """
        states = self._states(batch)
        teacher = self._teach(states, batch)
        terms = self.supervised(teacher, batch, class_weight)
        students = [head(states[m]) for m, head in enumerate(self.students.values())]
        there = batch.present(self.project)
        if self.config.hard_weight:
            pairs = zip(students, map(batch.truth.where, there), strict=True)
            losses = [self.supervised(*pair, class_weight) for pair in pairs]
            total = torch.stack([loss for own in losses for loss in own.values()]).sum()
            terms["students"] = self.config.hard_weight * total
        if self.config.soft_weight:
            distance = class_divergence if self.objective is None else self.objective.distance
            total = distance(torch.stack(students), teacher, there, self.config.temperature)
            terms["distillation"] = self.config.soft_weight * total
        return terms

    def _states(self, batch: Batch) -> Tensor:
        """Return the state of each modality before the last gate, (M, N, D)."""
        features, lengths = zero_where_missing(batch), known_lengths(batch)
        numbers = speaker_rows(batch, self.config.num_speakers)
        speakers = self.speakers(numbers)
        tables, hidden = {}, {}
        for m, linear in self.project.items():
            table, exists = padded(linear(features[m]) + speakers, lengths)
            tables[m] = table + positions(table)
            known = padded(batch.masks[m], lengths)[0]
            # A sequence without any key would have no softmax.
            hidden[m] = ~torch.where(known.any(1, keepdim=True), known, exists)
        at = places(lengths, batch.labels.device)
        return torch.stack([stream(tables, hidden, at) for stream in self.streams.values()])

    def _teach(self, states: Tensor, batch: Batch) -> Tensor:
        """Return the teacher's logits, (N, C), of the modalities' states, (M, N, D)."""
        missing = ~batch.present(self.project).unsqueeze(2)
        scores = self.gate(states)
        # Not -inf: where no modality is there at all, the softmax would be NaN.
        scores = scores.masked_fill(missing, torch.finfo(scores.dtype).min)
        return self.teacher((scores.softmax(0) * states).sum(0))


class _Streams(nn.Module):
    """One modality as it reads itself and all others, made one state."""

    def __init__(self, modalities: list[str], own: str, config: SDTConfig) -> None:
        super().__init__()
        self.own, dim = own, config.hidden_dim
        self.read = nn.ModuleDict(
            {m: _GatedTransformer(dim, config.num_heads, config.dropout) for m in modalities}
        )
        self.reduce = nn.Linear(len(modalities) * dim, dim)

    def forward(
        self,
        tables: Mapping[str, Tensor],
        hidden: Mapping[str, Tensor],
        at: tuple[Tensor, Tensor],
    ) -> Tensor:
        """Return the state of each utterance, (N, D), given the inputs, (B, T, D)."""
        queries = tables[self.own]
        states = [
            transformer(queries, None if m == self.own else tables[m], hidden[m], at)
            for m, transformer in self.read.items()
        ]
        return self.reduce(torch.cat(states, 1))


class _GatedTransformer(nn.Module):
    """Attention and a feed-forward network, each added to its input, then a gate of its own."""

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f"a width of {dim} cannot be split into {num_heads} heads")
        self.attention = nn.MultiheadAttention(dim, num_heads, dropout, batch_first=True)
        self.dropout = Dropout(dropout)
        self.layers = nn.Sequential(
            nn.LayerNorm(dim, eps=1e-6),
            nn.Linear(dim, dim),
            nn.GELU("tanh"),
            Dropout(dropout),
            nn.Linear(dim, dim),
            Dropout(dropout),
        )
        self.gate = nn.Linear(dim, dim, bias=False)

    def forward(
        self, queries: Tensor, keys: Tensor | None, hidden: Tensor, at: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Return the gated states of the queries, (N, D); no keys: they attend to each other."""
        queries = self.dropout(queries)
        keys = queries if keys is None else self.dropout(keys)
        heard, _ = self.attention(queries, keys, keys, key_padding_mask=hidden, need_weights=False)
        # What follows is done for utterances alone, not for the padding between them.
        states = (queries + self.dropout(heard))[at]
        states = states + self.layers(states)
        return self.gate(states).sigmoid() * states
