"""What a caller of `ariigcn_dgl.fit` hears of a training: an epoch's figures, and who gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class Epoch:
    """An epoch that has ended; printed it is one line.

    Parameters
    ----------
    seed : int
        Of the training.
    number : int
        From 1.
    of : int
        Number of epochs, if nothing stops the training before.
    figures : mapping of str to float
        The mean of each loss, and in percent ``val_weighted_f1``, ``val_accuracy`` and
        ``val_macro_f1``, which epochs of the TGAN alone have not. A copy: to change it changes
        nothing.

    Examples
    --------
    >>> print(Epoch(0, 3, 60, {"classification": 1.25, "val_weighted_f1": 51.5}))
    seed 0 epoch 3 of 60: classification 1.250 val_weighted_f1 51.500
    """

    seed: int
    number: int
    of: int
    figures: Mapping[str, float]

    def __str__(self) -> str:
        said = " ".join(f"{name} {value:.3f}" for name, value in self.figures.items())
        return f"seed {self.seed} epoch {self.number} of {self.of}: {said}"


Callback = Callable[[Epoch], object]


class StopTraining(Exception):  # noqa: N818, it is no error
    """Raised by a callback: end this seed's training as if it had no more epochs.

    The weights that are kept by then are scored. Before an epoch has been validated there are none:
    then training goes on until there are.
    """


class Logger(Protocol):
    """Keeps what trainings say, in a place of its own.

    Of each seed `begin` is called once, then `log` after every epoch, then `end`. Of a seed that
    had ended before, none of them is.
    """

    def begin(self, folder: Path, settings: Mapping[str, Any], history: Sequence[Epoch]) -> None:
        """Begin with a seed.

        Parameters
        ----------
        folder : Path
            Of the seed, in the run folder.
        settings : mapping
            All settings, nested: system, model, training.
        history : sequence of Epoch
            What an earlier process trained, where this one goes on; `log` is not called for these.
        """

    def log(self, epoch: Epoch) -> None:
        """Take an epoch."""

    def end(self, record: Mapping[str, Any] | None) -> None:
        """End with a seed.

        Parameters
        ----------
        record : mapping or None
            Content of its ``run.json``; None where an exception ended it.
        """
