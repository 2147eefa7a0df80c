"""A bidirectional GRU over the dialogue: what can be told from context without a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ariigcn_dgl.data.batching import Batch
from ariigcn_dgl.limits import EvenInt, Fraction, PositiveInt
from ariigcn_dgl.models.system import System, concatenate
from ariigcn_dgl.nn import DialogueGRU


@dataclass(frozen=True)
class BiGRUConfig:
    """Settings of `BiGRU`.

    Parameters
    ----------
    hidden_dim : int
        Width of the states, half of it per direction.
    num_layers : int
        Number of GRU layers.
    dropout : float
        Dropout between the layers and before the classifier.
    """

    hidden_dim: EvenInt = 200
    num_layers: PositiveInt = 2
    dropout: Fraction = 0.5


class BiGRU(System):
    """A bidirectional GRU over the concatenated modalities, and a linear classifier.

    A yardstick: all of the dialogue, but neither speakers nor a graph.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : BiGRUConfig

    Examples
    --------
    >>> BiGRU({"text": 100}, 6, BiGRUConfig()).classify
    Linear(in_features=200, out_features=6, bias=True)
    """

    Config = BiGRUConfig

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: BiGRUConfig) -> None:
        super().__init__(config)
        self.gru = DialogueGRU(
            sum(widths.values()), config.hidden_dim, config.num_layers, config.dropout
        )
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(config.hidden_dim, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        return self.classify(self.dropout(self.gru(concatenate(batch), batch.lengths)))
