"""Settings of the synthetic data sets, and presets with the statistics of IEMOCAP and MELD."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ariigcn_dgl.data.dialogues import MODALITIES, SPLITS
from ariigcn_dgl.errors import InputError

_NOT_NEGATIVE = "a number that is not negative"


@dataclass(frozen=True)
class SynthModality:
    """How one modality expresses emotion; sizes are in units of the latent noise.

    Parameters
    ----------
    width : int
        Feature width D_m.
    strength : float
        Length of a class prototype.
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
        Dialogues in a row that draw their participants from one cast.
    alternation : float
        Probability that the next utterance has another speaker.
    reply : float
        Probability that a change of speaker goes back to the speaker of the previous turn.
    class_names : tuple of str
        Names of the C classes.
    class_priors : tuple of float
        Probability of each class.
    inertia : float
        Probability of keeping the emotion of one's own last utterance.
    contagion : float
        Probability of taking the emotion of the last utterance of another speaker.
    mood : float
        Concentration of the emotions of a dialogue around the priors: small is moody.
    lag : float
        Share of the evidence that shows only in the speaker's next utterance, in [0, 1].
    reaction : float
        Size of the reaction to the last utterance of another speaker, relative to the evidence.
    irony : float
        Size of the signs in text and visual whose product tells the ironic classes apart.
    ironic : (str, str)
        The two classes with product +1 and -1; it is random for the others.
    unlabelled : float
        Share of utterances without a label, in [0, 1).
    scores : tuple of float
        With it the labels are a score from -3 to 3 (CMU-MOSI) and not classes: around this number
        for each class.
    text, audio, visual : SynthModality
        Settings of the modalities.

    Raises
    ------
    InputError
        If a field is out of range.
    """

    name: str = "synthetic"
    train: int = 72
    val: int = 10
    test: int = 20
    length_mean: float = 20.0
    length_sd: float = 7.0
    length_min: int = 8
    length_max: int = 45
    participants: tuple[float, ...] = (0.0, 1.0)  # IEMOCAP is dialogues of two, as are these
    dialogues_per_cast: int = 4
    alternation: float = 0.69
    reply: float = 1.0
    class_names: tuple[str, ...] = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
    class_priors: tuple[float, ...] = (0.09, 0.15, 0.23, 0.15, 0.14, 0.24)
    inertia: float = 0.53
    contagion: float = 0.05
    mood: float = 3.0
    lag: float = 0.4
    reaction: float = 0.8
    irony: float = 2.0
    ironic: tuple[str, str] = ("neutral", "frustrated")
    unlabelled: float = 0.0
    scores: tuple[float, ...] = ()
    text: SynthModality = SynthModality(64, 1.4, 0.3, 0.1, 0.0, (("happy", "excited"),))
    audio: SynthModality = SynthModality(32, 1.4, 0.6, 0.2, 0.02, (("angry", "frustrated"),))
    visual: SynthModality = SynthModality(48, 1.0, 0.6, 0.2, 0.05, (("sad", "neutral"),))

    def __post_init__(self) -> None:
        for field in (*SPLITS, "length_min", "dialogues_per_cast"):
            _check(self, field, getattr(self, field) >= 1, "at least 1")
        for field in ("alternation", "reply", "inertia", "contagion", "lag"):
            _check(self, field, 0 <= getattr(self, field) <= 1, "a number in [0, 1]")
        for field in ("length_sd", "mood"):
            _check(self, field, 0 < getattr(self, field) < math.inf, "a positive number")
        for field in ("reaction", "irony"):
            _check(self, field, 0 <= getattr(self, field) < math.inf, _NOT_NEGATIVE)
        _check(self, "unlabelled", 0 <= self.unlabelled < 1, "a number in [0, 1)")
        ordered = self.length_min <= self.length_mean <= self.length_max
        _check(self, "length_mean", ordered, "a number from length_min to length_max")
        fits = self.inertia + self.contagion <= 1
        _check(self, "contagion", fits, f"at most 1 - inertia = {1 - self.inertia:g}")
        self._check_classes()
        for modality in MODALITIES:
            self._check_modality(modality)

    def _check_classes(self) -> None:
        _check_probabilities(self, "participants")
        distinct = len(set(self.class_names)) == len(self.class_names) >= 2
        _check(self, "class_names", distinct, "at least two different names")
        _check_probabilities(self, "class_priors")
        count = len(self.class_names)
        positive = min(self.class_priors) > 0 and len(self.class_priors) == count
        _check(self, "class_priors", positive, f"one positive number for each of {count} classes")
        _check(self, "ironic", self._is_pair(self.ironic), "two different names of class_names")
        scored = len(self.scores) in (0, count) and all(abs(score) <= 3 for score in self.scores)
        _check(
            self, "scores", scored, f"none, or a number from -3 to 3 for each of {count} classes"
        )

    def _check_modality(self, modality: str) -> None:
        def check(field: str, holds: bool, expected: str) -> None:
            _check(self, f"{modality}.{field}", holds, expected)

        settings: SynthModality = getattr(self, modality)
        check("width", settings.width >= 1, "at least 1")
        check("strength", 0 <= settings.strength < math.inf, _NOT_NEGATIVE)
        check("trait", 0 <= settings.trait < math.inf, _NOT_NEGATIVE)
        check("drift", 0 <= settings.drift <= 1, "a number in [0, 1]")
        check("missing", 0 <= settings.missing < 1, "a number in [0, 1)")
        pairs = all(self._is_pair(pair) for pair in settings.twins)
        check("twins", pairs, "pairs of different names of class_names")

    def _is_pair(self, pair: tuple[str, str]) -> bool:
        return len(set(pair)) == len(pair) == 2 and set(pair) <= set(self.class_names)


def _check(config: SynthConfig, field: str, holds: bool, expected: str) -> None:
    if holds:
        return
    found: Any = config
    for part in field.split("."):
        found = getattr(found, part)
    raise InputError(f"synthetic data {config.name!r}: {field} is {found!r}, expected {expected}")


def _check_probabilities(config: SynthConfig, field: str) -> None:
    values = getattr(config, field)
    holds = all(value >= 0 for value in values) and math.isclose(sum(values), 1.0, abs_tol=1e-9)
    _check(config, field, holds, "numbers that are not negative and sum to 1")


# Sizes, lengths and shares are IEMOCAP's and MELD's; widths those of their common feature files.
IEMOCAP_LIKE = SynthConfig(
    name="iemocap-like",
    train=108,
    val=12,
    test=31,
    length_mean=49.2,
    length_sd=16.8,
    length_max=110,
    dialogues_per_cast=31,
    reaction=0.4,
    text=SynthModality(100, 1.4, 0.3, 0.1, 0.0, (("happy", "excited"),)),
    audio=SynthModality(100, 1.4, 0.6, 0.2, 0.0, (("angry", "frustrated"),)),
    visual=SynthModality(512, 1.0, 0.6, 0.2, 0.0, (("sad", "neutral"),)),
)

MELD_LIKE = SynthConfig(
    name="meld-like",
    train=1038,
    val=114,
    test=280,
    length_mean=9.6,
    length_sd=5.8,
    length_min=1,
    length_max=33,
    participants=(0.05, 0.32, 0.26, 0.17, 0.1, 0.06, 0.02, 0.01, 0.01),
    dialogues_per_cast=40,
    alternation=0.81,
    reply=0.56,
    class_names=("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"),
    class_priors=(0.47, 0.119, 0.026, 0.073, 0.169, 0.026, 0.117),
    inertia=0.2,
    contagion=0.04,
    mood=20.0,
    reaction=0.2,
    ironic=("neutral", "anger"),
    text=SynthModality(600, 1.8, 0.3, 0.1, 0.0, (("fear", "sadness"),)),
    audio=SynthModality(300, 0.9, 0.6, 0.2, 0.0, (("disgust", "anger"),)),
    visual=SynthModality(342, 0.7, 0.6, 0.2, 0.005, (("surprise", "fear"),)),
)

# Monologues of clips with a score from -3 to 3; sizes and shares are those of CMU-MOSI.
SENTIMENT = SynthConfig(
    name="sentiment",
    train=52,
    val=10,
    test=31,
    length_mean=23.7,
    length_sd=9.0,
    length_max=60,
    participants=(1.0,),
    dialogues_per_cast=1,
    alternation=0.0,
    class_names=("very negative", "negative", "neutral", "positive", "very positive"),
    class_priors=(0.12, 0.3, 0.16, 0.28, 0.14),
    inertia=0.4,
    contagion=0.0,
    ironic=("negative", "positive"),
    scores=(-2.2, -1.1, 0.0, 1.1, 2.2),
    text=SynthModality(64, 1.4, 0.3, 0.1, 0.0, (("neutral", "positive"),)),
    audio=SynthModality(32, 1.0, 0.6, 0.2, 0.02, (("very negative", "negative"),)),
    visual=SynthModality(48, 1.0, 0.6, 0.2, 0.05, (("positive", "very positive"),)),
)

PRESETS = {config.name: config for config in (SynthConfig(), IEMOCAP_LIKE, MELD_LIKE, SENTIMENT)}
