"""Sentiments of labels by their names."""

from __future__ import annotations

import pytest

from ariigcn_dgl.data.community.published import CMU_MOSEI, DAILY_DIALOG, IEMOCAP, MELD
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models.sentiments import named_sentiments


def test_emotions_of_iemocap_have_the_sentiments_that_the_field_derives():
    found = named_sentiments(IEMOCAP.label_names, {})
    derived = [IEMOCAP.sentiment_names[number] for number in IEMOCAP.to_sentiment]
    assert list(found.items()) == list(zip(IEMOCAP.label_names, derived, strict=True))


@pytest.mark.parametrize("labels", [MELD.label_names, DAILY_DIALOG.label_names])
def test_of_other_emotions_surprise_alone_has_none(labels: tuple[str, ...]):
    found = named_sentiments(labels, {})
    assert [name for name, sentiment in found.items() if sentiment == "none"] == ["surprise"]


def test_degrees_of_a_sentiment_are_that_sentiment():
    found = named_sentiments(CMU_MOSEI.label_names, {})
    assert list(found.values()) == ["negative"] * 3 + ["neutral"] + ["positive"] * 3


def test_capital_letters_do_not_count():
    assert named_sentiments(["HAPPY", "No Emotion"], {}) == {
        "HAPPY": "positive",
        "No Emotion": "neutral",
    }


def test_given_sentiments_replace_the_known_ones():
    assert named_sentiments(["joy", "surprise"], {"surprise": "positive"}) == {
        "joy": "positive",
        "surprise": "positive",
    }


def test_an_unknown_label_is_refused_with_both_ways_out():
    with pytest.raises(InputError) as caught:
        named_sentiments(["sad", "sarcastic"], {})
    assert str(caught.value) == (
        "--model.sentiments: the label 'sarcastic' has no known sentiment: give it, for example "
        "--model.sentiments.sarcastic=negative (or neutral, positive, none), or train without "
        "sentiments: --model.sentiment_weight 0 --model.shift_weight 0"
    )


def test_a_sentiment_for_what_is_no_label_is_refused():
    with pytest.raises(InputError, match="'glad' is none of the labels \\(joy, sad\\)"):
        named_sentiments(["joy", "sad"], {"glad": "positive"})
