"""Refuse settings out of range before anything is trained or written."""

from __future__ import annotations

from collections.abc import Mapping

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
    check_model(config, dialogues.widths, dialogues.num_classes, "--model")


def _check_speakers(config: RunConfig, dialogues: Dialogues) -> None:
    window, found = getattr(config.model, "window", None), dialogues.most_speakers
    if window is not None and window.relations == "pairs" and found > window.num_speakers:
        raise InputError(
            f"--model.window.num_speakers: is {window.num_speakers}, but a dialogue of "
            f"{dialogues.name} has {found} speakers: raise it, or use "
            "--model.window.relations speaker"
        )


def check_model(config: RunConfig, widths: Mapping[str, int], num_classes: int, where: str) -> None:
    """Raise where no model can be built of settings.

    Parameters
    ----------
    config : RunConfig
    widths : mapping of str to int
        Of the features.
    num_classes : int
    where : str
        What comes before the reason in the message.

    Raises
    ------
    InputError
        Gives the model's own reason.
    """
    try:
        with torch.device("meta"):  # takes no memory and draws no random numbers
            config.build(widths, num_classes)
    except InputError:
        raise
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{where}: {' '.join(str(error).split())}") from error
