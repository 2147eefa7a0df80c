"""Synthetic dialogues with the statistics of real ones, for demonstrations and tests.

Speakers take turns by a Markov chain. Each keeps the emotion of their last utterance (inertia),
takes the one of the last other speaker (contagion) or draws from the mood of the dialogue. A
modality shows prototypes of the speaker's present and last emotion (lag) and, in other directions,
a reaction to the last other speaker, over an offset of the speaker and noise that is partly slow.
Twin classes share a prototype in one modality only, and the product of a sign in text and one in
visual tells two classes apart (irony), which no linear model sees.

Floors of the default set: weighted F1 in % on test, mean and standard deviation over data seeds
0-9, of logistic regression fitted on train, its penalty chosen on validation:

=====================================================================  ====  ===
majority class                                                          9.0  2.6
text of the utterance                                                  43.9  4.2
text, audio and visual of the utterance                                57.9  4.3
the same and those of two neighbours on each side                      65.6  4.8
the same and the means by relation (same, other × past, future) of 3   70.6  4.0
=====================================================================  ====  ===
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.data.columns import Columns, columns_of, joined
from ariigcn_dgl.data.dialogues import MODALITIES, SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.mapped import blocks
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.data.names import names_of
from ariigcn_dgl.data.shards import SHARD_BYTES
from ariigcn_dgl.data.synth_config import SynthConfig, SynthModality
from ariigcn_dgl.data.synth_turns import Turns, draw_emotions, draw_turns
from ariigcn_dgl.data.targets import LABEL, Target, TargetSpec
from ariigcn_dgl.errors import InputError

# Correlation of the slow noise of neighbouring utterances.
_MEMORY = 0.8
# Standard deviation of the noise of single feature columns; the latent noise has 1.
_COLUMN_NOISE = 0.5


@dataclass(frozen=True)
class _Dialogue:
    split: str
    name: str
    speakers: list[str]
    labels: np.ndarray
    features: dict[str, np.ndarray]
    masks: dict[str, np.ndarray]


def synthesise(config: SynthConfig, seed: int = 0) -> Dialogues:
    """Make a synthetic data set: the same config and seed give the same data, bit for bit.

    Splits share the process (prototypes, mixing into columns) but no speaker and no random number.

    Parameters
    ----------
    config : SynthConfig
        What to make; `PRESETS` in `synth_config` has named ones.
    seed : int
        Not negative.

    Returns
    -------
    Dialogues
        Features are z-scored by the training split, then zeroed where missing.

    Raises
    ------
    InputError
        If `seed` is negative.

    Examples
    --------
    >>> from ariigcn_dgl.data.synth_config import SynthConfig
    >>> dialogues = synthesise(SynthConfig(train=3, val=1, test=1), seed=7)
    >>> dialogues.num_dialogues, dialogues.widths
    (5, {'text': 64, 'audio': 32, 'visual': 48})
    """
    made = _Gathered()
    for one in _drawn(config, seed):
        made.add(one)
    return made.dialogues(config, made.like(), np.random.default_rng(len(made.labels)))


def _drawn(config: SynthConfig, seed: int) -> Iterator[_Dialogue]:
    if seed < 0:
        raise InputError(f"synthetic data {config.name!r}: seed is {seed}, expected at least 0")
    # One for the process, one for each split: a longer train changes no draw of test.
    first, *rest = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4))
    mixing = draw_mixing(config, first)
    for split, rng in zip(SPLITS, rest, strict=True):
        yield from _split(config, split, mixing, rng)


def draw_mixing(config: SynthConfig, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw how the latent evidence shows in the columns of each modality, (latents, D_m)."""
    latents = 2 * len(config.class_names) + 1  # evidence, reaction, sign: as `express` stacks them
    return {
        m: rng.standard_normal((latents, getattr(config, m).width)) / np.sqrt(latents)
        for m in MODALITIES
    }


def _split(
    config: SynthConfig, split: str, mixing: dict[str, np.ndarray], rng: np.random.Generator
) -> Iterator[_Dialogue]:
    cast_size = len(config.participants)
    for index in range(getattr(config, split)):
        cast, scene = divmod(index, config.dialogues_per_cast)
        if scene == 0:  # a new cast, whose members keep their traits through its dialogues
            traits = {m: rng.standard_normal((cast_size, len(mixing[m]))) for m in MODALITIES}
        turns = draw_turns(config, rng)
        labels = draw_emotions(config, turns, rng)
        features = express(config, turns, labels, traits, mixing, rng)
        masks = {m: rng.random(len(labels)) >= getattr(config, m).missing for m in MODALITIES}
        hidden = rng.random(len(labels)) < config.unlabelled
        yield _Dialogue(
            split,
            f"{split}_{index:04d}",
            [f"{split}_cast{cast:03d}_{member}" for member in turns.speakers],
            np.where(hidden, UNLABELLED, labels),
            features,
            masks,
        )


def express(
    config: SynthConfig,
    turns: Turns,
    labels: np.ndarray,
    traits: dict[str, np.ndarray],
    mixing: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Draw the features of a dialogue of T utterances, (T, D_m) of each modality.

    Parameters
    ----------
    config : SynthConfig
        Of the set.
    turns : Turns
        Who speaks, and after whom.
    labels : (T,) int64 array
        Class of each utterance.
    traits : dict of str to (S, latents) array
        Offsets of the S members of the cast.
    mixing : dict of str to (latents, D_m) array
        See `draw_mixing`.
    rng : numpy.random.Generator
        Draws signs and noise.
    """
    signs = _signs(config, labels, rng)
    features = {}
    for modality in MODALITIES:
        settings = getattr(config, modality)
        shown = _prototypes(config, settings)[labels]
        last, reacted_to = _at(shown, turns.own), _at(shown, turns.other)
        evidence = (1 - config.lag) * shown + config.lag * last
        sign = config.irony * signs.get(modality, np.zeros(len(labels)))
        latent = np.column_stack([evidence, config.reaction * reacted_to, sign])
        latent += settings.trait * traits[modality][turns.speakers]
        latent += _noise(settings, latent.shape, rng)
        columns = latent @ mixing[modality]
        features[modality] = columns + _COLUMN_NOISE * rng.standard_normal(columns.shape)
    return features


def _at(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where(rows[:, None] >= 0, values[rows], 0.0)


def _signs(
    config: SynthConfig, labels: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    sign, product = rng.choice([-1.0, 1.0], size=(2, len(labels)))
    for name, value in zip(config.ironic, (1.0, -1.0), strict=True):
        product[labels == config.class_names.index(name)] = value
    return {"text": sign, "visual": sign * product}


def _prototypes(config: SynthConfig, settings: SynthModality) -> np.ndarray:
    prototypes = settings.strength * np.eye(len(config.class_names))
    for first, second in settings.twins:
        prototypes[config.class_names.index(second)] = prototypes[config.class_names.index(first)]
    return prototypes


def _noise(settings: SynthModality, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    quick, slow = rng.standard_normal((2, *shape))
    for row in range(1, len(slow)):
        # The second factor keeps the variance at 1.
        slow[row] = _MEMORY * slow[row - 1] + np.sqrt(1 - _MEMORY**2) * slow[row]
    return np.sqrt(settings.drift) * slow + np.sqrt(1 - settings.drift) * quick


def synthesise_parts(
    config: SynthConfig, seed: int = 0, part_bytes: int = SHARD_BYTES
) -> Iterator[Dialogues]:
    """Make the set that `synthesise` makes, in parts, of which one is in memory.

    Everything is drawn twice: columns are z-scored by what all training rows are like. Their means
    are put together of the parts', so that features may differ in the last bit.

    Parameters
    ----------
    config, seed
        As of `synthesise`.
    part_bytes : int
        Of features, in each part; a dialogue is not divided.

    Examples
    --------
    >>> from ariigcn_dgl.data.synth_config import SynthConfig
    >>> parts = list(synthesise_parts(SynthConfig(train=3, val=1, test=1), 7, 20_000))
    >>> [part.num_dialogues for part in parts], parts[0].dialogue_ids
    ([1, 2, 1, 1], ('train_0000',))
    """
    count, alike = 0, []
    for part in _gathered(_drawn(config, seed), config, part_bytes):
        count += len(part.labels)
        alike.append(part.like())
    like = {m: joined([one[m] for one in alike]) for m in MODALITIES}
    noise = np.random.default_rng(count)
    for part in _gathered(_drawn(config, seed), config, part_bytes):
        yield part.dialogues(config, like, noise)


def _gathered(
    dialogues: Iterable[_Dialogue], config: SynthConfig, part_bytes: int
) -> Iterator[_Gathered]:
    per_row = 4 * sum(getattr(config, m).width for m in MODALITIES)
    part = _Gathered()
    for one in dialogues:
        if part.labels and (len(part.labels) + len(one.labels)) * per_row > part_bytes:
            yield part
            part = _Gathered()
        part.add(one)
    if part.labels:
        yield part


class _Gathered:
    """Some dialogues, one after another, their features as they were drawn.

    Numbers lie side by side: a little array of each dialogue would take more than what is in it.
    """

    def __init__(self) -> None:
        self.lengths, self.labels, self.speakers = (array("q") for _ in range(3))
        self.masks = {m: bytearray() for m in MODALITIES}
        self.columns = {m: _Columns() for m in MODALITIES}
        self.people: dict[str, int] = {}
        self.names, self.splits = list[str](), list[str]()

    def add(self, one: _Dialogue) -> None:
        self.lengths.append(len(one.labels))
        self.labels.extend(one.labels.tolist())
        people = self.people
        self.speakers.extend(people.setdefault(name, len(people)) for name in one.speakers)
        self.names.append(one.name)
        self.splits.append(one.split)
        for m in MODALITIES:
            self.masks[m] += one.masks[m].tobytes()
            self.columns[m].add(one.features[m])

    def like(self) -> dict[str, Columns]:
        """Return what the columns of the training rows are like, as they were drawn."""
        train = np.repeat(np.array(self.splits) == "train", self.lengths)
        return {m: columns_of(columns.raw(), train) for m, columns in self.columns.items()}

    def dialogues(
        self, config: SynthConfig, like: dict[str, Columns], noise: np.random.Generator
    ) -> Dialogues:
        """Return them as a set, z-scored by what the training rows of all are like."""
        there = {m: np.frombuffer(self.masks[m], np.bool_) for m in MODALITIES}
        classes = np.array(self.labels, np.int64)
        scores = _scores(config, classes, noise) if config.scores else None
        speaker_names = sorted(self.people)
        ranks = np.argsort([self.people[name] for name in speaker_names])
        return Dialogues(
            name=config.name,
            features={m: self.columns[m].standardised(there[m], like[m]) for m in MODALITIES},
            masks=there,
            labels=classes if scores is None else np.full(len(classes), UNLABELLED),
            speakers=ranks[np.array(self.speakers, np.int64)].astype(np.int64),
            dialogue_ptr=np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64),
            dialogue_ids=names_of(self.names, len(self.names)),
            splits=tuple(self.splits),
            utterance_ids=names_of(_rows(self.names, self.lengths), len(classes)),
            label_names=config.class_names if scores is None else (),
            speaker_names=tuple(speaker_names),
            targets={} if scores is None else {LABEL: scores},
        )


def _rows(names: Iterable[str], lengths: Iterable[int]) -> Iterator[str]:
    for name, length in zip(names, lengths, strict=True):
        yield from (f"{name}_{row:03d}" for row in range(length))


class _Columns:
    """The feature columns of a modality, one dialogue after another."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []

    def add(self, rows: np.ndarray) -> None:
        self.parts.append(rows)

    def raw(self) -> np.ndarray:
        """Return all rows, as they were drawn."""
        if len(self.parts) > 1:
            self.parts = [np.concatenate(self.parts)]
        return self.parts[0]

    def standardised(self, mask: np.ndarray, like: Columns) -> np.ndarray:
        """Return them as float32, z-scored by such columns, zeros where they are missing."""
        # The floor keeps a training split of one utterance finite.
        spread = np.maximum(like.std, 1e-6)
        scaled = np.empty(self.raw().shape, np.float32)
        for at, rows in blocks(self.raw()):
            scaled[at] = zero_missing((rows - like.mean) / spread, mask[at])
        return scaled


def _scores(config: SynthConfig, labels: np.ndarray, noise: np.random.Generator) -> Target:
    """Return a score for each utterance: that of its class and noise, in fifths as MOSI's means.

    `noise` is a generator of its own: classes and features are those of a set of classes.
    """
    scores = np.array([*config.scores, np.nan])[labels]  # UNLABELLED is -1: the last
    scores += noise.normal(0, 0.5, len(labels))
    values = np.clip(np.round(5 * scores) / 5, -3, 3)
    spec = TargetSpec(LABEL, "regression", ("score",), -3.0, 3.0)
    return Target(spec, values[:, None].astype(np.float32))
