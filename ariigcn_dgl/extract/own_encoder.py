"""Encoders of other packages: what makes features of words, sound or pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.log_mel import log_mel
from ariigcn_dgl.plugins import Registry, origin


class Encoder:
    """Makes features of one modality; subclasses set `modality` and `width`, and define `encode`.

    A visual one is shown the pictures of one utterance at a time, while they are decoded: `times`
    says which, and `prepare` makes of each what is kept until the utterance is complete. Of sound,
    `prepare` makes what is kept until all utterances are complete.

    Parameters
    ----------
    device : str
        Where it is to compute.

    Attributes
    ----------
    modality : {"text", "audio", "visual"}
    width : int
        Columns of the features.
    """

    modality: ClassVar[str]
    width: int
    pictures: ClassVar[int] = 8  # of an utterance

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def encode(self, inputs: Sequence[Any]) -> np.ndarray:
        """Return the features.

        Parameters
        ----------
        inputs : sequence
            Of "text": N texts, none empty; of "audio": what `prepare` made of N utterances, their
            log-mel frames, (T, mels) float32, unless it is overridden; of "visual": what `prepare`
            made of one utterance's pictures.

        Returns
        -------
        (N, width) float32 array
            Of "visual" (width,).
        """
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Return what decides the features beside the class: compared before they are made again.

        Of what JSON knows, as a hash of the weights.
        """
        return {}

    def times(self, start: float, end: float) -> list[float]:
        """Return when to look, in seconds: the middles of equal parts of the utterance."""
        step = (end - start) / self.pictures
        return [start + (n + 0.5) * step for n in range(self.pictures)] if step else [start]

    def prepare(self, seen: np.ndarray) -> Any:
        """Return what `encode` is given of a picture, or of an utterance's sound.

        Parameters
        ----------
        seen : (H, W, 3) uint8 or (samples,) float32 array
            A picture; sound of one channel, 16,000 samples a second.

        Returns
        -------
        Any
            None, of sound that is too short: the utterance's audio counts as missing.
        """
        return log_mel(seen) if self.modality == "audio" else seen

    def describe(self) -> dict[str, Any]:
        """Return what decides the features, and where the class came from."""
        named = next((n for n, k in ENCODERS.items() if k is type(self)), "")
        return {
            "encoder": type(self).__qualname__,
            "plugin": origin(ENCODERS, named),
            "width": self.width,
            "settings": self.settings(),
        }


ENCODERS = Registry[Encoder]("encoder", Encoder, {})


def make_encoder(name: str, modality: str, device: str) -> Encoder:
    """Return an encoder of another package.

    Raises
    ------
    InputError
        If it cannot be had, is of another modality, or has no width.
    """
    kind = ENCODERS[name]
    if getattr(kind, "modality", None) != modality:
        found = getattr(kind, "modality", "none")
        raise InputError(f"--{modality}: {name} is an encoder of {found}, not of {modality}")
    made = kind(device)
    if not isinstance(getattr(made, "width", None), int):
        raise InputError(f"--{modality}: {name} has no width: the number of columns it makes")
    return made
