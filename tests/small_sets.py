"""Synthetic data sets that are made, and learned from, in a blink."""

from __future__ import annotations

from typing import Any

from ariigcn_dgl.data import SynthConfig, SynthModality


def small_config(name: str, missing: float = 0.0, **others: Any) -> SynthConfig:
    """Return settings of short dialogues, narrow features and emotions that are easy to tell."""

    def modality(width: int) -> SynthModality:
        return SynthModality(width, strength=1.4, trait=0.3, drift=0.1, missing=missing)

    lengths = {"length_mean": 6, "length_sd": 2, "length_min": 4, "length_max": 9}
    widths = {"text": modality(6), "audio": modality(4), "visual": modality(5)}
    return SynthConfig(name=name, **widths, **lengths | others)
