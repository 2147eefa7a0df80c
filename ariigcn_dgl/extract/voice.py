"""What a voice sounds like, as a vector: GE2E's speaker encoder with Resemblyzer's weights."""

from __future__ import annotations

import pickle
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.identity import weights_sha256
from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.extract.mel import MelBands, mel_power
from ariigcn_dgl.optional import installed_version, packaged_file
from ariigcn_dgl.progress import track

NAME, LICENCE = "resemblyzer", "Apache-2.0"
WIDTH, MELS = 256, 40
WINDOW, HOP = 400, 160  # samples: 25 and 10 ms
BANDS = MelBands(WINDOW, HOP, MELS, 0.0, SAMPLE_RATE / 2, centred=True)
FRAMES = 160  # of a partial utterance, 1.6 s, which the network was trained on
_STEP = 77  # frames between partial utterances: 1.3 in a second
_COVERED = 0.75  # of the last partial utterance that must be sound
_LOUDNESS = -30.0  # dB below full scale, to which quiet sound is raised
BATCH_SIZE = 64  # partial utterances
# The package itself is not imported, and what it needs is not needed: it does not run beside the
# setuptools and scipy of today.
INSTALL = "pip install --no-deps resemblyzer"


class VoiceNetwork(nn.Module):
    """The speaker encoder of Wan et al. 2018 (GE2E, arXiv 1710.10467) as Resemblyzer trained it.

    Three layers of LSTM over mel bands; the last state, projected, cut off at 0, of length 1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(MELS, WIDTH, num_layers=3, batch_first=True)
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, mels: Tensor) -> Tensor:
        """Return the embeddings, (B, 256) of length 1, of B windows' mel frames, (B, T, 40)."""
        _, (hidden, _) = self.lstm(mels)
        return F.normalize(self.linear(hidden[-1]).relu(), dim=1)


class VoiceEncoder:
    """Make features of voices: who speaks, and how high, loud and clear the voice is.

    Of an utterance the mean of the embeddings of its partial utterances of 1.6 s, of length 1, as
    Resemblyzer's ``embed_utterance`` makes it.

    Parameters
    ----------
    device : str
        Where it is to compute.

    Raises
    ------
    InputError
        If the weights, which the wheel of Resemblyzer carries, are not installed.
    """

    modality = "audio"
    width = WIDTH

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.network = load_network().to(device)

    def prepare(self, sound: np.ndarray) -> np.ndarray | None:
        """Return the mel frames, (T, 40), that `encode` is given of sound at 16 kHz.

        Quiet sound is raised to -30 dB; sound of less than one partial utterance is filled up with
        silence. None where there is no sound.
        """
        if not len(sound):
            return None
        sound = as_loud(sound)
        last = _starts(len(sound))[-1] + FRAMES
        return mel_frames(np.pad(sound, (0, max(0, last * HOP - len(sound)))))

    def encode(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Return the features, (N, 256) float32, of what `prepare` made of N utterances."""
        out = np.empty((len(frames), WIDTH), np.float32)
        for n in track(range(len(frames)), "voices"):
            starts = range(0, max(1, len(frames[n]) - FRAMES), _STEP)
            mean = self.embed([frames[n][a : a + FRAMES] for a in starts]).mean(0)
            out[n] = mean / np.linalg.norm(mean)
        return out

    @torch.inference_mode()
    def embed(self, windows: Sequence[np.ndarray]) -> np.ndarray:
        """Return the embeddings, (N, 256) of length 1, of windows of mel frames, (T, 40) each."""
        out = np.empty((len(windows), WIDTH), np.float32)
        alike: dict[int, list[int]] = defaultdict(list)  # as long: no padding, which would be heard
        for n, window in enumerate(windows):
            alike[len(window)].append(n)
        for rows in alike.values():
            for first in range(0, len(rows), BATCH_SIZE):
                part = rows[first : first + BATCH_SIZE]
                mels = torch.from_numpy(np.stack([windows[n] for n in part])).to(self.device)
                out[part] = self.network(mels).cpu().numpy()
        return out

    def describe(self) -> dict[str, Any]:
        """Return what decides the features, and where the encoder came from."""
        return {
            "encoder": "GE2E speaker encoder",
            "name": NAME,
            "package": NAME,
            "version": installed_version(NAME),
            "licence": LICENCE,
            "weights_sha256": weights_sha256(self.network),
            "width": WIDTH,
        }


def as_loud(sound: np.ndarray) -> np.ndarray:
    """Return sound, raised to -30 dB below full scale where it is quieter."""
    power = float(np.mean(np.square(sound, dtype=np.float64)))
    wanted = 10 ** (_LOUDNESS / 10)
    return sound * np.float32((wanted / power) ** 0.5) if 0 < power < wanted else sound


def mel_frames(sound: np.ndarray) -> np.ndarray:
    """Return the power in mel bands, (T, 40) float32, of sound at 16 kHz, a frame each 10 ms."""
    return mel_power(sound, BANDS).numpy()


def load_network() -> VoiceNetwork:
    """Return the network with the weights that the wheel of Resemblyzer carries.

    Raises
    ------
    InputError
        If it is not installed, or the file is damaged.
    """
    path = packaged_file(NAME, "pretrained.pt", INSTALL)
    network = VoiceNetwork()
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        network.load_state_dict({name: weights[name] for name in network.state_dict()})
    except (OSError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise InputError(f"{path}: damaged: not Resemblyzer's weights; {INSTALL}") from error
    return network.eval()


def _starts(samples: int) -> list[int]:
    """Return the first frames of the partial utterances of so many samples of sound."""
    frames = -(-(samples + 1) // HOP)
    starts = list(range(0, max(1, frames - FRAMES + _STEP + 1), _STEP))
    if len(starts) > 1 and (samples / HOP - starts[-1]) / FRAMES < _COVERED:
        starts.pop()
    return starts
