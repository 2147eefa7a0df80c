"""From words and turns to utterances."""

from __future__ import annotations

from ariigcn_dgl.speech.recogniser import Piece
from ariigcn_dgl.speech.utterances import Utterance, utterances_of
from ariigcn_dgl.speech.voices import Turn

ONE = [Turn(0.0, 100.0, 0)]


def _words(*times: tuple[float, float]) -> list[Piece]:
    return [Piece(start, end, f" w{n}") for n, (start, end) in enumerate(times)]


def _texts(found: list[Utterance]) -> list[str]:
    return [one.text for one in found]


def test_a_long_pause_ends_an_utterance() -> None:
    found = utterances_of(_words((0.0, 0.5), (1.1, 1.5), (2.3, 2.5)), ONE)
    assert found == [Utterance(0.0, 1.5, 0, "w0 w1"), Utterance(2.3, 2.5, 0, "w2")]


def test_another_speaker_begins_one() -> None:
    turns = [Turn(0.0, 1.0, 1), Turn(1.0, 3.0, 0)]
    found = utterances_of(_words((0.0, 0.9), (0.9, 1.5), (1.5, 2.0)), turns)
    assert found == [Utterance(0.0, 0.9, 1, "w0"), Utterance(0.9, 2.0, 0, "w1 w2")]


def test_a_word_between_turns_is_of_the_nearest() -> None:
    turns = [Turn(0.0, 1.0, 0), Turn(3.0, 4.0, 1)]
    assert [one.speaker for one in utterances_of(_words((1.1, 1.2)), turns)] == [0]
    assert [one.speaker for one in utterances_of(_words((2.8, 2.9)), turns)] == [1]


def test_a_brief_change_within_words_is_taken_for_an_error() -> None:
    words = _words((0.0, 1.0), (1.0, 1.3), (1.3, 2.0))
    turns = [Turn(0.0, 1.0, 0), Turn(1.0, 1.3, 1), Turn(1.3, 2.0, 0)]
    assert _texts(utterances_of(words, turns)) == ["w0 w1 w2"]


def test_a_short_answer_between_pauses_stays() -> None:
    words = _words((0.0, 1.0), (1.5, 1.8), (2.3, 3.0))
    turns = [Turn(0.0, 1.0, 0), Turn(1.5, 1.8, 1), Turn(2.3, 3.0, 0)]
    assert [one.speaker for one in utterances_of(words, turns)] == [0, 1, 0]


def test_a_long_utterance_ends_at_a_breath_or_with_its_sentence() -> None:
    breath = _words((0.0, 13.0), (13.4, 14.0))
    assert _texts(utterances_of(breath, ONE)) == ["w0", "w1"]
    sentence = [Piece(0.0, 13.0, " Yes."), Piece(13.0, 14.0, " No.")]
    assert _texts(utterances_of(sentence, ONE)) == ["Yes.", "No."]


def test_words_without_spaces_between_them_stay_together() -> None:
    words = [Piece(0.0, 0.5, "你"), Piece(0.5, 1.0, "好"), Piece(1.0, 1.2, " ")]
    assert utterances_of(words, ONE) == [Utterance(0.0, 1.2, 0, "你好")]
