"""TextCNN (Kim 2014) on utterance features: text alone, one utterance at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data.missing import zero_missing
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
    vector_as : {"word", "numbers"}
        How an utterance's text vector is read: as a sentence of one word, whose entries are the
        filters' input channels as with Kim; or as a sequence of numbers in one channel, whose
        largest responses do not tell where in the vector they arose.
    num_filters : int
        Filters of each width.
    widths : tuple of int
        Widths of the filters.
    dropout : float
        Dropout before the classifier.
    """

    vector_as: Literal["word", "numbers"] = "word"
    num_filters: PositiveInt = 100
    widths: Sizes = (3, 4, 5)
    dropout: Fraction = 0.5


class UtteranceTextCNN(System):
    """TextCNN for data sets that hold one text vector per utterance instead of its words.

    No other utterance and no other modality is seen. `ariigcn_dgl.nn.WordCNN` is Kim's own form, on
    words. In a sentence of one word only the first step of each filter meets anything but zeros.
    Kim trains with Adadelta; this with Adam.

    Parameters
    ----------
    widths : mapping of str to int
        Feature width of each modality; must have "text".
    num_classes : int
        Number of classes C.
    config : TextCNNConfig
        Filters, and how a vector is read.

    Raises
    ------
    InputError
        If there is no text.

    Examples
    --------
    >>> model = UtteranceTextCNN({"text": 100, "audio": 50}, 6, TextCNNConfig())
    >>> model.cnn.convolutions[0]
    Conv1d(100, 100, kernel_size=(3,), stride=(1,))
    """

    Config = TextCNNConfig
    parallel = True
    exportable = True
    published = TrainingConfig(learning_rate=1e-3, weight_decay=0.0)

    def __init__(self, widths: Mapping[str, int], num_classes: int, config: TextCNNConfig) -> None:
        super().__init__(widths, num_classes, config)
        if "text" not in widths:
            found = ", ".join(widths)
            raise InputError(f"--system textcnn: needs text, but the data set has {found} only")
        in_feats = widths["text"] if config.vector_as == "word" else 1
        self.cnn = TextCNN(in_feats, config.num_filters, config.widths)
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(self.cnn.out_feats, num_classes)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        text = zero_missing(batch.features["text"], batch.masks["text"])
        sequence = text.unsqueeze(1 if self.config.vector_as == "word" else 2)
        # All are as long as the vector, or one word: nothing is padding.
        lengths = torch.full((text.size(0),), sequence.size(1), device=text.device)
        return self.classify(self.dropout(self.cnn(sequence, lengths)))
