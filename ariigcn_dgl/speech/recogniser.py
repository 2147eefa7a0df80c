"""What a recogniser is: from sound to words or sentences with their times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Piece:
    """A word, or a sentence of a recogniser that tells no times of words.

    Parameters
    ----------
    start, end : float
        Seconds from the beginning of the sound.
    text : str
        With the space before it, where the language has one between words.
    """

    start: float
    end: float
    text: str


class Recogniser(Protocol):
    """Turns speech into pieces of text."""

    name: str

    def recognise(self, sound: np.ndarray) -> list[Piece]:
        """Return the pieces of one stretch of speech, in order.

        Parameters
        ----------
        sound : (samples,) float32 array
            One channel at 16 kHz, at most 28 s.
        """

    def notes(self) -> list[str]:
        """Return what is to be said of all that it has recognised."""
