"""Where there is speech: Silero's network, with the weights that its wheel carries."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from ariigcn_dgl.optional import packaged_file

STEP = 512  # samples that one probability is of: 32 ms
_CONTEXT, _MIRRORED = 64, 64  # samples of the step before, and repeated at the end
_FFT, _HOP = 256, 128
_BLOCK = 2048  # steps at once: their spectra take 100 MB
INSTALL = 'pip install "ariigcn_dgl[speech]"'


class SileroNetwork(nn.Module):
    """Silero's voice activity detector, of sound at 16 kHz.

    The package itself runs one step of 32 ms after the other and, when it is imported, sets the
    threads of the whole process to one; here all steps of a recording run at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, _FFT + 2, _FFT, stride=_HOP, bias=False)
        self.conv1 = nn.Conv1d(_FFT // 2 + 1, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm = nn.LSTM(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(
        self, windows: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the probability of speech in each of successive windows, (T,), and the state.

        Parameters
        ----------
        windows : (T, 64 + 512) float32 tensor
            Steps, each with the last samples of the one before.
        state : pair of tensors, optional
            That after the windows before.
        """
        x = self.stft_conv(F.pad(windows.unsqueeze(1), (0, _MIRRORED), "reflect"))
        real, imaginary = x.split(_FFT // 2 + 1, dim=1)
        x = (real.square() + imaginary.square()).sqrt()
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = conv(x).relu()
        hidden, state = self.lstm(x.squeeze(-1), state)
        return self.final_conv(hidden.relu().unsqueeze(-1)).sigmoid().flatten(), state


@torch.inference_mode()
def speech_probabilities(sound: np.ndarray) -> np.ndarray:
    """Return how probable speech is in each `STEP` samples of sound, (T,) float32.

    Parameters
    ----------
    sound : (samples,) float32 array
        One channel at 16 kHz.

    Raises
    ------
    InputError
        If silero-vad is not installed.
    """
    if not len(sound):
        return np.empty(0, np.float32)
    network = _network()
    missing = -len(sound) % STEP
    padded = np.pad(np.asarray(sound, np.float32), (_CONTEXT, missing))
    windows = torch.from_numpy(padded).unfold(0, _CONTEXT + STEP, STEP)  # a view
    found, state = [np.empty(0, np.float32)], None
    for block in windows.split(_BLOCK):
        probabilities, state = network(block, state)
        found.append(probabilities.numpy())
    return np.concatenate(found)


@cache
def _network() -> SileroNetwork:
    path = packaged_file("silero_vad", "data/silero_vad_16k.safetensors", INSTALL)
    # Of one step, as the file has it, the LSTM is a cell.
    weights = {
        f"lstm.{name.removeprefix('lstm_cell.')}_l0" if name.startswith("lstm_cell.") else name: w
        for name, w in load_file(path).items()
    }
    network = SileroNetwork()
    network.load_state_dict(weights)
    return network.eval()
