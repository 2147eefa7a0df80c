"""TextCNN on utterance features: both readings of a vector, and what it does not see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from ariigcn_dgl.batch import Batch, Window, collate
from ariigcn_dgl.data import SynthConfig, dialogues_from_arrays, synthesise
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import TextCNNConfig, UtteranceTextCNN

DATA = synthesise(SynthConfig())
READINGS = ("word", "numbers")


def make(vector_as: str) -> UtteranceTextCNN:
    torch.manual_seed(0)
    return UtteranceTextCNN(DATA.widths, DATA.num_classes, TextCNNConfig(vector_as)).eval()


def make_batch() -> Batch:
    return collate(DATA, [0, 1], Window(0, 0))


@pytest.mark.parametrize(("vector_as", "channels"), [("word", 64), ("numbers", 1)])
def test_filters_have_the_published_sizes(vector_as: str, channels: int) -> None:
    shapes = [tuple(one.weight.shape) for one in make(vector_as).cnn.convolutions]
    assert shapes == [(100, channels, width) for width in (3, 4, 5)]


@pytest.mark.parametrize("vector_as", READINGS)
@torch.no_grad()
def test_other_utterances_are_not_seen(vector_as: str) -> None:
    model, batch = make(vector_as), make_batch()
    text = batch.features["text"].clone()
    text[3] += 1
    changed = model(replace(batch, features=batch.features | {"text": text})) - model(batch)
    assert changed.abs().sum(1).nonzero().flatten().tolist() == [3]


@pytest.mark.parametrize("vector_as", READINGS)
@torch.no_grad()
def test_other_modalities_are_not_seen(vector_as: str) -> None:
    model, batch = make(vector_as), make_batch()
    audio = torch.zeros_like(batch.features["audio"])
    assert model(replace(batch, features=batch.features | {"audio": audio})).equal(model(batch))


@torch.no_grad()
@pytest.mark.parametrize(("vector_as", "same"), [("word", False), ("numbers", True)])
def test_only_a_sequence_of_numbers_may_be_moved_along(vector_as: str, same: bool) -> None:
    model, batch = make(vector_as), make_batch()
    text = torch.zeros_like(batch.features["text"])
    text[:, 10:15] = torch.randn(5)
    moved = text.roll(20, dims=1)
    batches = (replace(batch, features=batch.features | {"text": x}) for x in (text, moved))
    one, other = map(model, batches)
    assert torch.allclose(one, other, atol=1e-6) == same


@torch.no_grad()
def test_words_are_read_one_after_the_other() -> None:
    generator = np.random.default_rng(0)
    words = [generator.normal(size=(n, 5)) for n in (7, 1, 3)]
    data = dialogues_from_arrays(["d"] * 3, ["Ann"] * 3, text=words, label_names=["a", "b"])
    torch.manual_seed(0)
    model = UtteranceTextCNN(data.widths, 2, TextCNNConfig("words")).eval()
    logits = model(collate(data, [0], Window(0, 0)))
    for said, found in zip(words, logits, strict=True):
        sentence = torch.from_numpy(said.astype(np.float32))
        expected = model.classify(model.cnn(sentence.unsqueeze(0), torch.tensor([len(said)])))
        torch.testing.assert_close(found, expected[0])


def test_words_that_are_not_there_are_refused() -> None:
    with pytest.raises(InputError, match=r"vector_as words: the text of .* is one vector per"):
        UtteranceTextCNN.resolved(TextCNNConfig("words"), DATA)


def test_data_without_text_are_refused() -> None:
    with pytest.raises(InputError, match="needs text, but the data set has audio, visual only"):
        UtteranceTextCNN({"audio": 3, "visual": 2}, 4, TextCNNConfig())
