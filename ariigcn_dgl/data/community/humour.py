"""Synthetic talks with punch lines, and UR-FUNNY's pickles of them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.community.mustard import LABEL_NAMES as SARCASM_NAMES
from ariigcn_dgl.data.community.published import Count, Published
from ariigcn_dgl.data.community.ur_funny import LABEL_NAMES
from ariigcn_dgl.data.dialogues import SPLITS, UNLABELLED, Dialogues
from ariigcn_dgl.data.ragged import Ragged

# Segments of the first release; one in two is humorous.
UR_FUNNY = Published(
    "UR-FUNNY",
    LABEL_NAMES,
    (),
    {"train": Count(10598, 0), "val": Count(2626, 0), "test": Count(3290, 0)},
)
MUSTARD = Published(
    "MUStARD",
    SARCASM_NAMES,
    (),
    {"train": Count(334, 0), "val": Count(0, 0), "test": Count(356, 0)},
)
_CAST = ("ANN", "BEN", "CEM", "DOT")
# Of the 16,514 segments: 63,727 sentences, 965,573 words, 32,995 different ones.
_CONTEXT_MEAN, _MOST_CONTEXT = 63727 / 16514 - 1, 12
_WORDS_MEAN, _MOST_WORDS = 965573 / 63727, 60
_VOCABULARY = 32995
_TOPICS = 8  # a talk's words come from one; a humorous punch line turns to another; the last is wit
# Chosen so that punch lines alone are about as hard as the real ones, and sound tells little.
_LEAP = {0: 0.3, 1: 0.5}  # share of words of a punch line that are of another topic, by label
_WIT = {0: 0.05, 1: 0.15}  # share of a punch line's words that are witty
_WIT_BEFORE = {0: 0.04, 1: 0.06}  # and of the words before it
_NOISE = 0.5  # deviations of a word's vector from that of its topic
_CUE = 0.15  # deviations, in one direction, by which its sound and picture differ


@dataclass(frozen=True)
class _Words:
    """A vocabulary: vectors (V, D), and the first word of each topic."""

    vectors: np.ndarray
    starts: np.ndarray

    def draw(self, topic: int, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(self.starts[topic], self.starts[topic + 1], count)


def humour_example(widths: dict[str, int], seed: int = 0, fraction: float = 1.0) -> Dialogues:
    """Make talks of context sentences and one labelled punch line, with UR-FUNNY's statistics.

    A humorous punch line has more witty words, and leaps to another topic than its context more
    often, so that neither alone tells all; the words before are a little wittier, too; sound and
    picture of its words differ a little.

    Parameters
    ----------
    widths : dict of str to int
        Of text, audio and visual, or of some of them.
    seed : int
        Same seed, same data.
    fraction : float
        Share of the published number of segments; at least four in each split.
    """
    rng = np.random.default_rng(seed)
    words = _vocabulary(widths["text"], fraction, rng)
    cues = {m: _direction(w, rng) for m, w in widths.items() if m != "text"}
    parts: dict[str, list[np.ndarray]] = {m: [] for m in widths}
    labels, lengths, splits, indices = [], [], [], []
    for split in SPLITS:
        count = max(4, round(UR_FUNNY.splits[split].dialogues * fraction))
        for number in range(count):
            humorous = number % 2
            sentences = _sentences(words, humorous, rng)
            for turn, said in enumerate(sentences):
                shift = _CUE * humorous * (turn == len(sentences) - 1)
                parts["text"].append(words.vectors[said])
                for m, cue in cues.items():
                    rows = rng.standard_normal((len(said), len(cue))) + shift * cue
                    parts[m].append(rows.astype(np.float32))
            labels += [UNLABELLED] * (len(sentences) - 1) + [humorous]
            lengths.append(len(sentences))
            splits.append(split)
            indices += sentences
    sequences = {m: Ragged.of(rows) for m, rows in parts.items()}
    ids = [str(n + 1) for n in range(len(lengths))]
    return Dialogues(
        name=UR_FUNNY.name,
        features={m: one.mean() for m, one in sequences.items()},
        masks={m: np.ones(len(labels), np.bool_) for m in widths},
        labels=np.array(labels),
        speakers=np.repeat(np.arange(len(ids)), lengths),
        dialogue_ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        dialogue_ids=tuple(ids),
        splits=tuple(splits),
        utterance_ids=tuple(
            f"{key}_{'punchline' if turn == length - 1 else turn}"
            for key, length in zip(ids, lengths, strict=True)
            for turn in range(length)
        ),
        label_names=LABEL_NAMES,
        speaker_names=tuple(f"{key}:?" for key in ids),
        words=tuple(" ".join(f"word{n}" for n in said) for said in indices),
        sequences=sequences,
    )


def sarcasm_example(widths: dict[str, int], seed: int = 0, fraction: float = 1.0) -> Dialogues:
    """Make clips of several speakers with MUStARD's size: text of all lines, audio of the last.

    See `humour_example` for parameters.
    """
    share = MUSTARD.splits["train"].dialogues / UR_FUNNY.splits["train"].dialogues
    talks = humour_example(widths, seed, fraction * share)
    rng = np.random.default_rng([seed, 1])
    last = np.zeros(talks.num_utterances, np.bool_)
    last[talks.dialogue_ptr[1:] - 1] = True
    audio = np.where(last[:, None], talks.features["audio"], 0).astype(np.float32)
    ids = tuple(f"1_{key}" for key in talks.dialogue_ids)
    turns = np.arange(talks.num_utterances) - np.repeat(talks.dialogue_ptr[:-1], talks.lengths)
    # Of those names that nobody has there is none: indices are numbered again.
    names, speakers = np.unique(rng.choice(_CAST, talks.num_utterances), return_inverse=True)
    return replace(
        talks,
        name=MUSTARD.name,
        features={"text": talks.features["text"], "audio": audio},
        masks={"text": talks.masks["text"], "audio": last},
        speakers=speakers.astype(np.int64),
        speaker_names=tuple(names.tolist()),
        dialogue_ids=ids,
        splits=tuple("train" if split == "val" else split for split in talks.splits),
        utterance_ids=tuple(
            f"{key}_{turn}" for key, turn in zip(np.repeat(ids, talks.lengths), turns, strict=True)
        ),
        label_names=MUSTARD.label_names,
        sequences={},
    )


def _direction(width: int, rng: np.random.Generator) -> np.ndarray:
    drawn = rng.standard_normal(width)
    return drawn / np.linalg.norm(drawn)


def _vocabulary(width: int, fraction: float, rng: np.random.Generator) -> _Words:
    size = max(16 * _TOPICS, round(_VOCABULARY * fraction))
    starts = np.linspace(0, size, _TOPICS + 1).astype(np.int64)
    topics = rng.standard_normal((_TOPICS, width))
    vectors = _NOISE * rng.standard_normal((size, width))
    vectors += np.repeat(topics, np.diff(starts), axis=0)
    return _Words(vectors.astype(np.float32), starts)


def _sentences(words: _Words, humorous: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return the words of the context sentences and of the punch line, last."""
    topic, other = rng.choice(_TOPICS - 1, 2, replace=False)
    count = int(np.clip(rng.poisson(_CONTEXT_MEAN - 1) + 1, 1, _MOST_CONTEXT))
    lengths = np.clip(rng.geometric(1 / _WORDS_MEAN, count + 1), 1, _MOST_WORDS)
    sentences = [words.draw(topic, int(length), rng) for length in lengths]
    _exchange(sentences[-1], words, other, _LEAP[humorous], rng)
    for said in sentences[:-1]:
        _exchange(said, words, _TOPICS - 1, _WIT_BEFORE[humorous], rng)
    _exchange(sentences[-1], words, _TOPICS - 1, _WIT[humorous], rng)
    return sentences


def _exchange(
    said: np.ndarray, words: _Words, topic: int, share: float, rng: np.random.Generator
) -> None:
    """Put words of a topic in the place of a share of a sentence's."""
    places = rng.random(len(said)) < share
    said[places] = words.draw(topic, int(places.sum()), rng)


def writes_ur_funny(release: str) -> Callable[[Dialogues, Path], None]:
    """Return what writes a folder of pickles as of one release: "v1" or "v2"."""

    def write(d: Dialogues, path: Path) -> None:
        path.mkdir()
        table, index = np.unique(d.sequences["text"].rows, axis=0, return_inverse=True)
        listed = {split: [int(d.dialogue_ids[b]) for b in d.indices(split)] for split in SPLITS}
        values: dict[str, Any] = {
            "data_folds": {"dev" if split == "val" else split: listed[split] for split in SPLITS},
            "word_embedding_list": [row.tolist() for row in table],
            "humor_label_sdk": {
                int(key): int(d.labels[d.rows(b)][-1]) for b, key in enumerate(d.dialogue_ids)
            },
        }
        name = "language_sdk" if release == "v2" else "word_embedding_indexes_sdk"
        values[name] = _by_segment(d, d.sequences["text"], index.reshape(-1), "embedding_indexes")
        if release == "v2":
            for b, segment in enumerate(values[name].values()):
                said = d.words[d.rows(b)]
                segment |= {"punchline_sentence": said[-1], "context_sentences": list(said[:-1])}
        for modality, file in (("audio", "covarep"), ("visual", "openface")):
            sequence = d.sequences[modality]
            rows = _by_segment(d, sequence, sequence.rows, "features")
            values[f"{file}_features_sdk"] = rows
        for file, value in values.items():
            (path / f"{file}.pkl").write_bytes(pickle.dumps(value, 4))

    return write


def _by_segment(
    d: Dialogues, sequence: Ragged, rows: np.ndarray, of: str
) -> dict[int, dict[str, Any]]:
    """Return the rows of the sentences of each segment, as nested lists."""
    found: dict[int, dict[str, Any]] = {}
    for b, key in enumerate(d.dialogue_ids):
        ends = sequence.ptr[d.rows(b).start : d.rows(b).stop + 1]
        sentences = [rows[start:end].tolist() for start, end in pairwise(ends)]
        found[int(key)] = {f"punchline_{of}": sentences[-1], f"context_{of}": sentences[:-1]}
    return found
