"""Convolutions over words: responses by hand, padding, published sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.nn import TextCNN, WordCNN
from ariigcn_dgl.nn import text_cnn as module


def adding(width: int) -> TextCNN:
    """One filter that adds up `width` steps of one number."""
    cnn = TextCNN(1, num_filters=1, widths=(width,))
    nn.init.ones_(cnn.convolutions[0].weight)
    nn.init.zeros_(cnn.convolutions[0].bias)
    return cnn


def steps(*rows: list[float]) -> Tensor:
    return torch.tensor(rows).unsqueeze(2)


def test_the_largest_sum_of_neighbours_counts() -> None:
    out = adding(2)(steps([1.0, 5, -2, 4]), torch.tensor([4]))
    assert out.tolist() == [[6.0]]


def test_negative_responses_become_zero() -> None:
    assert adding(2)(steps([-1.0, -5, -2]), torch.tensor([3])).tolist() == [[0.0]]


def test_what_lies_behind_the_end_is_not_looked_at() -> None:
    out = adding(2)(steps([1.0, 2, 9, 9], [1, 2, 9, 9]), torch.tensor([2, 3]))
    assert out.tolist() == [[3.0], [11.0]]


@pytest.mark.parametrize("length", [1, 2])
def test_a_short_sequence_is_continued_with_zeros(length: int) -> None:
    out = adding(3)(steps([4.0, 3]), torch.tensor([length]))
    assert out.tolist() == [[4.0 if length == 1 else 7.0]]


def test_an_empty_sequence_has_finite_responses() -> None:
    assert TextCNN(3)(torch.randn(1, 6, 3), torch.tensor([0])).isfinite().all()


def reference(cnn: TextCNN, words: Tensor) -> Tensor:
    """Slide every filter over one sentence by hand."""
    largest = []
    for one in cnn.convolutions:
        width = one.kernel_size[0]
        padded = torch.cat([words, words.new_zeros(max(0, width - len(words)), words.size(1))])
        places = [padded[i : i + width] for i in range(len(padded) - width + 1)]
        responses = [torch.einsum("we,few->f", place, one.weight) + one.bias for place in places]
        largest.append(torch.stack(responses).relu().amax(0))
    return torch.cat(largest)


@pytest.mark.parametrize("at_once", [module.RESPONSES_AT_ONCE, 50, 1])
@torch.no_grad()
def test_equals_filters_slid_by_hand(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESPONSES_AT_ONCE", at_once)
    torch.manual_seed(0)
    cnn, lengths = TextCNN(4, num_filters=3).double(), torch.tensor([7, 1, 4, 6])
    feat = torch.randn(4, 7, 4, dtype=torch.float64)
    pairs = zip(feat, lengths, strict=True)
    expected = torch.stack([reference(cnn, row[:length]) for row, length in pairs])
    torch.testing.assert_close(cnn(feat, lengths), expected)


def test_static_word_vectors_have_kims_size_and_are_not_trained() -> None:
    model = WordCNN(torch.randn(10, 300), num_classes=6)
    trained = [p for p in model.parameters() if p.requires_grad]
    assert sum(p.numel() for p in trained) == 360_300 + 301 * 6
    assert not model.embedding.weight.requires_grad


def test_word_vectors_are_trained_on_request() -> None:
    model = WordCNN(torch.randn(10, 8), num_classes=2, freeze=False)
    model(torch.tensor([[1, 2, 3]]), torch.tensor([3])).sum().backward()
    rows = model.embedding.weight.grad.abs().sum(1).nonzero().flatten().tolist()
    assert set(rows) <= {1, 2, 3}
    assert rows


@torch.no_grad()
def test_logits_of_a_sentence_do_not_depend_on_its_padding() -> None:
    torch.manual_seed(0)
    model = WordCNN(torch.randn(10, 8), num_classes=2).eval()
    alone = model(torch.tensor([[4, 5]]), torch.tensor([2]))
    padded = model(torch.tensor([[4, 5, 0, 9, 3, 3, 3]]), torch.tensor([2]))
    torch.testing.assert_close(padded, alone)


def test_no_sequences_have_no_responses() -> None:
    assert TextCNN(3)(torch.zeros(0, 4, 3), torch.zeros(0, dtype=torch.int64)).shape == (0, 300)
