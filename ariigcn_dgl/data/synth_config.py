"""Settings of the synthetic data sets and the presets that resemble IEMOCAP and MELD."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ariigcn_dgl.errors import InputError


@dataclass(frozen=True)
class SynthModality:
    """How one modality expresses emotion; standard deviations are in units of its noise.

    Parameters
    ----------
    width : int
        Feature width D_m.
    strength : float
        Distance of a class prototype from the origin.
    trait : float
        Standard deviation of the constant offset that each speaker adds.
    drift : float
        Share of the noise variance that varies slowly along the dialogue, in [0, 1].
    missing : float
        Share of utterances without this modality, in [0, 1).
    twins : tuple of (str, str)
        Pairs of classes with one prototype: this modality cannot tell them apart.
    """

    width: int
    strength: float
    trait: float
    drift: float
    missing: float = 0.0
    twins: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class SynthConfig:
    """Settings of a synthetic data set; the defaults are the small set of ``make demo``.

    Parameters
    ----------
    name : str
        Name of the data set.
    train, val, test : int
        Number of dialogues in each split.
    length_mean, length_sd : float
        Mean and standard deviation of the utterances in a dialogue (gamma distribution).
    length_min, length_max : int
        Bounds of the utterances in a dialogue.
    participants : tuple of float
        Probability of 1, 2, 3, ... participants in a dialogue; its length is the size of a cast.
    dialogues_per_cast : int
        Dialogues in a row that draw their participants from the same cast.
    alternation : float
        Probability that the next utterance has another speaker.
    reply : float
        Probability that a change of speaker goes back to the previous other speaker.
    class_names : tuple of str
        Names of the C classes.
    class_priors : tuple of float
        Probability of each class, all positive.
    inertia : float
        Probability of keeping the emotion of one's own previous utterance.
    contagion : float
        Probability of taking the emotion of the last utterance of another speaker.
    mood : float
        Concentration of the class distribution of a dialogue around the priors, positive.
    lag : float
        Share of the evidence that moves to the speaker's next utterance, in [0, 1].
    reaction : float
        Size of the trace in the next utterance of another speaker, relative to the evidence.
    irony : float
        Size of the evidence that lies only in the product of text and visual signs.
    ironic : (str, str)
        The two classes that the product of the signs tells apart.
    unlabelled : float
        Share of utterances without a label, in [0, 1).
    text, audio, visual : SynthModality
        Settings of the modalities.

    Raises
    ------
    InputError
        If a field is out of range; the message names the field.
    """

    name: str = "synthetic"
    train: int = 72
    val: int = 10
    test: int = 20
    length_mean: float = 20.0
    length_sd: float = 7.0
    length_min: int = 8
    length_max: int = 45
    participants: tuple[float, ...] = (0.0, 1.0)
    dialogues_per_cast: int = 4
    alternation: float = 0.69
    reply: float = 1.0
    class_names: tuple[str, ...] = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
    class_priors: tuple[float, ...] = (0.09, 0.15, 0.23, 0.15, 0.14, 0.24)
    inertia: float = 0.5
    contagion: float = 0.1
    mood: float = 1.5
    lag: float = 0.3
    reaction: float = 0.5
    irony: float = 1.5
    ironic: tuple[str, str] = ("neutral", "frustrated")
    unlabelled: float = 0.0
    text: SynthModality = SynthModality(
        64, strength=2.0, trait=0.3, drift=0.1, twins=(("happy", "excited"),)
    )
    audio: SynthModality = SynthModality(
        32, strength=1.6, trait=0.6, drift=0.3, missing=0.02, twins=(("angry", "frustrated"),)
    )
    visual: SynthModality = SynthModality(
        48, strength=1.2, trait=0.8, drift=0.3, missing=0.05, twins=(("neutral", "sad"),)
    )
