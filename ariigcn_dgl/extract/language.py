"""Whether texts look English: what most encoders and data sets of emotions are made for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

ENGLISH = "English"
# Frequent when people talk, and rare in other languages: not "to" (Polish), "i" (Croatian), "of",
# "had" (Dutch), "he", which is Spanish, too, but seldom.
_COMMON = """
about and any are back be because been but can can't could did didn't does doesn't don't for from
get going gonna good got have he he's here hey his how i'd i'll i'm i've into isn't it it's just
know let's like look make more much my need never not okay only out please really right see she
she's should some something sorry take than thank thanks that that's the their them then there
there's these they they're think this those too very wanna want was wasn't way we're we've what
what's when where which who why with won't would yeah yes you you're you've your
"""
COMMON = frozenset(_COMMON.split())
LEAST = 0.08  # share of such words: of English dialogues a third, of other languages' 1 %
FEWEST = 12  # words, or letters, to judge by
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def why_not_english(texts: Sequence[str]) -> str:
    """Return why texts do not look English, taken together; "" where they do.

    Nothing is said of fewer than `FEWEST` words, or letters that are not Latin. Texts of which a
    part is English do look so.

    Parameters
    ----------
    texts : sequence of str

    Examples
    --------
    >>> why_not_english(["I got the tickets, and you are coming with me, aren't you?"])
    ''
    >>> why_not_english(["Ich habe die Karten!", "Na dann kommst du also doch mit, oder nicht?"])
    '0 % of its words are common English ones'
    >>> why_not_english(["Я купил билеты!", "Значит, ты идёшь?"])
    '100 % of its letters are not Latin'
    """
    words = _words(texts)
    letters = "".join(words).replace("'", "")
    foreign = sum(not _is_latin(letter) for letter in letters)
    if foreign >= FEWEST and 2 * foreign > len(letters):
        return f"{100 * foreign / len(letters):.0f} % of its letters are not Latin"
    share = sum(word in COMMON for word in words) / max(len(words), 1)
    if len(words) >= FEWEST and share < LEAST:
        return f"{100 * share:.0f} % of its words are common English ones"
    return ""


def looks_english(texts: Sequence[str]) -> bool:
    """Whether texts have words enough to tell, and look English."""
    return len(_words(texts)) >= FEWEST and not why_not_english(texts)


def is_english(language: str) -> bool:
    """Whether the name of a language is that of English."""
    return language.casefold() in ("english", "en")


def _words(texts: Sequence[str]) -> list[str]:
    return [word.lower() for text in texts for word in _WORD.findall(text.replace("’", "'"))]


def _is_latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN")
