"""The nearest known word to one that was mistyped."""

from __future__ import annotations

import pytest

from ariigcn_dgl.near import did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("mpl", ["ariigcn", "mlp"], "mlp"),
        ("DialogueGCN", ["dialogue-rnn", "dialogue-gcn"], "dialogue-gcn"),
        ("--lr", ["--training.learning_rate", "--lr"], "--lr"),
        ("--hiden_dim", ["--data", "--model.hidden_dim"], "--model.hidden_dim"),
        ("--training.epochs", ["--model.epochs", "--training.epoch"], "--training.epoch"),
    ],
)
def test_the_nearest_is_named(word: str, known: list[str], meant: str) -> None:
    assert did_you_mean(word, known) == f"; did you mean '{meant}'?"


def test_nothing_is_said_where_nothing_is_near() -> None:
    assert did_you_mean("xyz", ["mlp", "ariigcn"]) == ""
    assert did_you_mean("mlp", []) == ""


def test_what_is_no_word_is_not_compared() -> None:
    assert did_you_mean("a" * 101, ["a" * 101]) == ""
