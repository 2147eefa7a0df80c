"""How a text encoder is fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass

from ariigcn_dgl.limits import (
    Fraction,
    NotNegativeFloat,
    NotNegativeInt,
    PositiveFloat,
    PositiveInt,
)


@dataclass(frozen=True)
class TextTraining:
    """How the text encoder is fine-tuned; with 0 epochs it is not.

    Parameters
    ----------
    epochs : int
        The one that is best on val is kept.
    learning_rate : float
        Highest of AdamW; 2e-5 suits encoders of base size, 1e-5 large ones, 1e-4 small ones.
    batch_size : int
        Utterances.
    warmup : float
        Share of the steps in which the rate rises; then it falls to 0.
    weight_decay : float
    clip : float
        Largest norm of a gradient.
    context : int
        Utterances of the dialogue before it that are read with each; never any after it.
    speaker_names : bool
        Begin each utterance with its speaker's name in capitals.
    folds : int
        Parts of train, by dialogue, whose features come from an encoder that was trained on the
        others; 0: from the one that saw their labels.
    freeze : int
        Lowest layers that do not learn, and the embeddings with them.
    seed : int
        Decides the classifier's first weights, order, dropout and folds.
    """

    epochs: NotNegativeInt = 0
    learning_rate: PositiveFloat = 2e-5
    batch_size: PositiveInt = 32
    warmup: Fraction = 0.1
    weight_decay: NotNegativeFloat = 0.01
    clip: PositiveFloat = 1.0
    context: NotNegativeInt = 0
    speaker_names: bool = False
    folds: NotNegativeInt = 5
    freeze: NotNegativeInt = 0
    seed: NotNegativeInt = 0
