"""A text encoder that was fine-tuned on labelled utterances, and what it reads of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.spoken import Spoken
from ariigcn_dgl.extract.text import BATCH_SIZE, TextEncoder
from ariigcn_dgl.extract.turns import Reading, Tokens, Turn, tokenize, turns_of
from ariigcn_dgl.progress import track


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

    def describe(self) -> dict[str, Any]:
        """Return what decides the features."""
        reading = {"context": self.reading.context, "speaker_names": self.reading.speaker_names}
        return {**self.base.describe(), **reading, "learnt": self.learnt}

    def turns(self, utterances: Sequence[Spoken]) -> list[Turn | None]:
        """Return what is read of each utterance; those of a dialogue together and in order."""
        return turns_of(utterances, self.reading)

    def tokens(self, turns: Sequence[Turn]) -> list[Tokens]:
        """Return the tokens of turns, cut to what the Transformer takes."""
        return tokenize(self.base.tokenizer, turns, self.base.max_tokens)

    def encode(self, turns: Sequence[Turn]) -> np.ndarray:
        """Return the features, (N, width) float32, of N turns."""
        return self.encode_tokens(self.tokens(turns))

    @torch.inference_mode()
    def encode_tokens(self, tokens: Sequence[Tokens]) -> np.ndarray:
        """Return the features, (N, width) float32, of N turns' tokens."""
        self.base.model.eval()
        order = sorted(range(len(tokens)), key=lambda n: len(tokens[n]))  # little padding
        out = np.empty((len(tokens), self.width), np.float32)
        for start in track(range(0, len(order), BATCH_SIZE), "batches of sentences"):
            rows = order[start : start + BATCH_SIZE]
            out[rows] = self.pooled([tokens[n] for n in rows]).float().cpu().numpy()
        return out

    def pooled(self, tokens: Sequence[Tokens]) -> Tensor:
        """Return the pooled states, (B, width), of a batch, with their gradients."""
        pad = self.base.tokenizer.pad_token_id or 0
        there = [np.ones(len(one), np.int64) for one in tokens]
        columns = {
            "input_ids": self._padded([one.ids for one in tokens], pad),
            "attention_mask": self._padded(there),
            "token_type_ids": self._padded([one.types for one in tokens]),
        }
        known = self.base.tokenizer.model_input_names
        inputs = {name: x for name, x in columns.items() if name in known}
        own = self._padded([one.own for one in tokens])
        return self.base.pooled(inputs, own)

    def _padded(self, columns: Sequence[np.ndarray], pad: int = 0) -> Tensor:
        rows = [torch.from_numpy(column) for column in columns]
        return pad_sequence(rows, batch_first=True, padding_value=pad).to(self.base.device)
