"""Who speaks in a synthetic dialogue, and which emotion each utterance has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.data.synth_config import SynthConfig


@dataclass(frozen=True)
class Turns:
    """The T turns of a dialogue.

    Parameters
    ----------
    speakers : (T,) int64 array
        Who speaks: index into the cast.
    own, other : (T,) int64 array
        Row of the last utterance of the same and of another speaker, -1 where none.
    """

    speakers: np.ndarray
    own: np.ndarray
    other: np.ndarray


def draw_length(config: SynthConfig, rng: np.random.Generator) -> int:
    """Draw how many utterances a dialogue has."""
    # The gamma distribution of this mean and deviation: lengths are positive and skewed.
    shape = (config.length_mean / config.length_sd) ** 2
    drawn = round(rng.gamma(shape, config.length_mean / shape))
    return min(max(drawn, config.length_min), config.length_max)


def draw_turns(config: SynthConfig, rng: np.random.Generator, length: int | None = None) -> Turns:
    """Draw the speaker of each utterance of a dialogue: a Markov chain over its participants.

    Its length is drawn too where it is not given.
    """
    length = draw_length(config, rng) if length is None else length
    cast_size = len(config.participants)
    people = 1 + rng.choice(cast_size, p=config.participants)
    present = rng.permutation(cast_size)[:people].tolist()
    speakers, partner = present[:1], None
    while len(speakers) < length:
        now = speakers[-1]
        if people == 1 or rng.random() >= config.alternation:
            speakers.append(now)
            continue
        if partner is None or rng.random() >= config.reply:
            partner = rng.choice([person for person in present if person != now]).item()
        speakers.append(partner)
        partner = now
    return _link(np.array(speakers))


def _link(speakers: np.ndarray) -> Turns:
    own = np.full(len(speakers), -1)
    other = np.full(len(speakers), -1)
    last: dict[int, int] = {}
    for row, speaker in enumerate(speakers.tolist()):
        own[row] = last.get(speaker, -1)
        other[row] = max((at for person, at in last.items() if person != speaker), default=-1)
        last[speaker] = row
    return Turns(speakers, own, other)


def draw_emotions(config: SynthConfig, turns: Turns, rng: np.random.Generator) -> np.ndarray:
    """Draw the class of each utterance of a dialogue, (T,) int64."""
    priors = np.array(config.class_priors)
    mood = rng.dirichlet(config.mood * priors)
    labels = rng.choice(len(priors), size=len(turns.speakers), p=mood)
    chance = rng.random(len(labels))
    for row, (own, other) in enumerate(zip(turns.own, turns.other, strict=True)):
        # One draw for both: below inertia one's own emotion, then the other's, else the mood's.
        source = own if chance[row] < config.inertia else other
        if source >= 0 and chance[row] < config.inertia + config.contagion:
            labels[row] = labels[source]
    return labels
