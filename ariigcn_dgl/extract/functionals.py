"""Audio features: statistics of pitch, loudness, voice quality and spectrum, by openSMILE."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.optional import installed_version, require

NAME = "opensmile"
LICENCE = "audEERING Research License: research and personal use only, no use in products"


class Functionals:
    """The functionals of one of openSMILE's feature sets, over a whole utterance.

    openSMILE is free for research and personal use; neither it nor features made with it may be
    used in products (its LICENSE).

    Parameters
    ----------
    feature_set : str
        As openSMILE names it: eGeMAPSv02 (88 features), GeMAPSv01b, ComParE_2016, emobase, IS10 ...

    Raises
    ------
    InputError
        If openSMILE is missing, or has no such set.
    """

    modality = "audio"

    def __init__(self, feature_set: str) -> None:
        opensmile = require(NAME, "opensmile")
        sets = opensmile.FeatureSet.__members__
        if feature_set not in sets:
            raise InputError(
                f"--audio {NAME}:{feature_set}: expected one of {', '.join(sets)}"
                f"{did_you_mean(feature_set, sets)}"
            )
        self.feature_set = feature_set
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets that later ones replace: people compare
            self._smile = opensmile.Smile(
                sets[feature_set], opensmile.FeatureLevel.Functionals, loglevel=0
            )
        self.width: int = len(self._smile.feature_names)

    def describe(self) -> dict[str, Any]:
        """Return what decides the features, and where the encoder came from."""
        return {
            "encoder": "openSMILE functionals",
            "name": f"{NAME}:{self.feature_set}",
            "package": NAME,
            "version": installed_version(NAME),
            "licence": LICENCE,
            "feature_set": self.feature_set,
            "sample_rate": SAMPLE_RATE,
            "width": self.width,
        }

    def prepare(self, sound: np.ndarray) -> np.ndarray | None:
        """Return the features, (width,) float32, of sound; None where it is too short for them."""
        if not len(sound):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sound that is too short
            # openSMILE makes 16 bits of it, where 1 would come out as -1.
            loud = np.clip(sound, -1, 1 - 2.0**-15)
            found = self._smile(loud, SAMPLE_RATE)[0, :, 0].astype(np.float32)
        return found if np.isfinite(found).all() else None

    def encode(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """Return the features, (N, width) float32, of what `prepare` made of N utterances."""
        return np.stack(rows).astype(np.float32)
