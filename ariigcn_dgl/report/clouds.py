"""Where utterances lie in a run's spaces: PCA and t-SNE, as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.decomposition import PCA

from ariigcn_dgl.experiments.embedding import Gap, Space, gap, sample, spaces, tsne
from ariigcn_dgl.plots import COLOURS, add_axes, class_colours, cloud, page_figure, styled
from ariigcn_dgl.progress import track
from ariigcn_dgl.report.inside import Inside
from ariigcn_dgl.training.trained import TrainedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = 260
FEWEST = 8  # points below which neither projection says anything


@dataclass(frozen=True)
class Picture:
    """Points of one space in the plane.

    Parameters
    ----------
    projection : str
    by : str
        What the colours tell: "class" or "modality".
    figure : Figure
    """

    projection: str
    by: str
    figure: Figure


@dataclass(frozen=True)
class Cloud:
    """One space and its pictures.

    Parameters
    ----------
    title : str
    count : int
        Points that are drawn.
    variance : float
        Percent that PCA's two axes keep.
    gap : Gap or None
        How far apart modalities and classes are; None of a space without modalities, or where
        there is too little to tell.
    by_modality : bool
        Whether the space has a point for each modality.
    pictures : sequence of Picture
    """

    title: str
    count: int
    variance: float
    gap: Gap | None
    by_modality: bool
    pictures: Sequence[Picture]


def clouds(trained: TrainedRun, inside: Inside) -> list[Cloud]:
    """Return the run's spaces: of each modality where the system has any, and of the classifier.

    Parameters
    ----------
    trained : TrainedRun
    inside : Inside
        What the run does with the dialogues to show.
    """
    dialogues = inside.dialogues
    found = []
    if trained.config.system == "ariigcn" and len(trained.widths) > 1:
        found += [(space, True) for space in spaces(trained, dialogues)]
    labelled = np.flatnonzero(dialogues.labels >= 0)
    none, of_row = np.zeros(len(labelled), np.int64), dialogues.row_dialogues
    rows = (inside.states[labelled], none, dialogues.labels[labelled], of_row[labelled])
    found.append((Space("before the classifier’s last map", *rows), False))
    return [
        _cloud(space, many, len(trained.widths), trained.label_names)
        for space, many in track(found, "spaces drawn")
        if len(space.points) >= FEWEST and space.points.shape[1] > 1
    ]


def _cloud(space: Space, many: bool, num_modalities: int, label_names: Sequence[str]) -> Cloud:
    drawn = sample(space)
    pca = PCA(2, svd_solver="full")
    flat = {"PCA": pca.fit_transform(drawn.points), "t-SNE": tsne(drawn.points)}
    groups: dict[str, tuple[np.ndarray, Sequence[str]]]
    groups = {"class": (drawn.labels, class_colours(label_names))}
    if many:
        groups["modality"] = (drawn.modalities, COLOURS[:num_modalities])
    pictures = [
        Picture(projection, by, _draw(points, *group))
        for projection, points in flat.items()
        for by, group in groups.items()
    ]
    variance = 100 * float(pca.explained_variance_ratio_.sum())
    found = gap(space) if many and _measurable(space) else None
    return Cloud(space.title, len(drawn.points), variance, found, many, pictures)


def _measurable(space: Space) -> bool:
    """Return whether there are groups to tell apart, and dialogues to cross-validate over."""
    groups = (space.modalities, space.labels, space.dialogues)
    return all(len(np.unique(group)) > 1 for group in groups)


@styled()
def _draw(points: np.ndarray, group: np.ndarray, colours: Sequence[str]) -> Figure:
    figure = page_figure(SIZE, SIZE)
    axis = add_axes(figure, 0, 0, SIZE, SIZE)
    axis.margins(0.06)
    cloud(axis, points, group, colours, size=3.4)
    return figure
