"""M3NET (Chen 2023): hyperedges of modalities and utterances, and a graph of all frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.limits import EvenInt, Fraction, PositiveInt
from ariigcn_dgl.models._modality_states import ModalityStates
from ariigcn_dgl.models.system import System
from ariigcn_dgl.nn import DialogueGRU, FrequencyConv, HypergraphConv
from ariigcn_dgl.nn._dropout import Dropout


@dataclass(frozen=True)
class M3NETConfig:
    """Settings of `M3NET`; the defaults are those of its authors' command for IEMOCAP.

    Parameters
    ----------
    hidden_dim : int
        Width of the modalities' states; half of it per direction of the GRU.
    graph_dim : int
        Width of both convolutions.
    num_hypergraph_layers : int
        Layers over the hyperedges.
    num_frequency_layers : int
        Layers over the graph.
    num_speakers : int
        Speaker embeddings; further speakers of a dialogue share the last one.
    dropout : float
        Dropout between the GRU's layers and before the classifier.
    """

    hidden_dim: EvenInt = 512
    graph_dim: PositiveInt = 512
    num_hypergraph_layers: PositiveInt = 3
    num_frequency_layers: PositiveInt = 4
    num_speakers: PositiveInt = 9  # the most in a dialogue of MELD
    dropout: Fraction = 0.5


class M3NET(System):
    r"""M3NET: multivariate, multi-frequency and multimodal graph neural networks.

    .. math::
        x^t &= \mathrm{BiGRU}(W^t u^t + b^t) + s, \qquad x^m = W^m u^m + b^m, \qquad
            h = W' x + b' \\
        y &= W\, \mathrm{ReLU}\Big(\bigoplus\nolimits_m \big[\mathrm{HypergraphConv}(h)^m \oplus
            \mathrm{FrequencyConv}(h)^m\big]\Big) + b

    `HypergraphConv` is over each modality of a dialogue and each utterance's modalities,
    `FrequencyConv` over the edges of `ModalityGraph`, without those to oneself; s embeds the
    speaker. Sizes, order and training are those of github.com/feiyuchen7/M3NET (CVPR 2023), but for
    the following. It averages four layers of RoBERTa, each after a batch norm; here text is one
    vector, standardised with the data set. Its learned weights belong to positions in a batch,
    whichever dialogues stand there, and only divide the sums; here they belong to kinds of nodes
    and hyperedges, and are those of weighted means. It keeps the best epoch on the test split,
    reads the training dialogues in the same order in every epoch and begins each with the same
    random numbers; here validation decides, and epochs differ. Its GRU runs over padding. Its two
    speakers are those of IEMOCAP by gender; here they are numbered within each dialogue by first
    appearance.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : M3NETConfig
        Sizes and dropout.

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data = synthesise(SynthConfig())
    >>> model = M3NET(data.widths, data.num_classes, M3NETConfig(hidden_dim=8, graph_dim=8))
    >>> batch = collate(data, [0, 1], model.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = M3NETConfig
    parallel = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=80,
        batch_size=16,
        learning_rate=1e-4,
        weight_decay=3e-5,
        patience=80,  # all epochs: there is no early stopping
        class_weights=True,
    )

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: M3NETConfig) -> None:
        super().__init__(widths, num_classes, config)
        dim, graph_dim = config.hidden_dim, config.graph_dim
        gru = DialogueGRU(dim, dim, num_layers=2, dropout=config.dropout)
        self.states = ModalityStates(widths, dim, gru, config.num_speakers)
        self.project = nn.Linear(dim, graph_dim)
        self.hypergraph = HypergraphConv(graph_dim, len(widths), config.num_hypergraph_layers)
        self.frequency = FrequencyConv(graph_dim, config.num_frequency_layers)
        self.head = nn.Sequential(
            Dropout(config.dropout),
            nn.ReLU(),
            nn.Linear(len(widths) * 2 * graph_dim, num_classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        graph, states = self.states(batch)
        projected = self.project(states)
        itself = torch.eye(projected.size(1), dtype=torch.bool, device=projected.device)
        common = self.frequency(graph.linked & ~itself, projected)
        return self.head(graph.rows(torch.cat([self.hypergraph(graph, projected), common], -1)))
