"""Whether texts look English."""

from __future__ import annotations

import pytest

from ariigcn_dgl.extract.language import (
    COMMON,
    FEWEST,
    is_english,
    looks_english,
    why_not_english,
)

TALK = ["Oh my God, what are you doing here?", "I don’t know, I just wanted to see you again."]


@pytest.mark.parametrize(
    "texts",
    [
        TALK,
        ["lol yeah ok", "brb gotta go, u there?", "what time is it, i need to sleep", "k bye"],
        ["Ja, ja.", "OK"],  # too few
        [],
        ["12:30!!!", "???"],
        [*TALK, "Non lo so, forse.", "Va bene, ci vediamo domani allora."],  # a part is English
    ],
    ids=["talk", "chat", "few", "none", "no letters", "mixed"],
)
def test_what_looks_english_or_is_too_little_is_not_doubted(texts: list[str]) -> None:
    assert why_not_english(texts) == ""


@pytest.mark.parametrize(
    ("texts", "share"),
    [
        (["Hast du gehört, dass sie geheiratet haben?", "Nein! Das ist ja eine Nachricht."], "0 %"),
        (["Ik weet het niet, misschien komt hij morgen.", "Of we gaan samen naar huis."], "0 %"),
        (["No sé qué decirte, de verdad.", "Pues dime que vienes mañana con nosotros."], "0 %"),
        (["Nie wiem, co to jest.", "To ja, a ty nie wiesz, co to znaczy?", "No i dobrze."], "0 %"),
    ],
    ids=["German", "Dutch", "Spanish", "Polish"],
)
def test_other_languages_lack_the_common_words(texts: list[str], share: str) -> None:
    assert why_not_english(texts) == f"{share} of its words are common English ones"


@pytest.mark.parametrize("text", ["你好，你今天怎么样？很好，谢谢。", "Γεια σου! Τι κάνεις;"])
def test_other_letters_tell_in_few_words(text: str) -> None:
    assert why_not_english([text]) == "100 % of its letters are not Latin"


def test_accents_and_emoji_are_no_other_letters() -> None:
    assert why_not_english(["Zoë, José and Renée are at the café, aren't they? " + 30 * "😂"]) == ""


def test_too_little_to_tell_is_not_called_english() -> None:
    assert looks_english(TALK)
    assert not looks_english(["Oh my God, what are you doing?"])


def test_words_are_as_they_are_compared() -> None:
    assert all(word == word.lower() and "’" not in word for word in COMMON)
    assert FEWEST > 1


def test_english_has_two_names() -> None:
    assert is_english("english")
    assert is_english("en")
    assert not is_english("")
