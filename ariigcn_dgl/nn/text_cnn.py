"""Convolutions over the words of a sentence (Kim 2014)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

RESPONSES_AT_ONCE = 2**20  # of one filter width: they stay in the cache, 3 times as fast


class TextCNN(nn.Module):
    r"""Filters of several widths over a sequence, each reduced to its largest response.

    .. math:: \hat c = \max_i \mathrm{ReLU}(w \cdot x_{i:i+h-1} + b)

    with h the filter's width (`Kim 2014 <https://arxiv.org/abs/1408.5882>`_). What lies behind the
    end of a sequence is never looked at; one that is shorter than a filter is continued with zeros.

    Parameters
    ----------
    in_feats : int
        Width E of each step of the sequence.
    num_filters : int
        Filters of each width.
    widths : sequence of int
        Steps that a filter spans.

    Examples
    --------
    >>> import torch
    >>> TextCNN(300)(torch.ones(2, 7, 300), torch.tensor([7, 4])).shape
    torch.Size([2, 300])
    """

    def __init__(
        self, in_feats: int, num_filters: int = 100, widths: Sequence[int] = (3, 4, 5)
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            [nn.Conv1d(in_feats, num_filters, width) for width in widths]
        )
        self.out_feats = num_filters * len(self.convolutions)

    def forward(self, feat: Tensor, lengths: Tensor) -> Tensor:
        """Return the largest responses.

        Parameters
        ----------
        feat : (N, T, E) tensor
            Sequences, padded to T steps.
        lengths : (N,) int64 tensor
            Steps in each sequence.

        Returns
        -------
        (N, number of widths x num_filters) tensor
        """
        inside = torch.arange(feat.size(1), device=feat.device) < lengths.unsqueeze(1)
        feat = feat.masked_fill(~inside.unsqueeze(2), 0).transpose(1, 2)
        convolutions = cast(Iterable[nn.Conv1d], self.convolutions)
        return torch.cat([_largest(one, feat, lengths) for one in convolutions], dim=1)


def _largest(convolution: nn.Conv1d, feat: Tensor, lengths: Tensor) -> Tensor:
    rows = max(1, RESPONSES_AT_ONCE // max(1, convolution.out_channels * feat.size(2)))
    parts = zip(feat.split(rows), lengths.split(rows), strict=True)
    return torch.cat([_largest_of_some(convolution, *part) for part in parts])


def _largest_of_some(convolution: nn.Conv1d, feat: Tensor, lengths: Tensor) -> Tensor:
    # One matrix product over all windows: on the CPU several times as fast as conv1d here. Steps
    # of a filter that reach beyond the longest sequence would meet zeros only.
    width = convolution.kernel_size[0]
    inside = min(width, feat.size(2))
    windows = feat.unfold(2, inside, 1).transpose(1, 2).flatten(2)  # (N, starts, E x inside)
    weight = convolution.weight[:, :, :inside].flatten(1)
    response = nn.functional.linear(windows, weight, convolution.bias)
    start = torch.arange(response.size(1), device=feat.device)
    beyond = start > (lengths - width).clamp(min=0).unsqueeze(1)
    if beyond.device.type != "cpu" or beyond.any():  # looking would be waiting elsewhere
        response = response.masked_fill(beyond.unsqueeze(2), -torch.inf)
    return response.max(1).values.relu()


class WordCNN(nn.Module):
    """Classify sentences of words by `TextCNN` over word vectors (Kim 2014, "static").

    Parameters
    ----------
    embedding : (V, E) tensor
        Vector of each word, such as GloVe's of width 300.
    num_classes : int
        Number of classes C.
    num_filters, widths
        See `TextCNN`.
    dropout : float
        Dropout before the classifier.
    freeze : bool
        Keep the word vectors as they are.

    Examples
    --------
    >>> import torch
    >>> model = WordCNN(torch.randn(50, 300), num_classes=6)
    >>> model(torch.tensor([[4, 9, 3], [7, 0, 0]]), torch.tensor([3, 1])).shape
    torch.Size([2, 6])
    """

    def __init__(
        self,
        embedding: Tensor,
        num_classes: int,
        num_filters: int = 100,
        widths: Sequence[int] = (3, 4, 5),
        dropout: float = 0.5,
        freeze: bool = True,
    ) -> None:
        super().__init__()
        # Kim's "static" keeps the vectors; `freeze=False` is "non-static".
        self.embedding = nn.Embedding.from_pretrained(embedding, freeze=freeze)
        self.cnn = TextCNN(embedding.size(1), num_filters, widths)
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(self.cnn.out_feats, num_classes)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits, (N, C).

        Parameters
        ----------
        tokens : (N, T) int64 tensor
            Words of each sentence; any valid word where a shorter one is padded.
        lengths : (N,) int64 tensor
            Words in each sentence.
        """
        return self.classify(self.dropout(self.cnn(self.embedding(tokens), lengths)))
