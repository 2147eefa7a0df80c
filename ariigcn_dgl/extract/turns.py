"""Utterances as a text encoder reads them: with their speakers' names, and what was said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ariigcn_dgl.extract.spoken import Spoken


@dataclass(frozen=True)
class Turn:
    """What an encoder reads of one utterance.

    Parameters
    ----------
    text : str
        Its own words.
    before : str
        Those of utterances before it, oldest first; may be empty.
    """

    text: str
    before: str = ""


@dataclass(frozen=True)
class Reading:
    """What an encoder reads beside an utterance's own words; never what was said after it.

    Parameters
    ----------
    context : int
        Utterances of the same dialogue before it.
    speaker_names : bool
        Whether each utterance begins with its speaker's name in capitals, as EmoBERTa's.
    """

    context: int = 0
    speaker_names: bool = False


def turns_of(utterances: Sequence[Spoken], reading: Reading) -> list[Turn | None]:
    """Return what is read of each utterance; None where it has no text.

    Parameters
    ----------
    utterances : sequence of Spoken
        Those of a dialogue together and in order.
    reading : Reading

    Examples
    --------
    >>> from pathlib import Path
    >>> said = [Spoken(Path("a.mp4"), "a", f"a_{n}", "Ann", n, n + 1, f"No {n}.") for n in (0, 1)]
    >>> turns_of(said, Reading(context=1, speaker_names=True))[1]
    Turn(text='ANN: No 1.', before='ANN: No 0.')
    """
    turns: list[Turn | None] = []
    said: list[str] = []
    for n, one in enumerate(utterances):
        if n == 0 or one.dialogue != utterances[n - 1].dialogue:
            said = []
        if not one.text:
            turns.append(None)
            continue
        named = reading.speaker_names and one.speaker
        words = f"{one.speaker.upper()}: {one.text}" if named else one.text
        before = " ".join(said[-reading.context :]) if reading.context else ""
        turns.append(Turn(words, before))
        said.append(words)
    return turns


@dataclass(frozen=True)
class Tokens:
    """The tokens of a turn, as a model takes them.

    Parameters
    ----------
    inputs : dict of str to (T,) int array
        What the tokenizer makes: input_ids, attention_mask, and types, which tell the words before
        an utterance from its own, for models that know them.
    own : (T,) bool array
        Those that are not of the words before.
    cut : bool
        Whether words before were cut off, the oldest first.
    short : bool
        Whether the last words of the utterance itself were cut off.
    """

    inputs: dict[str, np.ndarray]
    own: np.ndarray
    cut: bool = False
    short: bool = False

    def __len__(self) -> int:
        return len(self.own)


def tokenize(tokenizer: Any, turns: Sequence[Turn], max_tokens: int) -> list[Tokens]:
    """Return the tokens of turns, each at most as many as a model takes.

    The words before are the first of a pair of texts, the utterance is the second. Where they are
    too many, the oldest words before go first, and then the last ones of the utterance.

    Parameters
    ----------
    tokenizer : a fast tokenizer of transformers
    turns : sequence of Turn
    max_tokens : int
    """
    found: dict[int, Tokens] = {}
    alone = [n for n, turn in enumerate(turns) if not turn.before]
    after = [n for n, turn in enumerate(turns) if turn.before]
    for rows, paired in ((alone, False), (after, True)):
        if not rows:
            continue
        texts = [[turns[n].text for n in rows]]
        if paired:
            texts.insert(0, [turns[n].before for n in rows])
        made = tokenizer(*texts, verbose=False)
        for place, n in enumerate(rows):
            inputs = {name: np.array(values[place]) for name, values in made.items()}
            found[n] = _fitted(inputs, made.sequence_ids(place), int(paired), max_tokens)
    return [found[n] for n in range(len(turns))]


def _fitted(
    inputs: dict[str, np.ndarray], texts: list[int | None], own: int, max_tokens: int
) -> Tokens:
    of = np.array([-1 if text is None else text for text in texts])
    surplus = max(len(of) - max_tokens, 0)
    before = np.flatnonzero(of == 0) if own else np.array([], int)
    words = np.flatnonzero(of == own)
    cut = before[:surplus]
    kept = len(words) - (surplus - len(cut))
    stays = np.setdiff1d(np.arange(len(of)), np.concatenate([cut, words[max(kept, 0) :]]))
    is_before = (of == 0) if own else np.zeros(len(of), bool)
    fitted = {name: values[stays] for name, values in inputs.items()}
    return Tokens(fitted, ~is_before[stays], len(cut) > 0, kept < len(words))
