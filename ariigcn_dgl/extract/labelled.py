"""Utterances of a recording with the emotions that a run found: JSON and subtitles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ariigcn_dgl.extract.spoken import Spoken


@dataclass(frozen=True)
class Labelled:
    """Utterances and what a run says of them.

    Parameters
    ----------
    spoken : sequence of Spoken, length N
    modalities : sequence of tuples of str, length N
        Those that were there.
    probabilities : (N, C) array
    label_names : sequence of str, length C
    """

    spoken: Sequence[Spoken]
    modalities: Sequence[tuple[str, ...]]
    probabilities: np.ndarray
    label_names: Sequence[str]


_MARKUP = re.compile(r"<(?=[/a-zA-Z])")  # not <3 or a < b


def as_records(labelled: Labelled) -> list[dict[str, Any]]:
    """Return one JSON object per utterance."""
    names = labelled.label_names
    rows = zip(labelled.spoken, labelled.modalities, labelled.probabilities, strict=True)
    return [
        {
            "utterance": one.name,
            "start": one.start,
            "end": one.end,
            "speaker": one.speaker,
            "text": one.text,
            "modalities": list(modalities),
            "prediction": names[int(p.argmax())],
            "probabilities": {name: round(float(x), 6) for name, x in zip(names, p, strict=True)},
        }
        for one, modalities, p in rows
    ]


def as_subtitles(labelled: Labelled) -> str:
    """Return SubRip subtitles whose texts begin with emotion and probability."""
    blocks = []
    for n, (one, p) in enumerate(zip(labelled.spoken, labelled.probabilities, strict=True), 1):
        emotion = f"[{labelled.label_names[int(p.argmax())]} {100 * p.max():.0f} %]"
        times = f"{_time(one.start)} --> {_time(one.end)}"
        # Players take a line with an arrow for one of times, and <b>, <v Ann> or </i for markup.
        words = f"{emotion} {one.speaker}: {one.text}".replace("-->", "→")
        words = _MARKUP.sub("‹", words)
        blocks.append(f"{n}\n{times}\n{words}\n")
    return "\n".join(blocks)


def _time(seconds: float) -> str:
    """Return seconds as SubRip writes them.

    >>> _time(3723.5)
    '01:02:03,500'
    """
    whole = round(1000 * seconds)
    rest, milliseconds = divmod(whole, 1000)
    minutes, seconds = divmod(rest, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02},{milliseconds:03}"
