"""Refuse settings out of range before anything is trained or written."""

from __future__ import annotations

import torch

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.limits import check_limits
from ariigcn_dgl.training.run_config import RunConfig


def check_config(config: RunConfig, dialogues: Dialogues) -> None:
    """Raise where a setting is out of range or does not fit the others or the dialogues.

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
    check_limits(config.model, "--model")
    check_limits(config.training, "--training")
    _check_speakers(config, dialogues)
    _check_that_it_can_be_built(config, dialogues)


def _check_speakers(config: RunConfig, dialogues: Dialogues) -> None:
    window, found = getattr(config.model, "window", None), dialogues.most_speakers
    if window is not None and window.relations == "pairs" and found > window.num_speakers:
        raise InputError(
            f"--model.window.num_speakers: is {window.num_speakers}, but a dialogue of "
            f"{dialogues.name} has {found} speakers: raise it, or use "
            "--model.window.relations speaker"
        )


def _check_that_it_can_be_built(config: RunConfig, dialogues: Dialogues) -> None:
    try:
        with torch.device("meta"):  # takes no memory and draws no random numbers
            config.build(dialogues.widths, dialogues.num_classes)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"--model: {error}") from error
