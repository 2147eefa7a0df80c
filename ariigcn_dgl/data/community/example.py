"""Synthetic sets with the sizes, ids and speaker patterns of the field's data sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ariigcn_dgl.data.community.published import (
    CMU_MOSEI,
    CMU_MOSI,
    DAILY_DIALOG,
    DAILY_DIALOG_CLASSES,
    MELD,
    Count,
    Published,
)
from ariigcn_dgl.data.dialogues import MODALITIES, SPLITS, Dialogues
from ariigcn_dgl.data.synth import draw_mixing, express
from ariigcn_dgl.data.synth_config import IEMOCAP_LIKE, MELD_LIKE, SynthConfig, SynthModality
from ariigcn_dgl.data.synth_turns import Turns, draw_emotions, draw_length, draw_turns

# Dialogues of IEMOCAP's five sessions; the fifth is the test split.
_SESSIONS = (28, 30, 32, 30, 31)
_MONOLOGUES = (CMU_MOSI, CMU_MOSEI)
# Videos of CMU-MOSEI's splits and shares of the seven steps; the field publishes neither.
_MOSEI_VIDEOS = {"train": 2249, "val": 300, "test": 679}
_MOSEI_SHARES = (0.03, 0.11, 0.15, 0.22, 0.33, 0.13, 0.03)


def example(
    dataset: Published, widths: dict[str, int], seed: int = 0, fraction: float = 1.0
) -> Dialogues:
    """Make a set with the published numbers of dialogues, utterances and classes of each split.

    Parameters
    ----------
    dataset : Published
        Which data set to imitate.
    widths : dict of str to int
        Feature width of each modality of the layout.
    seed : int
        Same seed, same data.
    fraction : float
        Share of the published numbers, above 0 and at most 1; at least one dialogue per split and
        one utterance per class.

    Returns
    -------
    Dialogues
        Speakers are named `<dialogue>:<who>`, or as IEMOCAP's actors are.
    """
    # Labels do not depend on the widths, so files of one data set can be joined.
    talk, show = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    sizes = {split: _shrink(_size(dataset, split), fraction) for split in SPLITS}
    config = _config(dataset, sizes, widths)
    mixing = draw_mixing(config, show)
    parts = [
        (split, turns, labels, _express(config, turns, labels, mixing, show))
        for split in SPLITS
        for turns, labels in _talks(config, sizes[split], talk)
    ]
    lengths = [len(labels) for _, _, labels, _ in parts]
    ids = _dialogue_ids(dataset, sizes)
    speakers = [
        _speakers(dataset, key, turns) for key, (_, turns, _, _) in zip(ids, parts, strict=True)
    ]
    names, index = np.unique(np.concatenate(speakers), return_inverse=True)
    columns = {m: np.concatenate([features[m] for *_, features in parts]) for m in widths}
    return Dialogues(
        name=dataset.name,
        features={m: array.astype(np.float32) for m, array in columns.items()},
        masks={m: np.ones(len(array), np.bool_) for m, array in columns.items()},
        labels=np.concatenate([labels for _, _, labels, _ in parts]),
        speakers=index.astype(np.int64),
        dialogue_ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        dialogue_ids=tuple(ids),
        splits=tuple(split for split, *_ in parts),
        utterance_ids=tuple(
            f"{key}_{turn}"
            for key, length in zip(ids, lengths, strict=True)
            for turn in range(length)
        ),
        label_names=dataset.label_names,
        speaker_names=tuple(names.tolist()),
    )


def _size(dataset: Published, split: str) -> Count:
    """Return the published size, completed where the field publishes no class counts."""
    published = dataset.splits[split]
    if published.classes:
        return published
    if dataset is DAILY_DIALOG:
        # Only the totals over all splits are known: train takes what the others leave.
        others = [
            _divide(dataset.splits[s].utterances, DAILY_DIALOG_CLASSES) for s in ("val", "test")
        ]
        known = {"val": others[0], "test": others[1]}
        rest = np.array(DAILY_DIALOG_CLASSES) - np.sum(others, axis=0)
        return replace(published, classes=known.get(split, tuple(rest.tolist())))
    classes = _divide(published.utterances, _MOSEI_SHARES)
    videos = published.dialogues or _MOSEI_VIDEOS[split]
    return Count(videos, published.utterances, classes)


def _divide(total: int, shares: tuple[float, ...]) -> tuple[int, ...]:
    """Divide a total by shares, the rounding to the largest share."""
    parts = np.floor(total * np.array(shares) / sum(shares)).astype(np.int64)
    parts[np.argmax(shares)] += total - parts.sum()
    return tuple(parts.tolist())


def _shrink(size: Count, fraction: float) -> Count:
    if fraction == 1:
        return size
    classes = tuple(max(round(count * fraction), 1) for count in size.classes)
    dialogues = min(max(round(size.dialogues * fraction), 1), sum(classes))
    return Count(dialogues, sum(classes), classes)


def _config(dataset: Published, sizes: dict[str, Count], widths: dict[str, int]) -> SynthConfig:
    base = MELD_LIKE if dataset in (MELD, DAILY_DIALOG, *_MONOLOGUES) else IEMOCAP_LIKE
    totals = np.sum([size.classes for size in sizes.values()], axis=0)
    participants = base.participants
    if dataset in _MONOLOGUES:
        participants = (1.0,)  # monologues
    elif dataset is DAILY_DIALOG:
        participants = (0.0, 1.0)
    names = dataset.label_names
    modalities = {
        m: SynthModality(widths.get(m, 1), 1.2, 0.3, 0.1, twins=((names[k], names[k + 1]),))
        for k, m in enumerate(MODALITIES)
    }
    return replace(
        base,
        name=dataset.name,
        train=sizes["train"].dialogues,
        val=sizes["val"].dialogues,
        test=sizes["test"].dialogues,
        participants=participants,
        class_names=names,
        class_priors=tuple((totals / totals.sum()).tolist()),
        ironic=(names[0], names[1]),
        text=modalities["text"],
        audio=modalities["audio"],
        visual=modalities["visual"],
    )


def _talks(
    config: SynthConfig, size: Count, rng: np.random.Generator
) -> Iterator[tuple[Turns, np.ndarray]]:
    """Draw the turns and labels of the dialogues of a split."""
    turns = [draw_turns(config, rng, length) for length in _lengths(config, size, rng)]
    drawn = [draw_emotions(config, one, rng) for one in turns]
    labels = _with_counts(np.concatenate(drawn), size.classes, rng)
    ends = np.cumsum([len(one) for one in drawn])
    return zip(turns, np.split(labels, ends[:-1]), strict=True)


def _express(
    config: SynthConfig,
    turns: Turns,
    labels: np.ndarray,
    mixing: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    cast = len(config.participants)
    traits = {m: rng.standard_normal((cast, len(mixing[m]))) for m in MODALITIES}
    return express(config, turns, labels, traits, mixing, rng)


def _lengths(config: SynthConfig, size: Count, rng: np.random.Generator) -> list[int]:
    """Draw lengths of dialogues that add up to the number of utterances."""
    drawn = np.array([draw_length(config, rng) for _ in range(size.dialogues)], dtype=np.float64)
    drawn *= size.utterances / drawn.sum()
    lengths = np.maximum(np.floor(drawn), 1).astype(np.int64)
    # Rounding left some over: one more, or less, for dialogues drawn at random.
    while (missing := size.utterances - int(lengths.sum())) != 0:
        able = np.flatnonzero(lengths > 1) if missing < 0 else np.arange(len(lengths))
        chosen = rng.choice(able, min(abs(missing), len(able)), replace=False)
        lengths[chosen] += np.sign(missing)
    return lengths.tolist()


def _with_counts(
    labels: np.ndarray, counts: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Change the labels of as few utterances as it takes to have the counts."""
    surplus = np.bincount(labels, minlength=len(counts)) - np.array(counts)
    free = [
        rng.choice(np.flatnonzero(labels == k), surplus[k], replace=False)
        for k in np.flatnonzero(surplus > 0)
    ]
    changed = labels.copy()
    if free:
        wanted = np.repeat(np.arange(len(counts)), np.maximum(-surplus, 0))
        changed[np.concatenate(free)] = rng.permutation(wanted)
    return changed


def _dialogue_ids(dataset: Published, sizes: dict[str, Count]) -> list[str]:
    counts = [sizes[split].dialogues for split in SPLITS]
    if dataset is MELD:
        train = [n for n in range(1039) if n != 60][: counts[0]]  # 60 has no utterances
        val, test = range(1039, 1039 + counts[1]), range(1153, 1153 + counts[2])
        return list(map(str, (*train, *val, *test)))
    if dataset is DAILY_DIALOG:
        return [
            f"{prefix}_c{n}"
            for prefix, c in zip(("tr", "va", "te"), counts, strict=True)
            for n in range(c)
        ]
    if dataset in _MONOLOGUES:
        return [f"video{n:05d}" for n in range(sum(counts))]
    every = [_iemocap_id(s, n) for s, many in enumerate(_SESSIONS, 1) for n in range(many)]
    learnt = sum(_SESSIONS[:4])
    return every[: counts[0] + counts[1]] + every[learnt : learnt + counts[2]]


def _iemocap_id(session: int, number: int) -> str:
    sex, scene = "FM"[number % 2], number // 2 + 1
    name = f"impro{scene:02d}" if scene <= 8 else f"script{(scene - 6) // 3:02d}_{scene % 3 + 1}"
    return f"Ses0{session}{sex}_{name}"


def _speakers(dataset: Published, key: str, turns: Turns) -> list[str]:
    members = turns.speakers.tolist()
    order = {member: place for place, member in enumerate(dict.fromkeys(members))}
    if dataset.name.startswith("IEMOCAP"):
        return [f"{key[:5]}_{'FM'[member]}" for member in members]
    return [f"{key}:{order[member]}" for member in members]
