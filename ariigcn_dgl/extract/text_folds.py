"""Features of training texts from encoders that did not see their labels, in one space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.text_fitting import fitting
from ariigcn_dgl.extract.text_settings import TextTraining
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.extract.turns import Tokens
from ariigcn_dgl.progress import track


@dataclass(frozen=True)
class FoldFeatures:
    """Features of M training utterances by K encoders, each of which did not see one fold.

    Parameters
    ----------
    fold : (M,) int array
        Of each utterance: the encoder that did not see it.
    by_encoder : (K, M, width) array
    """

    fold: np.ndarray
    by_encoder: np.ndarray

    def aligned(self, onto: np.ndarray) -> np.ndarray:
        """Return each utterance's features by the encoder that did not see it, in one space.

        Parameters
        ----------
        onto : (M, width) array
            Features by the encoder in whose space they are to lie.
        """
        out = np.empty_like(onto)
        for number, features in enumerate(self.by_encoder):
            held_out = self.fold == number
            seen = features[~held_out], onto[~held_out]
            out[held_out] = aligned(features[held_out], *seen)
        return out


def fold_features(
    encoder: TunedTextEncoder,
    tokens: Sequence[Tokens],
    labels: np.ndarray,
    rows: np.ndarray,
    dialogues: np.ndarray,
    config: TextTraining,
    epochs: int,
    start: Mapping[str, Tensor],
) -> FoldFeatures:
    """Train an encoder without each fold of the training utterances.

    Parameters
    ----------
    encoder : TunedTextEncoder
        Is left as the last of them.
    tokens : sequence of Tokens, length N
    labels : (N,) int array
        Class, negative where unknown.
    rows : (M,) int array
        The training utterances.
    dialogues : (M,) array
        Their dialogues: what is in one is in one fold.
    config : TextTraining
    epochs : int
        To stop after.
    start : mapping of str to Tensor
        The weights that all of them begin with.

    Raises
    ------
    InputError
        If there are fewer dialogues than folds.
    """
    fold = folds_of(dialogues, config.folds, config.seed)
    made = np.empty((config.folds, len(rows), encoder.width), np.float32)
    for number in track(range(config.folds), "folds of the text encoder"):
        encoder.base.model.load_state_dict(start)
        seen = rows[(fold != number) & (labels[rows] >= 0)]
        with fitting(encoder, tokens, labels, seen, config) as fit:
            for _ in track(range(epochs), "epochs of the text encoder"):
                fit.epoch()
        made[number] = encoder.encode_tokens([tokens[n] for n in rows])
    return FoldFeatures(fold, made)


def folds_of(dialogues: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Return the fold, (N,) int, of each row; those of a dialogue are in one.

    Parameters
    ----------
    dialogues : (N,) int array
        Number of each row's dialogue.
    folds : int
    seed : int

    Raises
    ------
    InputError
        If there are fewer dialogues than folds.

    Examples
    --------
    >>> folds_of(np.array([0, 0, 1, 2, 2, 3]), 2, seed=0)
    array([1, 1, 0, 0, 0, 1])
    """
    names, place = np.unique(dialogues, return_inverse=True)
    if len(names) < folds:
        raise InputError(
            f"--text_training.folds: is {folds}, expected at most {len(names)}, the dialogues of "
            "train with text, or 0"
        )
    fold = np.empty(len(names), np.int64)
    fold[np.random.default_rng(seed).permutation(len(names))] = np.arange(len(names)) % folds
    return fold[place]


def aligned(features: np.ndarray, seen: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """Turn and shift features of one encoder to where another one's lie.

    The orthogonal Procrustes map: no distance between two of the features changes.

    Parameters
    ----------
    features : (N, D) array
        To be moved.
    seen, onto : (M, D) arrays
        Features of other utterances by this encoder, and by the one whose space is wanted.

    Examples
    --------
    >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> turned = square @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 5
    >>> np.allclose(aligned(turned, turned, square), square)
    True
    """
    center, target = seen.mean(0, dtype=np.float64), onto.mean(0, dtype=np.float64)
    left, _, right = np.linalg.svd((seen - center).T @ (onto - target))
    return ((features - center) @ (left @ right) + target).astype(features.dtype)
