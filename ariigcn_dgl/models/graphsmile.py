"""GraphSmile (Li 2025): graph passes between two modalities; emotions, sentiments, their shifts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import ClassVar

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.dialogues import UNLABELLED
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.limits import Fraction, NotNegativeFloat, PositiveInt
from ariigcn_dgl.models.objective import cross_entropy
from ariigcn_dgl.models.sentiments import SENTIMENTS, Sentiment, named_sentiments
from ariigcn_dgl.models.system import System, known_lengths, zero_where_missing
from ariigcn_dgl.nn._dropout import Dropout
from ariigcn_dgl.nn._layout import padded
from ariigcn_dgl.ops import Impl, segment_spmm


@dataclass(frozen=True)
class GraphSmileConfig:
    """Settings of `GraphSmile`; the defaults are the published ones for IEMOCAP.

    Parameters
    ----------
    window : Window
        Utterances of the other modality that a pass reads; relations do not matter.
    hidden_dim : int
        Width D of everything between the features and the classifiers.
    num_layers : int
        Passes over the graph of each pair of modalities.
    dropout : float
        Dropout after the projections and on what is kept of each pass.
    sentiment_weight : float
        Weight of the sentiments' cross entropy; 0 leaves it out.
    shift_weight : float
        Weight of the cross entropy of shifts of sentiment; 0 leaves it out.
    shift_window : int
        A dialogue is cut into pieces of so many utterances, in which each is paired with each.
    sentiments : dict of str to {"negative", "neutral", "positive", "none"}
        Sentiments of labels; the emotions of IEMOCAP, MELD and DailyDialog need none. Utterances
        whose label has the sentiment "none", as surprise has, count for the emotion only.
    """

    window: Window = field(default_factory=lambda: Window(past=17, future=17))
    hidden_dim: PositiveInt = 512
    num_layers: PositiveInt = 7
    dropout: Fraction = 0.2
    sentiment_weight: NotNegativeFloat = 1.0
    shift_weight: NotNegativeFloat = 0.7
    shift_window: PositiveInt = 19
    sentiments: dict[str, Sentiment] = field(default_factory=dict)


class GraphSmile(System):
    r"""GraphSmile: passes over a graph of two modalities, and sentiments beside the emotion.

    .. math::
        x_m^{(0)} &= \mathrm{LeakyReLU}(W_m u_m + b_m), \qquad
        x_m^{(l)} = \hat A x_n^{(l-1)} W^{(l)} + b^{(l)}, \quad
        \hat A = D^{-1/2} A D^{-1/2} \\
        h_m &= x_m^{(0)} + \sum_l \mathrm{LeakyReLU}(V^{(l)} x_m^{(l)} + c^{(l)})

    for each pair of modalities m, n, with the window A around an utterance, which is part of it:
    odd passes bring news of the other modality, even ones of the own. The mean of all
    :math:`\mathrm{LeakyReLU}(W h_m + b)` is classified three times: the emotion, its sentiment,
    and, of two utterances side by side, whether their sentiments differ.

    Paper: `Li 2025 <https://arxiv.org/abs/2407.21536>`_, of which sizes and training are those of
    github.com/lijfrank-open/GraphSmile for IEMOCAP; for MELD it takes a width of 384, 5 passes,
    windows of 3, weights of 0.5 and 0.2, 50 epochs and a learning rate of 7e-5. That code reports
    the epoch with the best test score, takes AMSGrad, clips no gradients, and copies the weights of
    the first pass into all others to begin with. It also learns a weight for each edge by
    the edge's number in the batch, so that what an utterance gets depends on the other dialogues of
    its batch; here all are 1, where they begin, and from where its learning rate takes them about
    0.1 at most on IEMOCAP. For its batch normalisation of text stands the standardisation of all
    features. MELD's sentiments are annotated there; here they follow from the label's name. With
    one modality the passes stay in it.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : GraphSmileConfig
        Resolved: it has a sentiment for each label, where there is a weight for it.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> config = GraphSmile.resolved(GraphSmileConfig(hidden_dim=16), data)
    >>> model = GraphSmile(data.widths, data.num_classes, config)
    >>> batch = collate(data, [0, 1], config.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = GraphSmileConfig
    parallel = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=120,
        batch_size=16,
        learning_rate=1e-4,
        weight_decay=1e-4,
        decoupled_decay=True,
        patience=120,  # all epochs: there is no early stopping
    )
    sentiment_of: Tensor

    def __init__(
        self, widths: Mapping[str, int], num_classes: int, config: GraphSmileConfig
    ) -> None:
        super().__init__(widths, num_classes, config)
        dim = config.hidden_dim
        self.project = nn.ModuleDict(
            {m: _layer(width, dim, config.dropout) for m, width in widths.items()}
        )
        # One modality alone is read by itself.
        self.pairs: list[tuple[str, ...]] = [*combinations(widths, 2)] or [tuple(widths)]
        self.passes = nn.ModuleList(
            _Passes(dim, config.num_layers, config.dropout) for _ in self.pairs
        )
        self.fuse = nn.Sequential(nn.Linear(dim, dim), nn.LeakyReLU())
        self.emotion = nn.Linear(dim, num_classes)
        if config.sentiment_weight:
            self.sentiment = nn.Linear(dim, len(SENTIMENTS))
        if config.shift_weight:
            # The linear map of two utterances side by side is the sum of one of each.
            self.shift_from = nn.Linear(dim, 2)
            self.shift_to = nn.Linear(dim, 2, bias=False)
        if config.sentiment_weight or config.shift_weight:
            table = _sentiment_table(num_classes, config.sentiments)
            self.register_buffer("sentiment_of", table, persistent=False)

    @classmethod
    def resolved(cls, config: GraphSmileConfig, dialogues: Dialogues) -> GraphSmileConfig:
        """Return the settings with the window's relations and the labels' sentiments filled in."""
        config = super().resolved(config, dialogues)
        if not (config.sentiment_weight or config.shift_weight):
            return config
        if not dialogues.label_names:
            raise InputError(
                f"--system graphsmile: sentiments are those of classes, and {dialogues.name} has "
                "none: leave them out (--model.sentiment_weight 0 --model.shift_weight 0)"
            )
        found = named_sentiments(dialogues.label_names, config.sentiments)
        return replace(config, sentiments=found)

    @classmethod
    def classes_only(cls, config: GraphSmileConfig) -> str:
        """Return why a model of these settings learns nothing but classes; "" if any target."""
        return "" if cls.losses is GraphSmile.losses else super().classes_only(config)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        return self.emotion(self._states(batch))

    def losses(
        self, batch: Batch, class_weight: Tensor | None = None, encoded: None = None
    ) -> dict[str, Tensor]:
        """Return the weighted terms of the training loss; their sum is minimised.

        The weights of the classes are the emotions' only.
        """
        states, config = self._states(batch), self.config
        terms = self.supervised(self.emotion(states), batch, class_weight)
        if config.sentiment_weight:
            loss = cross_entropy(self.sentiment(states), self.sentiment_of[batch.labels], None)
            terms["sentiment"] = config.sentiment_weight * loss
        if config.shift_weight:
            terms["shift"] = config.shift_weight * cross_entropy(*self._shifts(states, batch), None)
        return terms

    def _states(self, batch: Batch) -> Tensor:
        """Return the fused utterances, (N, D)."""
        features = zero_where_missing(batch)
        # Zero after the projection's bias, too: a missing modality has nothing to say to others.
        projected = {
            m: zero_missing(layer(features[m]), batch.masks[m]) for m, layer in self.project.items()
        }
        graph = batch.graph.merged
        weight = graph.symmetric_norm.to(batch.features[self.pairs[0][0]].dtype)
        states = [
            passes(graph, weight, torch.stack([projected[m] for m in pair]))
            for pair, passes in zip(self.pairs, self.passes, strict=True)
        ]
        return self.fuse(torch.cat(states)).mean(0)

    def _shifts(self, states: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return logits, (P, 2), and labels, (P,), of all pairs of utterances in a piece."""
        lengths = pieces(known_lengths(batch), self.config.shift_window)
        first, exists = padded(self.shift_from(states), lengths)
        second, _ = padded(self.shift_to(states), lengths)
        sentiment, _ = padded(self.sentiment_of[batch.labels], lengths)
        known = exists & (sentiment != UNLABELLED)
        both = known.unsqueeze(2) & known.unsqueeze(1)
        differ = (sentiment.unsqueeze(2) != sentiment.unsqueeze(1)).long()
        logits = first.unsqueeze(2) + second.unsqueeze(1)
        return logits.flatten(0, 2), differ.where(both, UNLABELLED).flatten()


class _Passes(nn.Module):
    """Passes over the graph of two modalities, and what is kept of each."""

    impl: Impl = "native"

    def __init__(self, dim: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.convolve = nn.ModuleList(nn.Linear(dim, dim) for _ in range(num_layers))
        self.keep = nn.ModuleList(_layer(dim, dim, dropout) for _ in range(num_layers))

    def forward(self, graph: Graph, weight: Tensor, feat: Tensor) -> Tensor:
        """Return the next states of both modalities, (2, N, D), or of one alone, (1, N, D)."""
        total, weight = feat, weight.expand(len(feat), -1)
        for convolve, keep in zip(self.convolve, self.keep, strict=True):
            others = feat.flip(0)  # each reads the other
            feat = convolve(segment_spmm(graph, weight, others, impl=self.impl))
            total = total + keep(feat)
        return total


def pieces(lengths: Tensor, most: int) -> Tensor:
    """Return the lengths of dialogues, (B,), cut into pieces of `most` utterances and the rest.

    Examples
    --------
    >>> import torch
    >>> pieces(torch.tensor([5, 1, 4]), 2).tolist()
    [2, 2, 1, 1, 2, 2]
    """
    counts = (lengths + most - 1) // most
    sizes = torch.full((int(counts.sum()),), most, device=lengths.device)
    sizes[counts.cumsum(0) - 1] = lengths - most * (counts - 1)
    return sizes


def _layer(in_feats: int, out_feats: int, dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(in_feats, out_feats), nn.LeakyReLU(), Dropout(dropout))


def _sentiment_table(num_classes: int, sentiments: Mapping[str, Sentiment]) -> Tensor:
    """Return the number of each class's sentiment, (C + 1,); the last is of what has no label."""
    if not 0 < len(sentiments) <= num_classes:  # other targets have outputs, too
        raise ValueError(f"sentiments must name the {num_classes} labels, got {list(sentiments)}")
    numbers = {"none": UNLABELLED} | {name: number for number, name in enumerate(SENTIMENTS)}
    return torch.tensor([*(numbers[name] for name in sentiments.values()), UNLABELLED])
