"""DialogueGCN (Ghosal 2019): a recurrent encoder, then a graph over a window of utterances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.limits import EvenInt, Fraction, PositiveInt
from ariigcn_dgl.models.system import System, concatenate
from ariigcn_dgl.nn import (
    DialogueAttention,
    DialogueGRU,
    DialogueLSTM,
    RelEdgeAttentionConv,
    SumConv,
)
from ariigcn_dgl.nn._dropout import Dropout


@dataclass(frozen=True)
class DialogueGCNConfig:
    """Settings of `DialogueGCN`; the defaults are those of its authors' script for IEMOCAP.

    Parameters
    ----------
    window : Window
        The graph; "pairs" are the paper's relations, ordered pair of speakers x direction.
    recurrent : {"lstm", "gru"}
        Sequence encoder: the authors' script uses an LSTM, the paper's text a GRU.
    hidden_dim : int
        Width of the sequence encoder, half of it per direction.
    graph_dim : int
        Width of both graph layers and of the classifier's hidden layer.
    num_bases : int
        Bases that the relations' matrices are mixed from.
    nodal_attention : bool
        Attend over the dialogue before the classifier, which blends its utterances.
    dropout : float
        Dropout between the encoder's layers and in the classifier.
    """

    window: Window = field(default_factory=lambda: Window(relations="auto"))
    recurrent: Literal["lstm", "gru"] = "lstm"
    hidden_dim: EvenInt = 200
    graph_dim: PositiveInt = 100
    num_bases: PositiveInt = 30
    nodal_attention: bool = True
    dropout: Fraction = 0.4


class DialogueGCN(System):
    r"""DialogueGCN: a graph convolutional network over the utterances of a dialogue.

    .. math::
        g &= \mathrm{BiLSTM}(u), \qquad
        \alpha_{ij} = \mathrm{softmax}_{j \in N_i}(g_i^\top W_e g_j) \\
        h^{(1)}_i &= \mathrm{ReLU}\Big(\sum_r \sum_{j \in N_i^r}
            \frac{\alpha_{ij}}{|N_i^r|} W_r g_j + \alpha_{ii} W_0 g_i + b\Big) \\
        h^{(2)}_i &= \mathrm{ReLU}\Big(\sum_{j \in N_i} W^{(2)} h^{(1)}_j
            + \alpha_{ii} W_0^{(2)} h^{(1)}_i + b^{(2)}\Big)

    The classifier sees :math:`[g_i \oplus h^{(2)}_i]`, with nodal attention after it has attended
    to the dialogue. The equations are the paper's, with its normalisation :math:`|N_i^r|`; sizes,
    bases, biases and training are those of the authors' script for IEMOCAP
    (github.com/declare-lab/conv-emotion). That script finds the edge weights with one linear map to
    110 positions, divides no relation's sum by its size and has no activation between the layers.
    The self edge is in no pair's relation here, only in the self term. With ``window.future = 0``
    the graph is causal; the encoder and nodal attention are not.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : DialogueGCNConfig
        Resolved: its window has no "auto".

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data, config = synthesise(SynthConfig()), DialogueGCNConfig(window=Window())
    >>> model = DialogueGCN(data.widths, data.num_classes, config)
    >>> batch = collate(data, [0, 1], config.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = DialogueGCNConfig
    parallel = True
    exportable = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=60,
        batch_size=32,
        learning_rate=3e-4,
        weight_decay=0.0,
        patience=60,  # all epochs: there is no early stopping
        class_weights=True,
    )

    def __init__(
        self, widths: Mapping[str, int], num_classes: int, config: DialogueGCNConfig
    ) -> None:
        super().__init__(widths, num_classes, config)
        hidden, graph = config.hidden_dim, config.graph_dim
        encoder = {"lstm": DialogueLSTM, "gru": DialogueGRU}[config.recurrent]
        self.encoder = encoder(sum(widths.values()), hidden, num_layers=2, dropout=config.dropout)
        self.relational = RelEdgeAttentionConv(
            hidden,
            graph,
            config.window.num_rels,
            score="bilinear",
            norm="relation",
            regularizer="basis",
            num_bases=config.num_bases,
            self_relation=True,
            activation=torch.relu,
        )
        self.sum = SumConv(graph, graph)
        width = hidden + graph
        self.nodal = DialogueAttention(width) if config.nodal_attention else None
        self.head = nn.Sequential(
            nn.Linear(width, graph),
            nn.ReLU(),
            Dropout(config.dropout),
            nn.Linear(graph, num_classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        sequence = self.encoder(concatenate(batch), batch.lengths)
        first, attention = self.relational(batch.graph, sequence, get_attention=True)
        # The second layer's self term is weighted by the first one's attention, as in the paper.
        second = self.sum(batch.graph, first, attention.flatten()).relu()
        states = torch.cat([sequence, second], dim=1)
        if self.nodal is not None:
            states = self.nodal(states, batch.lengths)
        return self.head(states)
