"""Audio features: a Bi-LSTM with attention and a linear layer over log-mel frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.identity import weights_sha256
from ariigcn_dgl.extract.log_mel import MELS, log_mel, settings
from ariigcn_dgl.files import parse_json, replacing
from ariigcn_dgl.progress import track

FORMAT = "ariigcn-audio-encoder-1"
BATCH_SIZE = 32  # utterances


class AudioEncoder(nn.Module):
    r"""The paper's audio encoder: Bi-LSTM, attention over time, fully connected layer.

    .. math::
        h_t = \mathrm{BiLSTM}(x)_t, \qquad
        a_t = \mathrm{softmax}_t\big(w^\top \tanh(W h_t)\big), \qquad
        \xi_a = \tanh\Big(U \sum_t a_t h_t + b\Big)

    The frames are standardised by band, with statistics of the training split. The paper prints
    neither sizes nor the last activation; they are ours.

    Parameters
    ----------
    hidden_dim : int
        Width of the LSTM's state in each direction.
    width : int
        Width of the features.

    Examples
    --------
    >>> encoder = AudioEncoder(hidden_dim=8, width=5)
    >>> encoder([torch.zeros(9, MELS), torch.zeros(4, MELS)]).shape
    torch.Size([2, 5])
    """

    modality = "audio"
    mean: Tensor
    std: Tensor

    def __init__(self, hidden_dim: int = 64, width: int = 100) -> None:
        super().__init__()
        self.width = width
        self.learnt: dict[str, Any] = {}  # what it was trained on and how well it then did
        self.register_buffer("mean", torch.zeros(MELS))
        self.register_buffer("std", torch.ones(MELS))
        self.lstm = nn.LSTM(MELS, hidden_dim, bidirectional=True, batch_first=True)
        self.attend = nn.Sequential(
            nn.Linear(2 * hidden_dim, hidden_dim), nn.Tanh(), nn.Linear(hidden_dim, 1)
        )
        self.project = nn.Linear(2 * hidden_dim, width)

    def forward(self, frames: Sequence[Tensor]) -> Tensor:
        """Return the features, (B, width), of B utterances' frames, (T, `MELS`) each.

        The frames may lie on the CPU; the features lie where the encoder does.
        """
        device = self.mean.device
        lengths = torch.tensor([len(x) for x in frames])  # packing wants them on the CPU
        x = (pad_sequence(list(frames), batch_first=True).to(device) - self.mean) / self.std
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]  # (B, T, 2 H)
        exists = (torch.arange(states.size(1)) < lengths.unsqueeze(1)).to(device)
        scores = self.attend(states).squeeze(-1).masked_fill(~exists, -torch.inf)
        pooled = (scores.softmax(1).unsqueeze(1) @ states).squeeze(1)
        return self.project(pooled).tanh()

    @staticmethod
    def prepare(sound: np.ndarray) -> np.ndarray | None:
        """Return the frames of sound, (samples,) float32 at 16 kHz; see `log_mel`."""
        return log_mel(sound)

    @torch.inference_mode()
    def encode(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """Return the features, (N, width) float32, of N utterances' frames."""
        self.eval()
        order = sorted(range(len(frames)), key=lambda n: len(frames[n]))  # little padding
        out = np.empty((len(frames), self.width), np.float32)
        for start in track(range(0, len(order), BATCH_SIZE), "batches of sounds"):
            rows = order[start : start + BATCH_SIZE]
            out[rows] = self([torch.from_numpy(frames[n]) for n in rows]).cpu().numpy()
        return out

    def describe(self) -> dict[str, Any]:
        """Return what decides the features."""
        return {
            "encoder": "Bi-LSTM with attention over log-mel frames",
            "weights_sha256": weights_sha256(self),
            **settings(),
            "width": self.width,
            "learnt": self.learnt,
        }


def save_encoder(encoder: AudioEncoder, path: Path) -> None:
    """Write an audio encoder as one safetensors file."""
    # One entry, because safetensors writes several in any order.
    metadata = {FORMAT: json.dumps({"frames": settings(), "learnt": encoder.learnt})}
    with replacing(path) as scratch:
        save_file(encoder.state_dict(), scratch, metadata)


def load_encoder(path: Path, device: str = "cpu") -> AudioEncoder:
    """Read what `save_encoder` wrote.

    Parameters
    ----------
    path : Path
    device : str
        Where the encoder is to compute.

    Raises
    ------
    InputError
        If the file is missing, damaged, something else, or made for other frames.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as an audio encoder: {error}") from error
    if FORMAT not in metadata:
        raise InputError(
            f"{path}: not an audio encoder: expected a file that ariigcn extract --audio train made"
        )
    header = parse_json(metadata[FORMAT], str(path))
    if header.get("frames") != settings():
        raise InputError(f"{path}: made for other log-mel frames than this program's")
    try:
        width, doubled = weights["project.weight"].shape
        encoder = AudioEncoder(doubled // 2, width)
        encoder.load_state_dict(weights)
    except (KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: damaged: the weights are not an audio encoder's") from error
    encoder.learnt = header.get("learnt", {})
    return encoder.eval().to(device)
