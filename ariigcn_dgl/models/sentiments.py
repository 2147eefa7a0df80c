"""Sentiments of emotions, by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from ariigcn_dgl.errors import InputError

Sentiment = Literal["negative", "neutral", "positive", "none"]
SENTIMENTS: tuple[Sentiment, ...] = get_args(Sentiment)[:3]  # those that are classes

# Of the names that the data sets of the field give their labels. "none": of MELD's surprises 48 %
# are annotated as positive and 52 % as negative, so that the name says nothing.
KNOWN: dict[str, Sentiment] = {
    "happy": "positive",
    "happiness": "positive",
    "excited": "positive",
    "excitement": "positive",
    "joy": "positive",
    "neutral": "neutral",
    "no emotion": "neutral",
    "sad": "negative",
    "sadness": "negative",
    "angry": "negative",
    "anger": "negative",
    "frustrated": "negative",
    "frustration": "negative",
    "fear": "negative",
    "disgust": "negative",
    "worried": "negative",
    "surprise": "none",
}


def named_sentiments(
    label_names: Sequence[str], given: Mapping[str, Sentiment]
) -> dict[str, Sentiment]:
    """Return the sentiment of every label, in the order of the labels.

    Parameters
    ----------
    label_names : sequence of str
        Of the data set; capital letters do not count. Degrees of a sentiment, "weakly positive",
        are that sentiment.
    given : mapping of str to {"negative", "neutral", "positive", "none"}
        Sentiments that replace those of `KNOWN`; "none": the label has none.

    Raises
    ------
    InputError
        If a label has no known sentiment, or one is given for what is no label.

    Examples
    --------
    >>> named_sentiments(["Sad", "bored"], {"bored": "negative"})
    {'Sad': 'negative', 'bored': 'negative'}
    """
    for name in given:
        if name not in label_names:
            known = ", ".join(label_names)
            raise InputError(f"--model.sentiments: '{name}' is none of the labels ({known})")
    return {name: given[name] if name in given else _known(name) for name in label_names}


def _known(label: str) -> Sentiment:
    words = label.lower().split()
    for sentiment in SENTIMENTS:
        if words[-1:] == [sentiment]:
            return sentiment
    try:
        return KNOWN[" ".join(words)]
    except KeyError:
        raise InputError(
            f"--model.sentiments: the label '{label}' has no known sentiment: give it, for example "
            f"--model.sentiments.{label}=negative (or neutral, positive, none), or train without "
            "sentiments: --model.sentiment_weight 0 --model.shift_weight 0"
        ) from None
