"""A text encoder that was fine-tuned on labelled utterances, and what it reads of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.source import Source
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import AT_ONCE, TextEncoder
from ariigcn_dgl.extract.turns import Reading, Tokens, Turn, tokenize, turns_of
from ariigcn_dgl.progress import track

SOURCE = frozenset(Source.__dataclass_fields__)
_OWN = "own"  # beside what the model takes


class TunedTextEncoder:
    """Encode utterances with what was said before them, by a Transformer that was fine-tuned.

    Parameters
    ----------
    base : TextEncoder
        The Transformer, its tokenizer and pooling. The mean is over all tokens but those of the
        words before.
    reading : Reading
    learnt : dict
        What it was trained on and how well it then did.

    Raises
    ------
    InputError
        If the tokenizer does not say which text a token is of.
    """

    modality = "text"

    def __init__(self, base: TextEncoder, reading: Reading, learnt: dict[str, Any]) -> None:
        if not getattr(base.tokenizer, "is_fast", False):
            raise InputError(
                f"{base.path}: its tokenizer is not one of the library tokenizers (tokenizer.json),"
                " which fine-tuning needs"
            )
        self.base, self.reading, self.learnt = base, reading, learnt

    @property
    def width(self) -> int:
        """Columns of the features."""
        return self.base.width

    @property
    def max_tokens(self) -> int:
        """Longer turns are cut."""
        return self.base.max_tokens

    def describe(self) -> dict[str, Any]:
        """Return what decides the features; where its base came from is in ``learnt``."""
        here = {k: v for k, v in self.base.describe().items() if k not in SOURCE}
        reading = {"context": self.reading.context, "speaker_names": self.reading.speaker_names}
        return {**here, **reading, "learnt": self.learnt}

    def turns(self, utterances: Sequence[Spoken]) -> list[Turn | None]:
        """Return what is read of each utterance; those of a dialogue together and in order."""
        return turns_of(utterances, self.reading)

    def tokens(self, turns: Sequence[Turn]) -> list[Tokens]:
        """Return the tokens of turns, cut to what the Transformer takes."""
        recipe, tokenizer = self.base.recipe, self.base.tokenizer
        spelt, prompt = recipe.spelt, recipe.prompt
        worded = [Turn(spelt(prompt + one.text), spelt(one.before)) for one in turns]
        parts = [worded[n : n + AT_ONCE] for n in range(0, len(worded), AT_ONCE)]
        return [one for part in parts for one in tokenize(tokenizer, part, self.base.max_tokens)]

    def encode(self, turns: Sequence[Turn]) -> np.ndarray:
        """Return the features, (N, width) float32, of N turns."""
        return self.encoded(turns)[0]

    def encoded(self, turns: Sequence[Turn]) -> tuple[np.ndarray, list[int]]:
        """Return the features of turns, and the numbers of those whose own words were cut."""
        tokens = self.tokens(turns)
        return self.encode_tokens(tokens), [n for n, one in enumerate(tokens) if one.short]

    @torch.inference_mode()
    def encode_tokens(self, tokens: Sequence[Tokens]) -> np.ndarray:
        """Return the features, (N, width) float32, of N turns' tokens."""
        self.base.model.eval()
        out = np.empty((len(tokens), self.width), np.float32)
        batches = self.base.batches([len(one) for one in tokens])
        for batch in track(batches, "batches of sentences"):
            out[batch] = self.pooled([tokens[n] for n in batch]).cpu().numpy()
        return out

    def pooled(self, tokens: Sequence[Tokens]) -> Tensor:
        """Return the features, (B, width) float32, of a batch, with gradients where they are on."""
        batch = self.base.collate([{**one.inputs, _OWN: one.own} for one in tokens])
        own = batch.pop(_OWN)
        return self.base(batch, own)
