"""A bidirectional GRU over the dialogue: what can be told from context without a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.errors import InputError
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
    causal : bool
        Run forwards only, with states of the same width: no utterance sees the future.
    """

    hidden_dim: EvenInt = 200
    num_layers: PositiveInt = 2
    dropout: Fraction = 0.5
    causal: bool = False


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
        Sizes, and whether it may look ahead.

    Examples
    --------
    >>> BiGRU({"text": 100}, 6, BiGRUConfig()).classify
    Linear(in_features=200, out_features=6, bias=True)
    """

    Config = BiGRUConfig
    parallel = True
    exportable = True

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: BiGRUConfig) -> None:
        super().__init__(widths, num_classes, config)
        self.gru = DialogueGRU(
            sum(widths.values()),
            config.hidden_dim,
            config.num_layers,
            config.dropout,
            bidirectional=not config.causal,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(config.hidden_dim, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        return self.classify(self.dropout(self.gru(concatenate(batch), batch.lengths)))

    def stream(self) -> GRUStream:
        """Return a reader of a conversation that is still going on; see `System.stream`."""
        if not self.config.causal:  # the backward GRU begins at an end that is not there yet
            raise InputError(
                "this run looks ahead (its GRU reads backwards too): train it with "
                "--model.causal true"
            )
        return GRUStream(self)


class GRUStream:
    """Remembers the GRU's state after the last utterance; see `Stream`."""

    def __init__(self, model: BiGRU) -> None:
        self.model = model
        self.state: Tensor | None = None

    def add(self, utterance: Batch) -> Tensor:
        """Return the logits, (C,), of the next utterance."""
        read, self.state = self.model.gru.step(concatenate(utterance).squeeze(0), self.state)
        return self.model.classify(read)
