"""Refuse settings out of range before anything is trained or written."""

from __future__ import annotations

import math
from operator import attrgetter

from ariigcn_dgl.data import MODALITIES, Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.run_config import RunConfig, most_speakers

# Names are the options of `ariigcn train`, and of its config file.
AT_LEAST_1 = (
    "model.hidden_dim",
    "model.head_dim",
    "model.window.num_speakers",
    "training.epochs",
    "training.batch_size",
    "training.patience",
)
NOT_NEGATIVE = (
    "model.window.past",
    "model.window.future",
    "model.adversarial_weight",
    "model.iccl_weight",
    "model.imcl_weight",
    "model.auxiliary_weight",
    "model.projection_dim",
    "training.weight_decay",
    "training.adversarial_epochs",
)
POSITIVE = ("model.temperature", "training.learning_rate", "training.grad_clip")
BELOW_1 = (
    "model.encoder_dropout",
    "model.input_dropout",
    "model.graph_dropout",
    "model.context_dropout",
    "model.head_dropout",
    "training.ema_decay",
)
RANGES = (
    (AT_LEAST_1, lambda value: value >= 1, "at least 1"),
    (NOT_NEGATIVE, lambda value: 0 <= value < math.inf, "a number that is not negative"),
    (POSITIVE, lambda value: 0 < value < math.inf, "a positive number"),
    (BELOW_1, lambda value: 0 <= value < 1, "a number from 0 to below 1"),
)


def check_config(config: RunConfig, dialogues: Dialogues) -> None:
    """Raise where a setting is out of range or does not fit the dialogues.

    Parameters
    ----------
    config : RunConfig
        Resolved for these dialogues.
    dialogues : Dialogues

    Raises
    ------
    InputError
        Names the option, its value and the range.

    Examples
    --------
    >>> from ariigcn_dgl.config import TrainingConfig
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> config = RunConfig(training=TrainingConfig(epochs=0))
    >>> check_config(config, synthesise(SynthConfig()))
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --training.epochs: is 0, expected at least 1
    """
    for options, holds, expected in RANGES:
        for option in options:
            value = attrgetter(option)(config)
            if not holds(value):
                raise InputError(f"--{option}: is {value}, expected {expected}")
    _check_modalities(config)
    _check_speakers(config, dialogues)


def _check_modalities(config: RunConfig) -> None:
    unknown = set(config.model.speaker_relative) - set(MODALITIES)
    if unknown:
        raise InputError(
            f"--model.speaker_relative: unknown modality '{min(unknown)}', "
            f"expected of {', '.join(MODALITIES)}"
        )


def _check_speakers(config: RunConfig, dialogues: Dialogues) -> None:
    window, found = config.model.window, most_speakers(dialogues)
    if window.relations == "pairs" and found > window.num_speakers:
        raise InputError(
            f"--model.window.num_speakers: is {window.num_speakers}, but a dialogue of "
            f"{dialogues.name} has {found} speakers: raise it, or use "
            "--model.window.relations speaker"
        )
