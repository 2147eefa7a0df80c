"""Settings of a training run that do not belong to a model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

from ariigcn_dgl.data.fill import FillKind
from ariigcn_dgl.limits import (
    Fraction,
    Limit,
    NotNegativeFloat,
    NotNegativeInt,
    PositiveFloat,
    PositiveInt,
    Share,
)

TargetWeights = Annotated[
    dict[str, float],
    Limit(
        "a finite weight that is not negative for each target",
        lambda x: all(0 <= weight < math.inf for weight in x.values()),
    ),
]


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained; the defaults are the paper's.

    Parameters
    ----------
    epochs : int
        Most epochs.
    batch_size : int
        Dialogues in a batch.
    learning_rate : float
        Of Adam; of the discriminators, too.
    weight_decay : float
        L2 penalty of Adam; with `decoupled_decay` AdamW's decay, on matrices only.
    decoupled_decay : bool
        Use AdamW.
    cosine : bool
        Warm up over the first epoch, then lower the learning rate along a cosine to 5 %.
    grad_clip : float
        Largest norm of the gradient.
    patience : int
        Stop after this many epochs without a better score on validation.
    selection : {"best", "last"}
        Whose weights are kept: those of the epoch with the best score on validation, or those of
        the last epoch, for a schedule whose length was itself chosen on validation data.
    metric : str
        The score that epochs are compared by: of classes weighted_f1, accuracy or macro_f1; of
        others as docs/data.md lists them, for example mae, or vad.ccc to name the target, too.
        Default: that of the first target, weighted_f1 of classes.
    target_weights : dict of str to float
        Weight of each target's loss, by its name; those that are not named have 1.
    regression_loss : {"mae", "mse", "huber", "ccc"}
        Loss of numbers, in their standard deviations: mean absolute, squared or Huber error, or 1
        less the concordance correlation.
    class_weights : bool
        Weight the classes in the cross entropy by their inverse training frequency.
    ema_decay : float
        Validate and test the exponential moving average of the weights, with this decay; 0: the
        weights themselves.
    modality_dropout : float
        Probability that a dialogue in training is shown without a modality; one is always left.
    label_share : float
        Share of the training dialogues whose labels are seen, chosen by the seed; the others are
        trained on as unlabelled ones. To find out what helps where labels are few.
    missing : {"zero", "speaker_mean", "reconstruct"}
        What a model is shown where a modality is missing, in training, validation and test: "zero":
        nothing, as the systems leave it out; "speaker_mean": the mean of the speaker's utterances
        in the dialogue that have it, else of the training split; "reconstruct": a ridge regression
        from the modalities that are there, fitted on the training split.
    amp : bool
        Compute in bfloat16 what `torch.autocast` knows to bear it; weights and losses stay float32.
    adversarial_epochs : int
        Epochs of the TGAN alone, before the rest, in the schedule "staged".
    """

    epochs: PositiveInt = 60
    batch_size: PositiveInt = 16  # the best of those that the paper compares (VI-G)
    learning_rate: PositiveFloat = 5e-4
    weight_decay: NotNegativeFloat = 1e-5
    decoupled_decay: bool = False
    cosine: bool = False
    grad_clip: PositiveFloat = 5.0  # this and what follows the paper does not name
    patience: PositiveInt = 20
    selection: Literal["best", "last"] = "best"
    metric: str = ""
    target_weights: TargetWeights = field(default_factory=dict)
    regression_loss: Literal["mae", "mse", "huber", "ccc"] = "mae"
    class_weights: bool = False
    ema_decay: Fraction = 0.0
    modality_dropout: Fraction = 0.0
    label_share: Share = 1.0
    missing: FillKind = "zero"
    amp: bool = False
    adversarial_epochs: NotNegativeInt = 10
