"""Train the audio encoder on labelled utterances."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import f1_score
from torch import Tensor, nn

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.audio import BATCH_SIZE, AudioEncoder
from ariigcn_dgl.limits import NotNegativeInt, PositiveFloat, PositiveInt
from ariigcn_dgl.notes import Note
from ariigcn_dgl.progress import track

DROPOUT = 0.3  # on the features, while they are learnt
GRAD_CLIP = 5.0


@dataclass(frozen=True)
class AudioTraining:
    """How the audio encoder is trained.

    Parameters
    ----------
    hidden_dim, width : int
        See `AudioEncoder`.
    epochs : int
    learning_rate : float
        Of Adam.
    seed : int
        Decides initial weights, order and dropout.
    """

    hidden_dim: PositiveInt = 64
    width: PositiveInt = 100
    epochs: PositiveInt = 30
    learning_rate: PositiveFloat = 1e-3
    seed: NotNegativeInt = 0

    @staticmethod
    def prepare(sound: np.ndarray) -> np.ndarray | None:
        """Return the frames that the encoder will be trained on; see `AudioEncoder.prepare`."""
        return AudioEncoder.prepare(sound)


def train_encoder(
    frames: Sequence[np.ndarray | None],
    labels: np.ndarray,
    splits: np.ndarray,
    config: AudioTraining,
    note: Note,
    device: str = "cpu",
) -> AudioEncoder:
    """Return an audio encoder that was trained to tell the classes from sound alone.

    It learns from the split train; the epoch with the best weighted F1 on val is kept. The split
    test is never used. Features of the training split come out better than those of new
    utterances, because the encoder has seen their labels; what is trained on them later inherits
    that.

    Parameters
    ----------
    frames : sequence of (T, MELS) arrays or None
        Log-mel frames of N utterances; None where there is no sound.
    labels : (N,) int array
        Class, negative where unknown.
    splits : (N,) str array
    config : AudioTraining
    note : callable
        Gets a sentence about the result.
    device : str
        Where to train; the encoder remains there.

    Raises
    ------
    InputError
        If train has fewer than two labelled classes with sound, or val none.
    """
    heard = np.array([x is not None for x in frames], bool) & (labels >= 0)
    train, val = (np.flatnonzero(heard & (splits == split)) for split in ("train", "val"))
    if len(np.unique(labels[train])) < 2 or not len(val):
        raise InputError(
            f"--audio train: {len(train)} labelled utterances with sound in train and {len(val)} "
            "in val, expected two classes in train and some in val: label them (--utterances), or "
            "give the file of an encoder that was trained before"
        )
    with torch.random.fork_rng([device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(config.seed)
        encoder = AudioEncoder(config.hidden_dim, config.width)
        head = nn.Linear(config.width, int(labels.max()) + 1)
        encoder.to(device)  # after its weights were drawn: they are the same on every device
        head.to(device)
        heard_in_train = [x for x in (frames[n] for n in train.tolist()) if x is not None]
        _standardise(encoder, heard_in_train)
        tensors = [None if x is None else torch.from_numpy(x) for x in frames]
        best, epoch = _fit(encoder, head, tensors, torch.from_numpy(labels), train, val, config)
    note(
        f"audio encoder: trained on {len(train)} utterances, weighted F1 {100 * best:.1f} on the "
        f"{len(val)} of val, from sound alone, after epoch {epoch} of {config.epochs}"
    )
    encoder.learnt = {
        **asdict(config),
        "train_utterances": len(train),
        "val_utterances": len(val),
        "val_weighted_f1": 100 * best,
        "epoch": epoch,
    }
    return encoder.eval()


def _standardise(encoder: AudioEncoder, frames: Sequence[np.ndarray]) -> None:
    rows = np.concatenate(frames)
    encoder.mean.copy_(torch.from_numpy(rows.mean(0)))
    encoder.std.copy_(torch.from_numpy(rows.std(0)).clamp(min=1e-3))


def _fit(
    encoder: AudioEncoder,
    head: nn.Linear,
    frames: Sequence[Tensor | None],
    labels: Tensor,
    train: np.ndarray,
    val: np.ndarray,
    config: AudioTraining,
) -> tuple[float, int]:
    """Train in place; return the best score on val, from 0 to 1, and its epoch."""
    parameters = [*encoder.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(parameters, config.learning_rate)
    generator = np.random.default_rng(config.seed)
    best, best_epoch, kept = -1.0, 0, {}
    for epoch in track(range(1, config.epochs + 1), "epochs of the audio encoder"):
        encoder.train()
        order = generator.permutation(train)
        for start in range(0, len(order), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            features = F.dropout(encoder([frames[n] for n in rows]), DROPOUT)
            optimiser.zero_grad()
            F.cross_entropy(head(features), labels[rows].to(features.device)).backward()
            nn.utils.clip_grad_norm_(parameters, GRAD_CLIP)
            optimiser.step()
        score = _score(encoder, head, [frames[n] for n in val], labels[val].numpy())
        if score > best:
            best, best_epoch, kept = score, epoch, copy.deepcopy(encoder.state_dict())
    encoder.load_state_dict(kept)
    return best, best_epoch


@torch.inference_mode()
def _score(
    encoder: AudioEncoder, head: nn.Linear, frames: Sequence[Tensor], labels: np.ndarray
) -> float:
    features = encoder.encode([x.numpy() for x in frames])
    found = head(torch.from_numpy(features).to(head.weight.device)).argmax(1).cpu().numpy()
    return float(f1_score(labels, found, average="weighted", zero_division=0))
