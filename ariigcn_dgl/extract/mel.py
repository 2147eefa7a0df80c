"""The power of sound in mel bands, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.optional import require


@dataclass(frozen=True)
class MelBands:
    """How sound becomes frames.

    Parameters
    ----------
    window, hop : int
        Samples of a frame, and from one to the next.
    bands : int
    lowest, highest : float
        Hz.
    centred : bool
        Whether a frame is around its sample, the ends filled up with silence, or begins there.
    """

    window: int
    hop: int
    bands: int
    lowest: float
    highest: float
    centred: bool


def mel_power(sound: np.ndarray, how: MelBands) -> Tensor:
    """Return the power, (T, bands) float32, of sound, (samples,) at `SAMPLE_RATE`."""
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(sound, np.float32)),
        n_fft=how.window,
        hop_length=how.hop,
        window=torch.hann_window(how.window),
        center=how.centred,
        pad_mode="constant",
        return_complex=True,
    )
    return spectrum.abs().square().T @ _filters(how)


@cache
def _filters(how: MelBands) -> Tensor:
    """Return the mel filters, (window / 2 + 1, bands)."""
    bank = require("transformers.audio_utils", "extract").mel_filter_bank(
        num_frequency_bins=how.window // 2 + 1,
        num_mel_filters=how.bands,
        min_frequency=how.lowest,
        max_frequency=how.highest,
        sampling_rate=SAMPLE_RATE,
        norm="slaney",
        mel_scale="slaney",
    )
    return torch.from_numpy(bank).float()
