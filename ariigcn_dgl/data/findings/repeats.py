"""The same utterance or dialogue more than once, above all in two splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from ariigcn_dgl.data.dialogues import Dialogues
from ariigcn_dgl.data.findings.finding import Finding, Severity, in_split

_SHOWN = 3  # so that a finding stays a line
# Short utterances ("Yeah.") have the same text features in any set of talk: a share is no leak yet.
_MANY = 0.05
_MOST = 0.5  # talk does not repeat itself so much: the split is a copy


def examine_repeats(dialogues: Dialogues) -> Iterator[Finding]:
    """Yield dialogues and utterances that occur more than once."""
    yield from _dialogues(dialogues)
    yield from _overlap(dialogues)
    yield from _neighbours(dialogues)


def _dialogues(dialogues: Dialogues) -> Iterator[Finding]:
    first: dict[bytes, int] = {}
    pairs = []
    for dialogue in range(dialogues.num_dialogues):
        earlier = first.setdefault(_content(dialogues, dialogue), dialogue)
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


def _content(dialogues: Dialogues, dialogue: int) -> bytes:
    digest = hashlib.sha256()
    for array in dialogues.features.values():
        digest.update(np.ascontiguousarray(array[dialogues.rows(dialogue)]).data)
    return digest.digest()


def _overlap(dialogues: Dialogues) -> Iterator[Finding]:
    rows = _row_keys(dialogues)
    learnt = in_split(dialogues, "train")
    for split in ("val", "test"):
        judged = in_split(dialogues, split)
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


def _neighbours(dialogues: Dialogues) -> Iterator[Finding]:
    rows = _row_keys(dialogues)
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


def _row_keys(dialogues: Dialogues) -> np.ndarray:
    """Return a number for each different utterance, (N,); features of all modalities count."""
    joined = np.concatenate(list(dialogues.features.values()), axis=1)
    known = np.any(list(dialogues.masks.values()), axis=0)
    keys: dict[bytes, int] = {}
    numbers = [keys.setdefault(row.tobytes(), len(keys)) for row in joined]
    # Utterances of which nothing is known are not the same.
    return np.where(known, numbers, -1 - np.arange(len(joined)))
