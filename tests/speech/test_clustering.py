"""How many speakers there are, and which window is whose."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.speech.clustering import MOST, cluster


def _voices(labels: list[int], spread: float = 0.1) -> np.ndarray:
    """Return embeddings near the axis of their speaker."""
    generator = np.random.default_rng(0)
    found = np.eye(16)[labels] + generator.normal(0, spread, (len(labels), 16))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [None, 3])
def test_speakers_are_found_and_numbered_in_order_of_speaking(count: int | None) -> None:
    labels = [2] * 8 + [0] * 8 + [2] * 8 + [1] * 8
    found = cluster(_voices(labels), np.full(32, 1.6), 0.4, count)
    assert found.labels.tolist() == [0] * 8 + [1] * 8 + [0] * 8 + [2] * 8
    assert (found.count, found.fewest, found.most) == (3, 3, 3)


def test_a_cough_is_no_speaker() -> None:
    labels = [0] * 10 + [1] * 10 + [2]
    for count in (None, 2):
        found = cluster(_voices(labels), np.full(21, 1.6), 0.4, count)
        assert found.count == 2
        assert found.labels[:20].tolist() == labels[:20]


def test_short_windows_make_no_speaker_but_get_the_nearest() -> None:
    seconds = np.array([1.6] * 8 + [0.5] * 8)
    found = cluster(_voices([0] * 4 + [1] * 4 + [2] * 7 + [1]), seconds, 0.4, None)
    assert found.count == 2
    assert found.labels[-1] == 1


def test_doubt_is_told() -> None:
    one, between = np.array([1.0, 0.0]), np.array([0.70, 0.714])  # 0.30 apart
    found = cluster(np.stack([one] * 6 + [between] * 6), np.full(12, 1.6), 0.4, None)
    assert (found.fewest, found.most) == (1, 2)


def test_there_are_no_more_speakers_than_windows() -> None:
    assert cluster(_voices([0, 1]), np.full(2, 0.5), 0.4, 5).count == 2
    assert cluster(_voices([0]), np.full(1, 0.5), 0.4, 2).count == 1


def test_long_recordings_are_clustered_by_a_part_of_their_windows() -> None:
    labels = ([0] * 10 + [1] * 10) * (MOST // 10)
    found = cluster(_voices(labels, 0.02), np.full(len(labels), 1.6), 0.4, None)
    assert found.labels.tolist() == labels
