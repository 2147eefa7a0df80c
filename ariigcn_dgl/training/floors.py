"""What a linear model of one utterance reaches: the score that a system of dialogues must beat."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.data.targets import Kind, TargetSpec
from ariigcn_dgl.training.scoring import Scoring, flat
from ariigcn_dgl.training.target_kinds import TARGET_KINDS

# Strengths of the penalty, of which validation chooses.
_PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0)
FLOORS: dict[Kind, str] = {
    "classes": "logistic regression",
    "multilabel": "logistic regressions",
    "regression": "ridge regression",
}
Fit = Callable[[np.ndarray, np.ndarray, float], Callable[[np.ndarray], np.ndarray]]


def floors(dialogues: Dialogues, scoring: Scoring, label_share: float = 1.0) -> dict[str, float]:
    """Return the test scores, by their full names, of linear models of single utterances.

    Of the features of all modalities side by side, standardised by the training split, missing ones
    0: a ridge regression of numbers, logistic regressions of classes and labels. They are fitted on
    the training split; the strength of their penalty is that with the best first score of the
    target on validation.

    Parameters
    ----------
    dialogues : Dialogues
        As they are trained on, not standardised.
    scoring : Scoring
        Of their targets.
    label_share : float
        As of `TrainingConfig`.

    Returns
    -------
    dict of str to float
        Empty where the test split cannot be scored, or what is compared with them learns from a
        share of the labels: these models see all.

    Examples
    --------
    >>> from ariigcn_dgl.data import synthesise
    >>> from ariigcn_dgl.data.synth_config import SENTIMENT
    >>> data = synthesise(SENTIMENT)
    >>> 0 < floors(data, Scoring(data.specs))["label.pearson"] < 1
    True
    """
    train, val, test = (dialogues.part(s) for s in ("train", "val", "test"))
    if label_share < 1 or not test.num_dialogues or not scoring.scorable(test):
        return {}
    rows = Standardiser.fit(train)
    features = [_features(rows.apply(part)) for part in (train, val, test)]
    known = [scoring.values(part) for part in (train, val)]
    answers = [
        _answers(spec, [values[spec.name].astype(np.float64) for values in known], features)
        for spec in scoring.specs
    ]
    found = scoring.score(test, np.concatenate(answers, axis=1))
    return {} if found is None else flat(found.record())


def _features(dialogues: Dialogues) -> np.ndarray:
    return np.concatenate(list(dialogues.features.values()), axis=1).astype(np.float64)


def _answers(spec: TargetSpec, values: list[np.ndarray], features: list[np.ndarray]) -> np.ndarray:
    """Return the answers on test, (N, width), of the penalty that is best on validation."""
    kind = TARGET_KINDS[spec.kind]
    metric = kind.metrics(spec)[0]
    known = ~np.isnan(values[1]).all(axis=1)
    best, chosen = -np.inf, None
    for penalty in _PENALTIES:
        said = list(_columns(spec, values[0], features, penalty))
        val, test = (np.concatenate(part, axis=1) for part in zip(*said, strict=True))
        merit = best
        if known.any():  # else the first penalty is as good as any
            merit = metric.merit(kind.score(spec, values[1][known], val[known])[metric.name])
        if chosen is None or merit > best:
            best, chosen = merit, test
    assert chosen is not None  # there are penalties
    return chosen


def _columns(
    spec: TargetSpec, values: np.ndarray, features: list[np.ndarray], penalty: float
) -> Iterator[list[np.ndarray]]:
    """Yield what models of each column say of validation and test, (N, width of the column)."""
    fit = {"classes": _classes(spec), "multilabel": _label, "regression": _number(spec)}[spec.kind]
    for column in values.T:
        rows = ~np.isnan(column)
        say = fit(features[0][rows], column[rows], penalty)
        yield [say(part) for part in features[1:]]


def _classes(spec: TargetSpec) -> Fit:
    def fit(x: np.ndarray, y: np.ndarray, penalty: float) -> Callable[[np.ndarray], np.ndarray]:
        found = np.unique(y).astype(int)
        if len(found) < 2:  # nothing to tell apart
            only = np.eye(spec.width)[found[0]] if len(found) else np.full(spec.width, 1.0)
            return lambda part: np.tile(only / only.sum(), (len(part), 1))
        model = _logistic(x, y, penalty)

        def say(part: np.ndarray) -> np.ndarray:
            shares = np.zeros((len(part), spec.width))
            shares[:, model.classes_.astype(int)] = model.predict_proba(part)
            return shares

        return say

    return fit


def _label(x: np.ndarray, y: np.ndarray, penalty: float) -> Callable[[np.ndarray], np.ndarray]:
    if len(np.unique(y)) < 2:  # nothing to tell apart
        return lambda part: np.full((len(part), 1), y[0] if len(y) else 0.0)
    model = _logistic(x, y, penalty)
    return lambda part: model.predict_proba(part)[:, 1:]


def _number(spec: TargetSpec) -> Fit:
    def fit(x: np.ndarray, y: np.ndarray, penalty: float) -> Callable[[np.ndarray], np.ndarray]:
        if not len(y):
            return lambda part: np.full((len(part), 1), np.clip(0.0, spec.low, spec.high))
        model = Ridge(alpha=penalty).fit(x, y)
        return lambda part: np.clip(model.predict(part), spec.low, spec.high)[:, None]

    return fit


def _logistic(x: np.ndarray, y: np.ndarray, penalty: float) -> LogisticRegression:
    with warnings.catch_warnings():  # nearly converged is good enough for a floor
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=1 / penalty, max_iter=300).fit(x, y)
