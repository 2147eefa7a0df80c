"""The picture of sound that the audio encoder reads: log-mel frames."""

from __future__ import annotations

import numpy as np

from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.extract.mel import MelBands, mel_power

WINDOW, HOP, MELS = 512, 256, 64  # samples (32 and 16 ms), bands
LOWEST, HIGHEST = 50.0, 7600.0  # Hz
BANDS = MelBands(WINDOW, HOP, MELS, LOWEST, HIGHEST, centred=False)
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
    return mel_power(sound, BANDS).clamp(min=FLOOR).log().numpy()
