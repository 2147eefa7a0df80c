"""The same utterance or dialogue more than once, above all in two splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.findings.finding import Finding, Severity
from ariigcn_dgl.data.mapped import take

_AT_ONCE = 4096  # utterances
_SHOWN = 3  # so that a finding stays a line
# Short utterances ("Yeah.") have the same text features in any set of talk: a share is no leak yet.
_MANY = 0.05
_MOST = 0.5  # talk does not repeat itself so much: the split is a copy


def examine_repeats(dialogues: Dialogues) -> Iterator[Finding]:
    """Yield dialogues and utterances that occur more than once."""
    digests = _digests(dialogues)
    yield from _dialogues(dialogues, digests)
    rows = _numbers(digests)
    # Utterances of which nothing is known are not the same.
    known = np.any(list(dialogues.masks.values()), axis=0)
    rows = np.where(known, rows, -1 - np.arange(len(rows)))
    yield from _overlap(dialogues, rows)
    yield from _neighbours(dialogues, rows)


def _dialogues(dialogues: Dialogues, digests: np.ndarray) -> Iterator[Finding]:
    first: dict[bytes, int] = {}
    pairs = []
    for dialogue in range(dialogues.num_dialogues):
        content = _digest(digests[dialogues.rows(dialogue)])
        earlier = first.setdefault(content, dialogue)
        if dialogues.splits[earlier] != dialogues.splits[dialogue]:
            pairs.append((earlier, dialogue))
    if pairs:
        # A dialogue of one short utterance can be said twice; a longer one is the same recording.
        long = any(dialogues.lengths[dialogue] > 1 for _, dialogue in pairs)
        named = ", ".join(
            f"{dialogues.dialogue_ids[b]!r} ({dialogues.splits[b]}) as "
            f"{dialogues.dialogue_ids[a]!r} ({dialogues.splits[a]})"
            for a, b in pairs[:_SHOWN]
        )
        yield Finding(
            "error" if long else "warning",
            "splits",
            f"{len(pairs)} dialogues have the same features as one of another split: {named}"
            + (", …" if len(pairs) > _SHOWN else ""),
            "what is judged by must not be learnt from: keep each in one split",
        )


def _overlap(dialogues: Dialogues, rows: np.ndarray) -> Iterator[Finding]:
    learnt = dialogues.in_split("train")
    for split in ("val", "test"):
        judged = dialogues.in_split(split)
        if not judged.any() or not learnt.any():
            continue
        count = int(np.isin(rows[judged], rows[learnt]).sum())
        share = count / int(judged.sum())
        if count:
            yield Finding(
                _severity(share),
                split,
                f"{count} of {judged.sum()} utterances have exactly the features of one in train",
                "fine for short ones with text only, else a leak: compare the ids",
            )


def _severity(share: float) -> Severity:
    return "error" if share > _MOST else "warning" if share > _MANY else "note"


def _neighbours(dialogues: Dialogues, rows: np.ndarray) -> Iterator[Finding]:
    same = rows[1:] == rows[:-1]
    same[dialogues.dialogue_ptr[1:-1] - 1] = False  # across the border of two dialogues
    count = int(same.sum())
    if count:
        share = count / dialogues.num_utterances
        yield Finding(
            "warning" if share > _MANY else "note",
            "utterances",
            f"{count} have exactly the features of the utterance before; first "
            f"{dialogues.utterance_ids[int(np.flatnonzero(same)[0]) + 1]!r}",
            "were rows written twice, or a clip cut wrongly?",
        )


def _digests(dialogues: Dialogues) -> np.ndarray:
    """Return a hash of each utterance's features in all modalities, (N, 2) uint64."""
    found = []
    for start in range(0, dialogues.num_utterances, _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, dialogues.num_utterances))
        joined = np.concatenate([take(x, rows) for x in dialogues.features.values()], axis=1)
        found.append(b"".join(map(_digest, joined)))
    return np.frombuffer(b"".join(found), np.uint64).reshape(-1, 2)


def _digest(rows: np.ndarray) -> bytes:
    return hashlib.blake2b(rows.data, digest_size=16).digest()


def _numbers(digests: np.ndarray) -> np.ndarray:
    """Return a number for each different hash, (N,)."""
    order = np.lexsort(digests.T)
    ordered = digests[order]
    another = np.concatenate([[0], (ordered[1:] != ordered[:-1]).any(axis=1)])
    numbers = np.empty(len(digests), np.int64)
    numbers[order] = np.cumsum(another)
    return numbers
