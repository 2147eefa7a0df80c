"""Audio features: a Transformer that was trained on speech, by transformers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.batches import by_length
from ariigcn_dgl.extract.identity import weights_sha256
from ariigcn_dgl.extract.log_mel import LONGEST
from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.extract.source import Source
from ariigcn_dgl.extract.transformer import DTYPES, Dtype, load_transformer
from ariigcn_dgl.progress import track

SHORTEST = 800  # samples (50 ms): a few states of any of these models
BUDGET = {"cpu": 20}  # seconds of sound in a batch, padding included
BUDGET_ELSEWHERE = 240
UNUSED = ("masked_spec_embed", "decoder.", "pooler.")  # of pre-training, and of recognition


class SpeechEncoder:
    """Encode sound with a frozen speech model: the mean over time of its last layer.

    WavLM, HuBERT, wav2vec 2.0 and their kin, and the encoder of Whisper: what transformers'
    ``AutoModel`` loads. Sound beyond the first 30 seconds of an utterance is not heard.

    Parameters
    ----------
    path : Path
        Folder with config.json, weights and preprocessor_config.json.
    device : str
        Where the model computes.
    dtype : {"float32", "float16", "bfloat16"}
        In which precision; the features are float32.
    source : Source, optional
        Where the folder came from; default: it is what was named.

    Raises
    ------
    InputError
        If transformers is missing, or the folder holds no complete model of speech at 16 kHz.
    """

    modality = "audio"

    def __init__(
        self,
        path: Path,
        device: str = "cpu",
        dtype: Dtype = "float32",
        *,
        source: Source | None = None,
    ) -> None:
        self.path, self.device, self.dtype = Path(path), device, dtype
        self.source = source or Source.of_path(self.path)
        self.reader, model = load_transformer(self.path, "AutoFeatureExtractor", UNUSED)
        self.is_whisper = model.config.model_type == "whisper"
        self.model = model.get_encoder() if self.is_whisper else model
        _refuse_other(self.path, self.reader, self.model, self.is_whisper)
        self.width: int = self.model.config.hidden_size
        self._sha256 = None if dtype == "float32" else weights_sha256(self.model)
        self.model.to(device, DTYPES[dtype])

    def describe(self) -> dict[str, Any]:
        """Return what decides the features, and where the encoder came from."""
        return {
            "encoder": type(self.model).__name__,
            **self.source.describe(),
            "weights_sha256": self._sha256 or weights_sha256(self.model),
            "pooling": "mean",
            "normalised_sound": bool(getattr(self.reader, "do_normalize", False)),
            "longest_seconds": LONGEST,
            "width": self.width,
            "dtype": self.dtype,
        }

    @staticmethod
    def prepare(sound: np.ndarray) -> np.ndarray | None:
        """Return what is heard of an utterance, (samples,) float32; None if it is too short."""
        # A copy: a view would keep the whole recording in memory.
        return sound[: round(LONGEST * SAMPLE_RATE)].copy() if len(sound) >= SHORTEST else None

    @torch.inference_mode()
    def encode(self, sounds: Sequence[np.ndarray]) -> np.ndarray:
        """Return the features, (N, width) float32, of N utterances' sound."""
        out = np.empty((len(sounds), self.width), np.float32)
        for rows in track(self._batches([len(x) for x in sounds]), "batches of sounds"):
            out[rows] = self._batch([sounds[n] for n in rows]).cpu().numpy()
        return out

    def _batches(self, lengths: Sequence[int]) -> list[np.ndarray]:
        seconds = BUDGET.get(torch.device(self.device).type, BUDGET_ELSEWHERE)
        if self.is_whisper:  # hears 30 seconds, whatever there is
            return by_length([round(LONGEST * SAMPLE_RATE)] * len(lengths), seconds * SAMPLE_RATE)
        batches = by_length(lengths, seconds * SAMPLE_RATE)
        if getattr(self.model.config, "feat_extract_norm", "layer") != "group":
            return batches
        # Their first layer normalises over time, and would count the padding: none is made.
        parts = (
            np.split(rows, np.flatnonzero(np.diff([lengths[n] for n in rows])) + 1)
            for rows in batches
        )
        return [rows for batch in parts for rows in batch]

    def _batch(self, sounds: Sequence[np.ndarray]) -> Tensor:
        read = self.reader(
            list(sounds),
            sampling_rate=SAMPLE_RATE,
            padding="max_length" if self.is_whisper else True,
            return_attention_mask=True,
            return_tensors="pt",
        )
        mask = read.pop("attention_mask").to(self.device)
        values = next(iter(read.values())).to(self.device, DTYPES[self.dtype])
        states = self._states(values, mask)
        weight = self._weight(states, mask).unsqueeze(-1).float()
        return (states.float() * weight).sum(1) / weight.sum(1)

    def _states(self, values: Tensor, mask: Tensor) -> Tensor:
        if self.is_whisper:
            return self.model(values).last_hidden_state
        # Without padding no mask: models that were trained without would take it for noise.
        needed = None if bool(mask.all()) else mask
        with warnings.catch_warnings():  # transformers' WavLM gives torch masks of two types
            warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask")
            return self.model(values, attention_mask=needed).last_hidden_state

    def _weight(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return which states, (B, T), are of sound and not of padding."""
        if mask.shape[1] == states.shape[1]:
            return mask
        if self.is_whisper:
            return mask[:, ::2][:, : states.shape[1]]  # two frames a state
        return self.model._get_feature_vector_attention_mask(states.shape[1], mask)


def _refuse_other(path: Path, reader: Any, model: Any, is_whisper: bool) -> None:
    rate = getattr(reader, "sampling_rate", None)
    if rate != SAMPLE_RATE:
        raise InputError(
            f"{path}: reads sound at {rate} Hz, expected a model of speech at {SAMPLE_RATE} Hz"
        )
    reads_frames = getattr(model, "main_input_name", "") == "input_features"
    if not (is_whisper or reads_frames or hasattr(model, "_get_feature_vector_attention_mask")):
        raise InputError(
            f"{path}: {type(model).__name__} is no encoder of speech that is known here, expected "
            "one like WavLM, HuBERT, wav2vec 2.0 or Whisper"
        )
