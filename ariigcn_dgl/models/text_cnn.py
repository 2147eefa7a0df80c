"""TextCNN (Kim 2014) on utterance features: text alone, one utterance at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data.batching import Batch
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.limits import Fraction, Limit, PositiveInt
from ariigcn_dgl.models.system import System
from ariigcn_dgl.nn import TextCNN

Sizes = Annotated[
    tuple[int, ...],
    Limit("one or more numbers of at least 1", lambda value: min(value, default=0) >= 1),
]


@dataclass(frozen=True)
class TextCNNConfig:
    """Settings of `UtteranceTextCNN`.

    Parameters
    ----------
    num_filters : int
        Filters of each width.
    widths : tuple of int
        Widths of the filters.
    dropout : float
        Dropout before the classifier.
    """

    num_filters: PositiveInt = 100
    widths: Sizes = (3, 4, 5)
    dropout: Fraction = 0.5


class UtteranceTextCNN(System):
    """TextCNN for data sets that hold one text vector per utterance instead of its words.

    The vector is read as a sequence of numbers. `ariigcn_dgl.nn.WordCNN` is the form on words. No
    other utterance and no other modality is seen. Kim trains with Adadelta; this with Adam.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality; must have "text".
    num_classes : int
        Number of classes C.
    config : TextCNNConfig

    Raises
    ------
    InputError
        If there is no text.

    Examples
    --------
    >>> model = UtteranceTextCNN({"text": 100, "audio": 50}, 6, TextCNNConfig())
    >>> sum(p.numel() for p in model.parameters())
    3306
    """

    Config = TextCNNConfig
    published = TrainingConfig(learning_rate=1e-3, weight_decay=0.0)

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: TextCNNConfig) -> None:
        super().__init__(config)
        if "text" not in widths:
            found = ", ".join(widths)
            raise InputError(f"--system textcnn: needs text, but the data set has {found} only")
        self.cnn = TextCNN(1, config.num_filters, config.widths)
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(self.cnn.out_feats, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        text = batch.features["text"].masked_fill(~batch.masks["text"].unsqueeze(1), 0)
        lengths = torch.full((len(text),), text.size(1), device=text.device)
        return self.classify(self.dropout(self.cnn(text.unsqueeze(2), lengths)))
