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
from pathlib import Path

import numpy as np

from ariigcn_dgl.data.columns import columns_of
from ariigcn_dgl.data.dialogues import MODALITIES, SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.mapped import blocks, map_array
from ariigcn_dgl.data.missing import zero_missing
from ariigcn_dgl.data.names import names_of
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


def synthesise(config: SynthConfig, seed: int = 0, folder: Path | None = None) -> Dialogues:
    """Make a synthetic data set: the same config and seed give the same data, bit for bit.

    Splits share the process (prototypes, mixing into columns) but no speaker and no random number.

    Parameters
    ----------
    config : SynthConfig
        What to make; `PRESETS` in `synth_config` has named ones.
    seed : int
        Not negative.
    folder : Path, optional
        Where the features lie in files, mapped, as long as the set is used; three times their
        bytes while they are made. Default: in memory.

    Returns
    -------
    Dialogues
        Features are z-scored by the training split, then zeroed where missing.

    Raises
    ------
    InputError
        If `seed` is negative, or a file cannot be written.

    Examples
    --------
    >>> from ariigcn_dgl.data.synth_config import SynthConfig
    >>> dialogues = synthesise(SynthConfig(train=3, val=1, test=1), seed=7)
    >>> dialogues.num_dialogues, dialogues.widths
    (5, {'text': 64, 'audio': 32, 'visual': 48})
    """
    if seed < 0:
        raise InputError(f"synthetic data {config.name!r}: seed is {seed}, expected at least 0")
    # One for the process, one for each split: a longer train changes no draw of test.
    first, *rest = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4))
    mixing = draw_mixing(config, first)
    dialogues = (
        dialogue
        for split, rng in zip(SPLITS, rest, strict=True)
        for dialogue in _split(config, split, mixing, rng)
    )
    try:
        return _assemble(config, dialogues, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error


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


def _assemble(
    config: SynthConfig, dialogues: Iterable[_Dialogue], folder: Path | None
) -> Dialogues:
    # Numbers side by side: a little array of each dialogue would take more than what is in it.
    lengths, labels, speakers = (array("q") for _ in range(3))
    masks = {m: bytearray() for m in MODALITIES}
    columns = {m: _Columns(folder and folder / m, getattr(config, m).width) for m in MODALITIES}
    people: dict[str, int] = {}
    names, splits = list[str](), list[str]()
    for one in dialogues:
        lengths.append(len(one.labels))
        labels.extend(one.labels.tolist())
        speakers.extend(people.setdefault(name, len(people)) for name in one.speakers)
        names.append(one.name)
        splits.append(one.split)
        for m in MODALITIES:
            masks[m] += one.masks[m].tobytes()
            columns[m].add(one.features[m])
    ptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    train = np.arange(ptr[-1]) < ptr[config.train]
    there = {m: np.frombuffer(masks[m], np.bool_) for m in MODALITIES}
    classes = np.array(labels, np.int64)
    scores = _scores(config, classes) if config.scores else None
    speaker_names = sorted(people)
    ranks = np.argsort([people[name] for name in speaker_names])
    return Dialogues(
        name=config.name,
        features={m: columns[m].standardised(there[m], train) for m in MODALITIES},
        masks=there,
        labels=classes if scores is None else np.full(len(classes), UNLABELLED),
        speakers=ranks[np.array(speakers, np.int64)].astype(np.int64),
        dialogue_ptr=ptr,
        dialogue_ids=names_of(names, len(names)),
        splits=tuple(splits),
        utterance_ids=names_of(_rows(names, lengths), len(classes)),
        label_names=config.class_names if scores is None else (),
        speaker_names=tuple(speaker_names),
        targets={} if scores is None else {LABEL: scores},
    )


def _rows(names: Iterable[str], lengths: Iterable[int]) -> Iterator[str]:
    for name, length in zip(names, lengths, strict=True):
        yield from (f"{name}_{row:03d}" for row in range(length))


class _Columns:
    """The feature columns of a modality, one dialogue after another, in memory or in a file."""

    def __init__(self, path: Path | None, width: int) -> None:
        self.width = width
        self.raw, self.scaled = (_Numbers(path, kind) for kind in ("<f8", "<f4"))

    def add(self, rows: np.ndarray) -> None:
        self.raw.add(rows)

    def standardised(self, mask: np.ndarray, train: np.ndarray) -> np.ndarray:
        """Return them as float32, z-scored by the rows of train, zeros where they are missing."""
        raw = self.raw.whole(self.width)
        found = columns_of(raw, train)
        # The floor keeps a training split of one utterance finite.
        spread = np.maximum(found.std, 1e-6)
        for at, rows in blocks(raw):
            scaled = (rows - found.mean) / spread
            self.scaled.add(zero_missing(scaled, mask[at]).astype(np.float32))
        self.raw.forget()
        return self.scaled.whole(self.width)


class _Numbers:
    """Numbers of one kind, some at a time, in memory or in a file."""

    def __init__(self, path: Path | None, kind: str) -> None:
        self.kind = np.dtype(kind)
        self.path = None if path is None else path.with_name(f"{path.name}.{self.kind.str[1:]}")
        self.parts: list[np.ndarray] = []
        self.file = None if self.path is None else self.path.open("wb")

    def add(self, rows: np.ndarray) -> None:
        if self.file is None:
            self.parts.append(rows)
        else:
            self.file.write(np.ascontiguousarray(rows, self.kind).data)

    def whole(self, width: int) -> np.ndarray:
        if self.path is None or self.file is None:
            return np.concatenate(self.parts)
        count = self.file.tell() // (width * self.kind.itemsize)
        self.file.close()
        with self.path.open("rb") as file:
            return map_array(file, self.path, 0, self.kind, (count, width))

    def forget(self) -> None:
        self.parts = []
        if self.path is not None:
            self.path.unlink()


def _scores(config: SynthConfig, labels: np.ndarray) -> Target:
    """Return a score for each utterance: that of its class and noise, in fifths as MOSI's means."""
    # A generator of its own: the classes and features are those of a set of classes.
    noise = np.random.default_rng(len(labels)).normal(0, 0.5, len(labels))
    scores = np.array([*config.scores, np.nan])[labels] + noise  # UNLABELLED is -1: the last
    values = np.clip(np.round(5 * scores) / 5, -3, 3)
    spec = TargetSpec(LABEL, "regression", ("score",), -3.0, 3.0)
    return Target(spec, values[:, None].astype(np.float32))
