"""The resolved settings of a run, and their file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from jsonargparse import ArgumentError, ArgumentParser

from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_text, replacing
from ariigcn_dgl.models import ARIIGCNConfig

CONFIG_FILE = "config.yaml"


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run's numbers, besides the data set and the seed.

    Parameters
    ----------
    model : ARIIGCNConfig
    training : TrainingConfig
    """

    model: ARIIGCNConfig = field(default_factory=ARIIGCNConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def resolved(self, dialogues: Dialogues) -> RunConfig:
        """Return the settings with those that depend on the data filled in."""
        window = self.model.window.resolved(most_speakers(dialogues))
        return replace(self, model=replace(self.model, window=window))

    def adversarial_epochs(self, num_modalities: int) -> int:
        """Return the number of epochs that train the TGAN alone; one modality has no TGAN."""
        staged = self.model.adversarial == "staged" and num_modalities > 1
        return self.training.adversarial_epochs if staged else 0


def most_speakers(dialogues: Dialogues) -> int:
    """Return the largest number of speakers in a dialogue."""
    return max(
        len(np.unique(dialogues.speakers[dialogues.rows(b)]))
        for b in range(dialogues.num_dialogues)
    )


def _parser() -> ArgumentParser:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--model", type=ARIIGCNConfig)
    parser.add_argument("--training", type=TrainingConfig)
    return parser


def write_config(path: Path, config: RunConfig) -> None:
    """Write the settings as YAML that ``ariigcn train --config`` takes, too."""
    parser = _parser()
    text = parser.dump(parser.parse_object(asdict(config)))
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def read_config(path: Path) -> RunConfig:
    """Read what `write_config` wrote.

    Raises
    ------
    InputError
        If the file is missing, truncated, or holds something else.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; is {path.parent} the folder of a run?")
    parser = _parser()
    try:
        found = parser.parse_string(read_text(path), defaults=False)
        config = RunConfig(**vars(parser.instantiate(found)))
    except (ArgumentError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not the settings of a run: {reason}") from error
    complete = parser.parse_object(asdict(config))
    missing = sorted({*complete.keys()} - {*found.keys()})
    if missing:  # defaults in their place would be another model
        raise InputError(f"{path}: truncated or damaged: lacks {missing[0]}")
    return config
