"""What the TGAN and the contrastive losses do to the modalities: numbers first, pictures beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from ariigcn_dgl import escape
from ariigcn_dgl.batch import Batch, collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import ARIIGCN
from ariigcn_dgl.plots import (
    COLOURS,
    LINE,
    class_colours,
    cloud,
    new_figure,
    ordered_colours,
    save,
    styled,
)
from ariigcn_dgl.progress import track
from ariigcn_dgl.training.trained import TrainedRun

MOST_UTTERANCES = 600  # t-SNE of all modalities of them takes seconds
PERPLEXITY = 30
FOLDS = 5


@dataclass(frozen=True)
class Space:
    """One point for each modality of each labelled utterance.

    Parameters
    ----------
    title : str
    points : (P, D) float array
    modalities, labels, dialogues : (P,) int array
        Modality, class and dialogue of each point.
    """

    title: str
    points: np.ndarray
    modalities: np.ndarray
    labels: np.ndarray
    dialogues: np.ndarray


@dataclass(frozen=True)
class Gap:
    """How far apart modalities and classes are in a space.

    Parameters
    ----------
    modality_accuracy : float
        Percent of points whose modality a logistic classifier tells, cross-validated over
        dialogues; chance is 100 over the number of modalities, if none is missing.
    silhouette_modality, silhouette_class : float
        From -1 to 1; near 0: modalities, or classes, lie mixed.
    centroid_distance : float
        Mean distance between the modalities' centroids, over the mean distance of points from the
        centroid of their modality.
    """

    modality_accuracy: float
    silhouette_modality: float
    silhouette_class: float
    centroid_distance: float


def spaces(
    trained: TrainedRun, dialogues: Dialogues, groups: np.ndarray | None = None
) -> list[Space]:
    """Return the modalities as encoded before and after training, and after the graph.

    Parameters
    ----------
    trained : TrainedRun
        Of AR-IIGCN with two or more modalities.
    dialogues : Dialogues
        To look at, e.g. the test split.
    groups : (N,) int array, optional
        In place of the classes; -1 for utterances to leave out.

    Raises
    ------
    InputError
        If the run is of another system or of one modality.
    """
    model = trained.model
    if not isinstance(model, ARIIGCN) or len(trained.widths) < 2:
        raise InputError(
            f"{trained.folder.path}: needs a run of ariigcn with two or more modalities"
        )
    shown = trained.shown(trained.adapt(dialogues))
    scaled = shown.select(np.arange(shown.num_dialogues))
    if groups is not None:
        scaled = replace(scaled, labels=groups)
    torch.manual_seed(trained.record["seed"])  # the weights that training began with
    untrained = type(model)(trained.widths, trained.num_outputs, trained.config.model).eval()
    model.eval()
    untrained.to(model.device)
    after = "training" if model.gan is None else "the TGAN"
    return [
        _space("encoded, before training", untrained, scaled, untrained.project),
        _space(f"encoded, after {after}", model, scaled, model.project),
        _space("after graph and contrast", model, scaled, model.states),
    ]


def require_measurable(dialogues: Dialogues) -> None:
    """Raise `InputError` where `gap` could measure nothing: too few labels, or of one dialogue."""
    labelled = dialogues.labels >= 0
    of_row = dialogues.row_dialogues
    if len(np.unique(of_row[labelled])) < 2 or len(np.unique(dialogues.labels[labelled])) < 2:
        raise InputError(
            f"{dialogues.name}: the split has labels in fewer than two dialogues, or of one class: "
            "choose another with --split"
        )


@torch.inference_mode()
def _space(
    title: str, model: ARIIGCN, dialogues: Dialogues, states: Callable[[Batch], Tensor]
) -> Space:
    batch = collate(dialogues, np.arange(dialogues.num_dialogues), model.window)
    points = states(batch.to(model.device)).cpu().numpy()
    of_row = dialogues.row_dialogues
    found = [
        (m, np.flatnonzero((dialogues.labels >= 0) & dialogues.masks[name]))
        for m, name in enumerate(dialogues.features)
    ]
    rows = np.concatenate([row for _, row in found])
    return Space(
        title,
        np.concatenate([points[m, row] for m, row in found]),
        np.concatenate([np.full(len(row), m) for m, row in found]),
        dialogues.labels[rows],
        of_row[rows],
    )


def gap(space: Space) -> Gap:
    """Return how far apart modalities and classes are."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = GroupKFold(min(FOLDS, len(np.unique(space.dialogues))))
    accuracy = cross_val_score(
        classifier, space.points, space.modalities, groups=space.dialogues, cv=folds
    )
    return Gap(
        modality_accuracy=100 * float(accuracy.mean()),
        silhouette_modality=float(silhouette_score(space.points, space.modalities)),
        silhouette_class=float(silhouette_score(space.points, space.labels)),
        centroid_distance=_centroid_distance(space),
    )


def _centroid_distance(space: Space) -> float:
    parts = [space.points[space.modalities == m] for m in np.unique(space.modalities)]
    centroids = [part.mean(0) for part in parts]
    between = np.mean([np.linalg.norm(a - b) for a, b in combinations(centroids, 2)])
    pairs = zip(parts, centroids, strict=True)
    within = np.mean(np.concatenate([np.linalg.norm(part - c, axis=1) for part, c in pairs]))
    return float(between / within)


@styled()
def draw_spaces(
    found: Sequence[Space],
    gaps: Sequence[Gap],
    modalities: Sequence[str],
    label_names: Sequence[str],
    path: Path,
    *,
    ordered: bool = False,
) -> None:
    """Draw t-SNE of each space, coloured by modality above and by class below, as PNG.

    Of classes that are ordered, as parts of a scale, the colours are, too.

    Distances in t-SNE mean little: judge by the numbers above each picture.
    """
    figure = new_figure(4.2 * len(found) + 1.4, 8.2)
    axes = figure.subplots(2, len(found), squeeze=False)
    of_labels = ordered_colours(len(label_names)) if ordered else class_colours(label_names)
    pairs = list(zip(found, gaps, strict=True))
    for column, (space, numbers) in enumerate(track(pairs, "spaces drawn")):
        drawn = sample(space)
        flat = tsne(drawn.points)
        axes[0, column].set_title(f"{space.title}\n{_text(numbers)}", fontsize=9)
        for axis, groups, colours in (
            (axes[0, column], drawn.modalities, COLOURS[: len(modalities)]),
            (axes[1, column], drawn.labels, of_labels),
        ):
            cloud(axis, flat, groups, colours, size=2.5)
            axis.spines[:].set(visible=True, color=LINE)
    of_modalities = zip(modalities, COLOURS, strict=False)
    of_classes = zip(label_names, of_labels, strict=True)
    for axis, coloured in zip(axes[:, -1], (of_modalities, of_classes), strict=True):
        for name, colour in coloured:
            axis.plot([], [], "o", color=colour, label=escape.figure(name))
        axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, path)


def _text(gap: Gap) -> str:
    return (
        f"modality told: {gap.modality_accuracy:.0f} %, centroids {gap.centroid_distance:.2f}\n"
        f"silhouette: modality {gap.silhouette_modality:.2f}, class {gap.silhouette_class:.2f}"
    )


def sample(space: Space) -> Space:
    """Return a random part of a space, small enough for t-SNE; the same one each time."""
    most = MOST_UTTERANCES * len(np.unique(space.modalities))
    order = np.random.default_rng(0).permutation(len(space.points))
    rows = np.sort(order[:most])
    return Space(
        space.title,
        space.points[rows],
        space.modalities[rows],
        space.labels[rows],
        space.dialogues[rows],
    )


def tsne(points: np.ndarray) -> np.ndarray:
    """Return t-SNE of points, (P, D), in the plane, (P, 2); the same one each time."""
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    projection = TSNE(perplexity=perplexity, init="pca", random_state=0)
    with threadpool_limits(1):  # so few points take longer on many threads
        return projection.fit_transform(points)
