"""A multilayer perceptron on single utterances: what can be told without any context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.limits import Fraction, PositiveInt
from ariigcn_dgl.models.system import System, concatenate
from ariigcn_dgl.nn import EmotionInferenceSubnetwork


@dataclass(frozen=True)
class MLPConfig:
    """Settings of `MLP`.

    Parameters
    ----------
    hidden_dim : int
        Width of the two hidden layers.
    dropout : float
        Dropout before every layer.
    """

    hidden_dim: PositiveInt = 128
    dropout: Fraction = 0.5


class MLP(System):
    """Two hidden layers over the concatenated modalities of one utterance: AR-IIGCN's classifier.

    A yardstick: no context, no speaker, no graph.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality.
    num_classes : int
        Number of classes C.
    config : MLPConfig
        Sizes and dropout.

    Examples
    --------
    >>> MLP({"text": 100, "audio": 50}, 6, MLPConfig()).layers.layers[1]
    Linear(in_features=150, out_features=128, bias=True)
    """

    Config = MLPConfig
    parallel = True
    exportable = True

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: MLPConfig) -> None:
        super().__init__(widths, num_classes, config)
        self.layers = EmotionInferenceSubnetwork(
            sum(widths.values()), num_classes, config.hidden_dim, config.dropout
        )

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        return self.layers(concatenate(batch))

    def stream(self) -> MLPStream:
        """Return a reader of a conversation that is still going on; see `System.stream`."""
        return MLPStream(self)


class MLPStream:
    """Labels each utterance alone; see `Stream`."""

    def __init__(self, model: MLP) -> None:
        self.model = model

    def add(self, utterance: Batch) -> Tensor:
        """Return the logits, (C,), of the next utterance."""
        return self.model(utterance).squeeze(0)
