"""Sound is encoded whenever much of it waits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ariigcn_dgl.extract.sounds import Sounds


class _Mean:
    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode(self, sounds: Sequence[np.ndarray]) -> np.ndarray:
        self.batches.append(len(sounds))
        return np.array([[x.mean()] for x in sounds])


def test_rows_are_encoded_once_each_when_enough_waits() -> None:
    encoder = _Mean()
    sounds = Sounds(encoder, 5, most_bytes=100)
    sounds.add([3, 0], [np.full(8, 3.0), np.zeros(4)])  # 96 bytes wait
    assert encoder.batches == []
    sounds.add([2, 1], [None, np.ones(4)])
    sounds.add([4], [np.full(2, 4.0)])
    sounds.finish()
    sounds.finish()
    assert encoder.batches == [3, 1]
    assert [row if row is None else row.tolist() for row in sounds.rows] == [
        [0],
        [1],
        None,
        [3],
        [4],
    ]


def test_without_an_encoder_all_is_kept() -> None:
    sounds = Sounds(None, 2, most_bytes=0)
    sounds.add([1], ["frames"])
    sounds.finish()
    assert sounds.rows == [None, "frames"]
