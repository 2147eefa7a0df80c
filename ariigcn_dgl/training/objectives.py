"""The objective of a training: what the targets of its dialogues ask of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.targets import Target, TargetSpec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models.objective import Objective, RegressionHead, head_of
from ariigcn_dgl.near import did_you_mean


def objective_of(dialogues: Dialogues, config: TrainingConfig) -> Objective | None:
    """Return the objective of dialogues; None where they have nothing but classes.

    Numbers are measured by the mean and deviation of the training split.

    Raises
    ------
    InputError
        If `TrainingConfig.target_weights` names what is no target, leaves all of them out, or
        weighs classes that are all there is.
    """
    _check_weights(config.target_weights, [spec.name for spec in dialogues.specs])
    if not dialogues.targets:
        _refuse_alone(config.target_weights)
        return None
    train = dialogues.in_split("train")
    statistics = {n: _statistics(one.select(train)) for n, one in dialogues.targets.items()}
    return _objective(dialogues.specs, statistics, config)


def objective_record(objective: Objective) -> list[dict[str, Any]]:
    """Return an objective's targets as ``run.json`` has them."""
    return [
        head.spec.record()
        | (
            {"mean": list(head.mean), "std": list(head.std)}
            if isinstance(head, RegressionHead)
            else {}
        )
        for head in objective.heads
    ]


def recorded_objective(record: Mapping[str, Any], config: TrainingConfig) -> Objective | None:
    """Return the objective of a run, by its ``run.json``; None where it has nothing but classes."""
    if "targets" not in record:
        return None
    specs = [TargetSpec.of_record(one) for one in record["targets"]]
    return _objective(specs, {one["name"]: one for one in record["targets"]}, config)


def _objective(
    specs: Sequence[TargetSpec], statistics: Mapping[str, Any], config: TrainingConfig
) -> Objective:
    return Objective(
        tuple(
            head_of(
                spec,
                config.target_weights.get(spec.name, 1.0),
                statistics.get(spec.name) if spec.kind == "regression" else None,
                config.regression_loss,
            )
            for spec in specs
        )
    )


def _statistics(target: Target) -> dict[str, list[float]]:
    columns = [column[~np.isnan(column)].astype(np.float64) for column in target.values.T]
    return {
        "mean": [float(x.mean()) if x.size else 0.0 for x in columns],
        # A constant has no scale of its own.
        "std": [float(x.std()) if x.size and x.std() > 0 else 1.0 for x in columns],
    }


def _refuse_alone(weights: Mapping[str, float]) -> None:
    for name, weight in weights.items():
        if weight != 1:
            raise InputError(
                f"--training.target_weights: '{name}' is the only target: there is no other one to "
                f"weigh it against, leave {weight} out"
            )


def _check_weights(weights: Mapping[str, float], names: Sequence[str]) -> None:
    for name in weights:
        if name not in names:
            raise InputError(
                f"--training.target_weights: '{name}' is none of the targets "
                f"({', '.join(names)}){did_you_mean(name, names)}"
            )
    if names and not any(weights.get(name, 1.0) for name in names):
        raise InputError("--training.target_weights: all are 0: nothing is learnt")
