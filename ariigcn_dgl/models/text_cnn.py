"""TextCNN (Kim 2014) on utterance features: text alone, one utterance at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
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
    vector_as : {"word", "numbers", "words"}
        How an utterance's text vector is read: as a sentence of one word, whose entries are the
        filters' input channels as with Kim; or as a sequence of numbers in one channel, whose
        largest responses do not tell where in the vector they arose. "words": the data set has
        the words of each utterance, and they are read, as with Kim.
    num_filters : int
        Filters of each width.
    widths : tuple of int
        Widths of the filters.
    dropout : float
        Dropout before the classifier.
    """

    vector_as: Literal["word", "numbers", "words"] = "word"
    num_filters: PositiveInt = 100
    widths: Sizes = (3, 4, 5)
    dropout: Fraction = 0.5


class UtteranceTextCNN(System):
    """TextCNN on the words of an utterance, or on its one text vector.

    No other utterance and no other modality is seen. `ariigcn_dgl.nn.WordCNN` is the same with a
    table of word vectors of its own. In a sentence of one word only the first step of each filter
    meets anything but zeros. Kim trains with Adadelta; this with Adam.

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
        If there is no text, or no words are there to be read.

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
        in_feats = 1 if config.vector_as == "numbers" else widths["text"]
        self.cnn = TextCNN(in_feats, config.num_filters, config.widths)
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(self.cnn.out_feats, num_classes)

    @classmethod
    def resolved(cls, config: TextCNNConfig, dialogues: Dialogues) -> TextCNNConfig:
        """Return the settings, where the data set has what they read."""
        if config.vector_as == "words" and "text" not in dialogues.sequences:
            raise InputError(
                f"--model.vector_as words: the text of {dialogues.name} is one vector per utterance"
            )
        return super().resolved(config, dialogues)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of every utterance, (N, C)."""
        if self.config.vector_as == "words":
            words, exists = batch.steps("text")
            return self.classify(self.dropout(self.cnn(words, exists.sum(1))))
        text = zero_missing(batch.features["text"], batch.masks["text"])
        sequence = text.unsqueeze(1 if self.config.vector_as == "word" else 2)
        # All are as long as the vector, or one word: nothing is padding.
        lengths = torch.full((text.size(0),), sequence.size(1), device=text.device)
        return self.classify(self.dropout(self.cnn(sequence, lengths)))
