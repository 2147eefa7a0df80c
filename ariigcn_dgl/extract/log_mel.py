"""The picture of sound that the audio encoder reads: log-mel frames."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.optional import require

WINDOW, HOP, MELS = 512, 256, 64  # samples (32 and 16 ms), bands
LOWEST, HIGHEST = 50.0, 7600.0  # Hz
FLOOR = 1e-6  # of the power, so that silence has a logarithm
LONGEST = 30.0  # seconds that are heard of an utterance


def settings() -> dict[str, float]:
    """Return what decides the frames."""
    return {
        "sample_rate": SAMPLE_RATE,
        "window": WINDOW,
        "hop": HOP,
        "mels": MELS,
        "lowest_hz": LOWEST,
        "highest_hz": HIGHEST,
        "longest_seconds": LONGEST,
    }


def log_mel(sound: np.ndarray) -> np.ndarray | None:
    """Return the log-mel frames, (T, MELS) float32, of the first `LONGEST` seconds of sound.

    None where it is shorter than one window.

    Parameters
    ----------
    sound : (samples,) float32 array
        One channel at `SAMPLE_RATE`.
    """
    sound = sound[: round(LONGEST * SAMPLE_RATE)]
    if len(sound) < WINDOW:
        return None
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(sound)),
        n_fft=WINDOW,
        hop_length=HOP,
        window=torch.hann_window(WINDOW),
        center=False,
        return_complex=True,
    )
    return (spectrum.abs().square().T @ _filters()).clamp(min=FLOOR).log().numpy()


@cache
def _filters() -> Tensor:
    """Return the mel filters, (WINDOW / 2 + 1, MELS)."""
    bank = require("transformers.audio_utils", "extract").mel_filter_bank(
        num_frequency_bins=WINDOW // 2 + 1,
        num_mel_filters=MELS,
        min_frequency=LOWEST,
        max_frequency=HIGHEST,
        sampling_rate=SAMPLE_RATE,
        norm="slaney",
        mel_scale="slaney",
    )
    return torch.from_numpy(bank).float()
