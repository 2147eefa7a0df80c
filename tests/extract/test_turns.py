"""What a text encoder reads of an utterance, and how that is cut."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.turns import Reading, Tokens, Turn, tokenize, turns_of


def _said(*lines: tuple[str, str, str]) -> list[Spoken]:
    rows = enumerate(lines)
    return [Spoken(Path("a"), d, f"u{n}", who, n, n + 1, text) for n, (d, who, text) in rows]


SAID = _said(
    ("d0", "Ann", "one"),
    ("d0", "Bob", "two"),
    ("d0", "Ann", ""),
    ("d0", "", "four"),
    ("d1", "Cem", "five"),
)


def test_utterances_before_are_read_oldest_first_and_none_of_another_dialogue() -> None:
    turns = turns_of(SAID, Reading(context=2))
    expected = [Turn("one"), Turn("two", "one"), None, Turn("four", "one two"), Turn("five")]
    assert turns == expected


def test_speakers_are_named_in_capitals_where_they_are_known() -> None:
    turns = turns_of(SAID, Reading(context=1, speaker_names=True))
    assert turns[1] == Turn("BOB: two", "ANN: one")
    assert turns[3] == Turn("four", "BOB: two")


def test_what_comes_after_an_utterance_is_never_read() -> None:
    reading = Reading(context=3, speaker_names=True)
    whole = turns_of(SAID, reading)
    assert all(turns_of(SAID[: n + 1], reading) == whole[: n + 1] for n in range(len(SAID)))


@pytest.fixture(scope="module")
def encoder(roberta: Path) -> TextEncoder:
    """Return an encoder whose tokens are bytes."""
    return TextEncoder(roberta)


def _cut(encoder: TextEncoder, turns: Sequence[Turn], most: int) -> list[Tokens]:
    return tokenize(encoder.tokenizer, turns, most)


def _words(encoder: TextEncoder, tokens: Tokens) -> str:
    return encoder.tokenizer.decode(tokens.inputs["input_ids"].tolist())


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (20, "<s>abcd</s></s>xyz</s>"),
        (11, "<s>abcd</s></s>xyz</s>"),
        (10, "<s>bcd</s></s>xyz</s>"),
        (8, "<s>d</s></s>xyz</s>"),
        (7, "<s></s></s>xyz</s>"),
        (6, "<s></s></s>xy</s>"),
    ],
)
def test_oldest_words_are_cut_first_and_the_utterance_last(
    encoder: TextEncoder, most: int, expected: str
) -> None:
    (tokens,) = _cut(encoder, [Turn("xyz", "abcd")], most)
    assert _words(encoder, tokens) == expected
    assert tokens.cut == (most < 11)
    assert tokens.short == (most < 7)
    assert int((~tokens.own).sum()) == max(min(most - 7, 4), 0)


def test_tokens_come_in_the_order_of_their_turns(encoder: TextEncoder) -> None:
    turns = [Turn("x", "a"), Turn("y"), Turn("z", "b")]
    found = [_words(encoder, tokens) for tokens in _cut(encoder, turns, 64)]
    assert found == ["<s>a</s></s>x</s>", "<s>y</s>", "<s>b</s></s>z</s>"]
