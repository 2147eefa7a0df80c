"""Fine-tuning a text encoder: what it learns from, and what it must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.text_fitting import thaw, weights_of
from ariigcn_dgl.extract.text_folds import FoldFeatures, fold_features
from ariigcn_dgl.extract.text_settings import TextTraining
from ariigcn_dgl.extract.text_training import TextTuning, Tuned, tune_text
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.extract.turns import Reading

DIALOGUES, TURNS = 10, 4
SPLITS = np.repeat(["train"] * 6 + ["val"] * 2 + ["test"] * 2, TURNS)
LABELS = np.arange(DIALOGUES * TURNS) // 2 % 2
CONFIG = TextTraining(epochs=3, learning_rate=0.01, batch_size=4, folds=0)


def _utterances() -> list[Spoken]:
    """Return utterances whose words tell their class."""
    letters = np.random.default_rng(0).integers(0, 3, (len(LABELS), 5))
    texts = ["".join("abcxyz"[n + 3 * c] for n in x) for x, c in zip(letters, LABELS, strict=True)]
    return [
        Spoken(Path("a"), f"d{n // TURNS}", f"u{n}", "AB"[n % 2], n, n + 1, text)
        for n, text in enumerate(texts)
    ]


def _tune(
    roberta: Path,
    config: TextTraining = CONFIG,
    labels: np.ndarray = LABELS,
    note: Callable[[str], None] = lambda sentence: None,
) -> Tuned:
    return tune_text(TextTuning(TextEncoder(roberta), config), _utterances(), labels, SPLITS, note)


@pytest.fixture(scope="module")
def tuned(roberta: Path) -> Tuned:
    """Return a fine-tuned encoder and its features."""
    return _tune(roberta)


def test_encoder_learns_what_tells_the_classes(roberta: Path, notes: list[str]) -> None:
    found = _tune(roberta, note=notes.append)
    said = "text encoder: fine-tuned on 24 utterances, weighted F1 100.0 on the 8 of val, from text"
    assert notes[0].startswith(said)
    assert "it has seen the labels of train" in notes[1]
    assert found.encoder.learnt["val_weighted_f1"] == 100
    assert (
        found.encoder.learnt["base"]["weights_sha256"]
        != (found.encoder.describe()["weights_sha256"])
    )


def test_same_seed_gives_the_same_bits_and_leaves_the_callers_random_numbers(
    roberta: Path, tuned: Tuned
) -> None:
    tuning, quiet = TextTuning(TextEncoder(roberta), CONFIG), lambda sentence: None
    before = torch.random.get_rng_state()
    again = tune_text(tuning, _utterances(), LABELS, SPLITS, quiet)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert again.encoder.describe() == tuned.encoder.describe()
    np.testing.assert_array_equal(again.features, tuned.features)


def test_labels_of_test_are_never_used(roberta: Path, tuned: Tuned) -> None:
    found = _tune(roberta, labels=np.where(SPLITS == "test", 7, LABELS))
    assert found.encoder.describe() == tuned.encoder.describe()
    np.testing.assert_array_equal(found.features, tuned.features)


def test_only_features_of_train_come_from_folds(roberta: Path, tuned: Tuned) -> None:
    found = _tune(roberta, replace(CONFIG, folds=3))
    train = SPLITS == "train"
    np.testing.assert_array_equal(found.features[~train], tuned.features[~train])
    assert np.abs(found.features[train] - tuned.features[train]).max(1).min() > 1e-3
    turns = [turn for turn in found.encoder.turns(_utterances()) if turn]
    np.testing.assert_allclose(found.encoder.encode(turns), tuned.features, atol=1e-6)


def _folds(roberta: Path, labels: np.ndarray) -> FoldFeatures:
    encoder = TunedTextEncoder(TextEncoder(roberta), Reading(), {})
    tokens = encoder.tokens([turn for turn in encoder.turns(_utterances()) if turn])
    rows, start = np.flatnonzero(SPLITS == "train"), weights_of(encoder.base.model)
    config = replace(CONFIG, folds=3)
    return fold_features(encoder, tokens, labels, rows, rows // TURNS, config, 2, start)


def test_features_from_folds_do_not_know_the_labels_of_their_dialogues(roberta: Path) -> None:
    changed = LABELS.copy()
    changed[:TURNS] = 1 - changed[:TURNS]  # of the first dialogue
    one, other = _folds(roberta, LABELS), _folds(roberta, changed)
    own = one.fold[0]
    np.testing.assert_array_equal(one.by_encoder[own], other.by_encoder[own])
    for number in {0, 1, 2} - {own}:
        assert not np.array_equal(one.by_encoder[number], other.by_encoder[number])


def test_frozen_layers_and_embeddings_stay_and_the_others_learn(roberta: Path) -> None:
    before = weights_of(TextEncoder(roberta).model)
    after = weights_of(_tune(roberta, replace(CONFIG, freeze=1, epochs=1)).encoder.base.model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(name.startswith("encoder.layer.1.") for name in changed)
    assert not any(name.startswith(("embeddings.", "encoder.layer.0.")) for name in changed)


def test_words_that_are_cut_off_are_told(roberta: Path, notes: list[str]) -> None:
    long = [replace(one, text=one.text * 8) for one in _utterances()]
    tuning = TextTuning(TextEncoder(roberta), replace(CONFIG, epochs=1, context=1))
    tune_text(tuning, long, LABELS, SPLITS, notes.append)
    assert notes[0] == (
        "text encoder: 30 utterances have more words before them than the 64 tokens that it reads: "
        "the oldest were cut off"
    )


def test_utterances_that_are_cut_are_told(roberta: Path, notes: list[str]) -> None:
    utterances = _utterances()
    utterances[3] = replace(utterances[3], text="a" * 63)
    tuning = TextTuning(TextEncoder(roberta), replace(CONFIG, epochs=1))
    tune_text(tuning, utterances, LABELS, SPLITS, notes.append)
    assert notes[0] == (
        "1 utterance is longer than the 64 tokens that the text encoder reads: the rest of it was "
        f"not read; it is {utterances[3].name!r}"
    )


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.full(40, -1), "0 labelled utterances with text in train and 0 in val, expected two"),
        (np.zeros(40, int), "24 labelled utterances with text in train and 8 in val, expected two"),
        (np.where(SPLITS == "val", -1, LABELS), "24 labelled .* in train and 0 in val, expected"),
    ],
)
def test_nothing_to_learn_from_is_named(roberta: Path, labels: np.ndarray, sentence: str) -> None:
    with pytest.raises(InputError, match=f"--text_training: {sentence}"):
        _tune(roberta, labels=labels)


def test_encoder_that_cannot_learn_or_read_that_much_is_named(roberta: Path) -> None:
    with pytest.raises(InputError, match=r"freeze: is 2, expected less than the 2 layers that"):
        _tune(roberta, replace(CONFIG, freeze=2))
    short = TextEncoder(roberta)
    short.max_tokens = 20
    tuning = TextTuning(short, replace(CONFIG, context=1))
    with pytest.raises(InputError, match=r"context: the encoder reads 20 tokens, too few for more"):
        tune_text(tuning, _utterances(), LABELS, SPLITS, lambda sentence: None)
    whole = torch.nn.Linear(2, 2).requires_grad_(False)
    whole.weight = torch.nn.Parameter(torch.ones(2, 2, dtype=torch.int8), requires_grad=False)
    whole.bias = None
    with pytest.raises(InputError, match=r"\(Linear\) has no weights that can learn: expected one"):
        thaw(whole, 0)
