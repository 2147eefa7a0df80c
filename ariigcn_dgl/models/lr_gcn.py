"""LR-GCN (Ren 2022): speaker relations and latent relations between utterances, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.limits import EvenInt, Fraction, PositiveInt
from ariigcn_dgl.models.system import System, concatenate
from ariigcn_dgl.nn import DialogueGRU, LatentGraphConv, RelEdgeAttentionConv
from ariigcn_dgl.nn._dropout import Dropout


@dataclass(frozen=True)
class LRGCNConfig:
    """Settings of `LRGCN`.

    Parameters
    ----------
    window : Window
        The speaker graph.
    hidden_dim : int
        Width D of the sequence encoder, half of it per direction, and of every branch.
    num_bases : int
        Bases that the relations' matrices are mixed from.
    num_graphs : int
        Latent graphs K.
    num_layers : int
        Densely connected sub-layers in each latent graph.
    head_dim : int
        Width of the classifier's hidden layer.
    dropout : float
        Dropout on the encoder's states, on the branches and in the classifier.
    """

    window: Window = field(default_factory=lambda: Window(relations="auto"))
    hidden_dim: EvenInt = 200
    num_bases: PositiveInt = 30
    num_graphs: PositiveInt = 4
    num_layers: PositiveInt = 2
    head_dim: PositiveInt = 100
    dropout: Fraction = 0.5


class LRGCN(System):
    r"""LR-GCN: a latent relation-aware graph convolutional network, reconstructed.

    .. math::
        x = \mathrm{BiGRU}(u), \qquad
        h_0 = \mathrm{ReLU}(\mathrm{RelEdgeAttentionConv}(x)), \qquad
        h_{1..K} = \mathrm{LatentGraphConv}(x), \qquad
        z = x + W [h_0 \oplus h_1 \oplus \dots \oplus h_K] + b

    From the abstract (doi 10.1109/TMM.2021.3117062): a graph of context and speaker dependency, a
    set of fully linked graphs by multi-head attention, a dense connection layer over them, and a
    multi-branch network that joins both into one state per utterance. Its code is not public.
    Reconstructed: the speaker branch is the first graph layer of `DialogueGCN`; the latent branches
    and their linear combination follow AGGCN (Guo 2019), on whose pattern the abstract is built;
    the sizes, the residual and the classifier; of the training, all but the learning rate and the
    dropout. With ``window.future = 0`` the speaker branch is causal; the rest is not.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : LRGCNConfig
        Resolved: its window has no "auto".

    Examples
    --------
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.batch import collate
    >>> data, config = synthesise(SynthConfig()), LRGCNConfig(window=Window())
    >>> model = LRGCN(data.widths, data.num_classes, config)
    >>> batch = collate(data, [0, 1], config.window)
    >>> model(batch).shape == (len(batch.labels), data.num_classes)
    True
    """

    Config = LRGCNConfig
    parallel = True
    exportable = True
    published: ClassVar[TrainingConfig] = TrainingConfig(
        epochs=100, batch_size=16, learning_rate=1e-4
    )

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: LRGCNConfig) -> None:
        super().__init__(widths, num_classes, config)
        dim = config.hidden_dim
        self.encoder = DialogueGRU(sum(widths.values()), dim)
        self.dropout = Dropout(config.dropout)
        self.relational = RelEdgeAttentionConv(
            dim,
            dim,
            config.window.num_rels,
            score="bilinear",
            norm="relation",
            regularizer="basis",
            num_bases=config.num_bases,
            self_relation=True,
            activation=torch.relu,
        )
        self.latent = LatentGraphConv(dim, config.num_graphs, config.num_layers, config.dropout)
        # One map of all branches side by side is their linear combination (Guo 2019).
        self.combine = nn.Linear((1 + config.num_graphs) * dim, dim)
        self.head = nn.Sequential(
            nn.Linear(dim, config.head_dim),
            nn.ReLU(),
            Dropout(config.dropout),
            nn.Linear(config.head_dim, num_classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        states = self.dropout(self.encoder(concatenate(batch), batch.lengths))
        speaker = self.dropout(self.relational(batch.graph, states))
        latent = self.latent(states, batch.lengths).flatten(1)
        return self.head(states + self.combine(torch.cat([speaker, latent], dim=1)))
