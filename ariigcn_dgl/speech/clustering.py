"""How many speakers there are, and which window is whose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from ariigcn_dgl.speech.voices import WINDOW

APART = 0.3  # mean cosine distance of the windows of two speakers, at least (docs/transcribe.md)
_DOUBT = 0.05  # by which it may be otherwise
CLEAR = 1.2  # seconds of a window that is clustered; shorter ones get the nearest speaker
LEAST = 1.6  # seconds of clear windows that make a speaker
MOST = 2500  # windows that are clustered, evenly drawn: memory grows with their square
_TRIES = 20  # cuts of the tree that are looked at for so many speakers as asked for


@dataclass(frozen=True)
class Speakers:
    """The speakers of windows.

    Parameters
    ----------
    labels : (N,) int array
        From 0, in order of speaking.
    count : int
    fewest, most : int
        What the count might be as well; both are the count where it was given or is sure.
    """

    labels: np.ndarray
    count: int
    fewest: int
    most: int


def cluster(
    embeddings: np.ndarray, seconds: np.ndarray, step: float, count: int | None
) -> Speakers:
    """Return whose each window is.

    Clear windows are clustered by the mean cosine distance between clusters; then every window gets
    the speaker whose mean is nearest.

    Parameters
    ----------
    embeddings : (N, D) array
        Of length 1; at least one.
    seconds : (N,) array
        How long each window is.
    step : float
        Seconds between two windows of a stretch, for which a whole window counts.
    count : int or None
        How many speakers there are; None: estimated. There may be fewer windows.

    Examples
    --------
    >>> two = cluster(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), np.full(3, 1.6), 1.6, None)
    >>> two.labels, two.count
    (array([0, 1, 0]), 2)
    """
    clear = np.flatnonzero(seconds >= CLEAR)
    clear = clear if len(clear) else np.arange(len(seconds))
    drawn = clear[np.linspace(0, len(clear) - 1, min(len(clear), MOST)).astype(int)]
    share = np.where(seconds < WINDOW, seconds, step)[drawn] * (len(clear) / len(drawn))
    if len(drawn) == 1:
        return Speakers(np.zeros(len(seconds), int), 1, 1, 1)
    tree = linkage(embeddings[drawn], "average", "cosine")
    if count is None:
        found = _parted(tree, APART, share)
        counts = [len(_parted(tree, APART + d, share)) for d in (-_DOUBT, _DOUBT)]
    else:
        found = _counted(tree, count, share)
        counts = []
    means = np.stack([embeddings[drawn[members]].mean(0) for members in found])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    labels = _in_order((embeddings @ means.T).argmax(1))
    counts.append(int(labels.max()) + 1)
    return Speakers(labels, counts[-1], min(counts), max(counts))


def _parted(tree: np.ndarray, distance: float, share: np.ndarray) -> list[np.ndarray]:
    """Return the members of the clusters that are so far apart; the largest at least."""
    clusters = _clusters(fcluster(tree, distance, "distance"), share)
    return [members for members in clusters if share[members].sum() >= LEAST] or clusters[:1]


def _counted(tree: np.ndarray, count: int, share: np.ndarray) -> list[np.ndarray]:
    """Return the members of so many clusters, or of fewer where there are not so many windows.

    A cluster of less than `LEAST` seconds is a cough, or two who speak at once: the tree is cut
    into more until there are enough that are larger.
    """
    for cut in range(count, count + _TRIES):
        clusters = _clusters(fcluster(tree, cut, "maxclust"), share)
        if sum(share[members].sum() >= LEAST for members in clusters) >= count:
            return clusters[:count]
    return _clusters(fcluster(tree, count, "maxclust"), share)


def _clusters(labels: np.ndarray, share: np.ndarray) -> list[np.ndarray]:
    """Return the members of each cluster, that of the most seconds first."""
    found = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return sorted(found, key=lambda members: -share[members].sum())


def _in_order(labels: np.ndarray) -> np.ndarray:
    """Return the labels, numbered in order of their first appearance."""
    seen = {label: n for n, label in enumerate(dict.fromkeys(labels.tolist()))}
    return np.array([seen[label] for label in labels.tolist()])
