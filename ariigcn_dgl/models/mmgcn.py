"""MMGCN (Hu 2021): modalities of utterances as nodes of one graph, a deep spectral convolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.limits import EvenInt, Fraction, PositiveFloat, PositiveInt
from ariigcn_dgl.models._modality_states import ModalityStates
from ariigcn_dgl.models.system import System
from ariigcn_dgl.nn import (
    DeepGraphConv,
    DialogueLSTM,
    angular_similarity,
    symmetrically_normalised,
)
from ariigcn_dgl.nn._dropout import Dropout


@dataclass(frozen=True)
class MMGCNConfig:
    """Settings of `MMGCN`; the defaults are those of its authors' command for IEMOCAP.

    Parameters
    ----------
    hidden_dim : int
        Width of the modalities' states; half of it per direction of the LSTM.
    graph_dim : int
        Width of the graph layers.
    num_layers : int
        Number of graph layers.
    alpha : float
        Share of the initial states in every graph layer.
    lam : float
        How slowly the graph layers' matrices fade into the identity.
    num_speakers : int
        Speaker embeddings; further speakers of a dialogue share the last one.
    dropout : float
        Dropout between the LSTM's layers, around every graph layer and before the classifier.
    """

    hidden_dim: EvenInt = 200
    graph_dim: PositiveInt = 100
    num_layers: PositiveInt = 4
    alpha: Fraction = 0.1
    lam: PositiveFloat = 0.5
    num_speakers: PositiveInt = 9  # the most in a dialogue of MELD
    dropout: Fraction = 0.4


class MMGCN(System):
    r"""MMGCN: multimodal fusion by a deep graph convolutional network.

    .. math::
        x^t &= \mathrm{BiLSTM}(W^t u^t + b^t) + s, \qquad x^m = W^m u^m + b^m \\
        A_{ij} &= 1 - \arccos(\cos(x_i, x_j)) / \pi, \qquad
            P = D^{-1/2} A D^{-1/2} \\
        y &= W\, \mathrm{ReLU}\Big(\bigoplus\nolimits_m \big[x^m \oplus
            \mathrm{GCNII}(P, \mathrm{ReLU}(W' x^m + b'))\big]\Big) + b

    over the edges of `ModalityGraph`: all utterances of a dialogue within a modality, the same
    utterance across modalities; s embeds the speaker. Sizes, order and training are those of
    github.com/hujingwen6666/MMGCN (arXiv 2107.06779), but for the following. Its command asks for 4
    graph layers, its program builds 64 whatever was asked for: ``num_layers=64`` is that. It keeps
    the best epoch on the test split, and begins every epoch with the same random numbers; here
    validation decides, and epochs differ. Its LSTM runs over padding. Its two speakers are those of
    IEMOCAP by gender; here they are numbered within each dialogue by first appearance.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : MMGCNConfig
        Sizes and dropout.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> model = MMGCN(data.widths, data.num_classes, MMGCNConfig())
    >>> batch = collate(data, [0, 1], model.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = MMGCNConfig
    parallel = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=20,
        batch_size=16,
        learning_rate=3e-4,
        weight_decay=3e-5,
        patience=20,  # all epochs: there is no early stopping
        class_weights=True,
    )

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: MMGCNConfig) -> None:
        super().__init__(widths, num_classes, config)
        dim, graph_dim = config.hidden_dim, config.graph_dim
        lstm = DialogueLSTM(dim, dim, num_layers=2, dropout=config.dropout)
        self.states = ModalityStates(widths, dim, lstm, config.num_speakers)
        self.dropout = Dropout(config.dropout)
        self.project = nn.Linear(dim, graph_dim)
        self.convolve = DeepGraphConv(
            graph_dim, config.num_layers, config.alpha, config.lam, config.dropout
        )
        self.head = nn.Sequential(
            Dropout(config.dropout),
            nn.ReLU(),
            nn.Linear(len(widths) * (dim + graph_dim), num_classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        graph, states = self.states(batch)
        similarity = angular_similarity(states).masked_fill(~graph.linked, 0)
        states = self.dropout(states)  # after the similarities, which are of whole states
        initial = self.project(states).relu()
        convolved = self.convolve(symmetrically_normalised(similarity), initial)
        return self.head(graph.rows(torch.cat([states, convolved], dim=-1)))
