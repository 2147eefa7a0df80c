"""What text encoders read of utterances, and features of many texts, in blocks that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

import ariigcn_dgl
from ariigcn_dgl.extract.kept import Kept
from ariigcn_dgl.extract.own_encoder import Encoder
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import TextEncoder, note_cut
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.notes import Note

TextReady = TextEncoder | TunedTextEncoder | Encoder
BLOCK = 2000  # texts: so many of one block are sorted by length, so many are lost at most


def read_by(encoder: TextReady, utterances: Sequence[Spoken]) -> Sequence[Any]:
    """Return what an encoder encodes of each utterance; None where it has no text.

    Parameters
    ----------
    encoder : TextEncoder, TunedTextEncoder or Encoder
    utterances : sequence of Spoken
        Those of a dialogue together and in order.
    """
    if isinstance(encoder, TunedTextEncoder):
        return encoder.turns(utterances)
    return [one.text or None for one in utterances]


def read_before(encoder: TextReady) -> int:
    """Return how many utterances with text before one an encoder reads with it."""
    return encoder.reading.context if isinstance(encoder, TunedTextEncoder) else 0


def encoded_texts(
    encoder: TextReady,
    texts: Sequence[Any],
    kept: Kept | None,
    device: str,
) -> Iterator[tuple[list[int], np.ndarray, list[int]]]:
    """Yield the numbers of some texts at a time, their features, and the numbers of those cut.

    Features are (numbers, width) float32. Texts that are None have none.

    Parameters
    ----------
    encoder : TextEncoder, TunedTextEncoder or Encoder
    texts : sequence
        What the encoder encodes, with a `repr` that says all of it.
    kept : Kept or None
        Where each block is kept.
    device : str
        Where the encoder computes.
    """
    there = [n for n, text in enumerate(texts) if text is not None]
    for start in range(0, len(there), BLOCK):
        numbers = there[start : start + BLOCK]
        features, cut = _block(encoder, [texts[n] for n in numbers], kept, device)
        yield numbers, features, [numbers[n] for n in cut]


def note_what_was_cut(
    encoder: TextReady, utterances: Sequence[Spoken], cut: Sequence[int], note: Note
) -> None:
    """Say of which utterances, by their numbers, an encoder read the beginning only."""
    if not isinstance(encoder, Encoder):  # of another package, which says nothing of it
        note_cut([utterances[n].name for n in cut], encoder.max_tokens, note)


def encoded(encoder: TextReady, texts: Sequence[Any]) -> tuple[np.ndarray, list[int]]:
    """Return the features of texts, and the numbers of those that are known to be cut."""
    return (encoder.encode(texts), []) if isinstance(encoder, Encoder) else encoder.encoded(texts)


def _block(
    encoder: TextReady, texts: Sequence[Any], kept: Kept | None, device: str
) -> tuple[np.ndarray, list[int]]:
    if kept is None:
        return encoded(encoder, texts)
    decides = [ariigcn_dgl.__version__, encoder.describe(), device, list(map(repr, texts))]
    found = kept.get(decides)
    if found is not None and "text" in found[0]:
        return found[0]["text"], found[1] or []
    features, cut = encoded(encoder, texts)
    kept.put(decides, {"text": features}, cut)
    return features, cut
