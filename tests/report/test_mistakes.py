"""What is taken for what, and the surest examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.report.conversation import Answer
from ariigcn_dgl.report.inside import Inside
from ariigcn_dgl.report.mistakes import Example, mistakes


def inside(tiny: Dialogues, probability_of_joy: list[float], words: tuple[str, ...]) -> Inside:
    """Return what a run says of joy and anger in three dialogues of 2, 1 and 3 utterances."""
    place = tiny.label_names.index("joy")
    joy = np.array(probability_of_joy)
    columns = [joy, 1 - joy] if place == 0 else [1 - joy, joy]
    probabilities = np.stack(columns, axis=1)
    answers = [Answer(probabilities[tiny.rows(b)]) for b in range(tiny.num_dialogues)]
    return Inside(replace(tiny, words=words), answers, np.empty((0, 0)))


# True: joy, anger; joy; unknown, anger, joy.
SAID = ("a", "b", "c", "d", "e", "f")


def test_surest_examples_come_first_with_their_words(tiny: Dialogues) -> None:
    (mistake,) = mistakes(inside(tiny, [0.9, 0.6, 0.9, 0.2, 0.8, 0.9], SAID))
    joy, anger = (tiny.label_names.index(name) for name in ("joy", "anger"))
    assert (mistake.truth, mistake.guess, mistake.count, mistake.total) == (anger, joy, 2, 2)
    assert [one.words for one in mistake.examples] == ["e", "b"]
    assert mistake.examples[0] == Example(2, 1, tiny.utterance_ids[4], "Cem", "e", 80.0)


def test_frequent_mistakes_come_before_rare_ones(tiny: Dialogues) -> None:
    found = mistakes(inside(tiny, [0.1, 0.6, 0.2, 0.5, 0.1, 0.9], ()))
    assert [one.count for one in found] == [2, 1]
    assert found[0].examples[0].words == ""


def test_what_is_right_or_has_no_label_is_no_mistake(tiny: Dialogues) -> None:
    assert mistakes(inside(tiny, [0.9, 0.1, 0.9, 0.9, 0.1, 0.9], SAID)) == []
