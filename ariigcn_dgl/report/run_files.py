"""What the report reads of a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ariigcn_dgl.data.targets import classes_spec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_text
from ariigcn_dgl.training.protocol import Protocol, run_protocol, runs_in_words
from ariigcn_dgl.training.run_config import CONFIG_FILE
from ariigcn_dgl.training.run_folder import RUN_FILE, RunFolder
from ariigcn_dgl.training.run_spec import read_run_spec, read_settings
from ariigcn_dgl.training.scoring import Scoring


@dataclass(frozen=True)
class Predictions:
    """Answers on the labelled utterances of the test split.

    Parameters
    ----------
    utterances, dialogues : (N,) str array
        Their names, and those of their dialogues.
    labels, classes : (N,) int array
        True and predicted classes.
    confidences : (N,) float array
        Probability of the predicted class.
    before : (N,) float array, optional
        Confidences before the temperature; None of a run of a version that chose none.
    """

    utterances: np.ndarray
    dialogues: np.ndarray
    labels: np.ndarray
    classes: np.ndarray
    confidences: np.ndarray
    before: np.ndarray | None = None

    @property
    def hits(self) -> np.ndarray:
        """Whether each predicted class is the true one, (N,) bool."""
        return self.labels == self.classes


# Of a training that goes on, and of a run without classes or without labels of test.
NO_PREDICTIONS = Predictions(*(np.empty(0, kind) for kind in (str, str, int, int, float)))


@dataclass(frozen=True)
class Seed:
    """One seed of a run.

    Parameters
    ----------
    folder : Path
    record : mapping
        Content of ``run.json``.
    history : sequence of mapping
        One record an epoch.
    predictions : Predictions
    """

    folder: Path
    record: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    predictions: Predictions

    @property
    def number(self) -> int:
        """The seed."""
        return self.record["seed"]


@dataclass(frozen=True)
class RunFiles:
    """One finished run.

    Parameters
    ----------
    name : str
        As it is shown.
    plan : mapping
        Content of ``train.json``.
    settings : str
        Text of ``config.yaml``.
    protocol : Protocol
        How it was conducted.
    seeds : sequence of Seed, at least one
    scoring : Scoring
        Of its targets; of no run that is shown yet that of classes.
    label_share : float
        As of `TrainingConfig`.
    """

    name: str
    plan: Mapping[str, Any]
    settings: str
    protocol: Protocol
    seeds: Sequence[Seed]
    scoring: Scoring = field(default_factory=lambda: Scoring([classes_spec([])]))
    label_share: float = 1.0

    @property
    def record(self) -> Mapping[str, Any]:
        """Content of ``run.json`` of the first seed: what all seeds have in common."""
        return self.seeds[0].record

    @property
    def labels(self) -> list[str]:
        """Names of the classes."""
        return self.record["label_names"]

    @property
    def is_tested(self) -> bool:
        """Whether its test split has labels."""
        return self.record["test"] is not None

    @property
    def about(self) -> str:
        """System, preset and data set in a line."""
        system = self.record.get("system", "unknown system")
        return f"{system} ({self.plan['preset']}) on {self.record['dataset']}"

    @property
    def calibrated(self) -> bool:
        """Whether validation chose a temperature for its probabilities."""
        return all("calibration" in seed.record for seed in self.seeds)

    @property
    def best_seed(self) -> Seed:
        """The seed with the best validation score, as of ``predict --stream`` and ``export``."""
        return max(self.seeds, key=lambda seed: self.scoring.merit(seed.record["val"]))


def read_run(name: str, folders: Sequence[Path]) -> RunFiles:
    """Read a run, given the folders of its seeds.

    Raises
    ------
    InputError
        If it is not finished, or a file is damaged or gone.
    """
    folder = folders[0].parent
    plan = read_run_spec(folder)
    config = read_settings(folder)  # refuses others than those of the run
    seeds = [_read_seed(one) for one in folders]
    return RunFiles(
        name=name,
        plan=plan,
        settings=read_text(folder / CONFIG_FILE),
        protocol=run_protocol(config, plan, seeds[0].record),
        seeds=seeds,
        scoring=Scoring.of_run(seeds[0].record, config.training.metric),
        label_share=config.training.label_share,
    )


def conducted(runs: Sequence[RunFiles]) -> str:
    """Say how epochs were chosen, test was scored, and the data were divided."""
    said = runs_in_words(
        {run.name: run.protocol for run in runs}, {run.name: run.plan["splits"] for run in runs}
    )
    return " ".join(f"{one[0].upper()}{one[1:]}." for one in said)


def _read_seed(path: Path) -> Seed:
    folder = RunFolder(path)
    record = folder.read_finished()
    if record["test"] is None or not record["label_names"]:
        return Seed(path, record, folder.read_metrics(), NO_PREDICTIONS)
    answers = folder.read_answers(record["label_names"])
    labelled = [one for one in answers if one["label"] is not None]
    before = folder.read_uncalibrated_test(record, answers)
    number = {name: place for place, name in enumerate(record["label_names"])}
    predictions = Predictions(
        np.array([one["utterance"] for one in labelled], str),
        np.array([one["dialogue"] for one in labelled], str),
        np.array([number[one["label"]] for one in labelled], np.int64),
        np.array([number[one["prediction"]] for one in labelled], np.int64),
        np.array([float(one["probabilities"][one["prediction"]]) for one in labelled]),
        None if before is None else before.max(1),
    )
    return Seed(path, record, folder.read_metrics(), predictions)


def short_names(runs: Sequence[Path]) -> list[str]:
    """Return the ends of the paths, as short as tells them apart; a seed's with its run's.

    Raises
    ------
    InputError
        If a run is named twice.

    Examples
    --------
    >>> short_names([Path("runs/a/seed0"), Path("runs/b/seed0"), Path("old/c")])
    ['a/seed0', 'b/seed0', 'c']
    """
    paths = [path.resolve() for path in runs]
    twice = [str(run) for run, path in zip(runs, paths, strict=True) if paths.count(path) > 1]
    if twice:
        raise InputError(f"{twice[0]}: is named twice")
    names = []
    for path in paths:
        parts = path.parts[1:]
        least = 2 if (path / RUN_FILE).is_file() or path.name.startswith("seed") else 1
        others = [other.parts[1:] for other in paths if other != path]
        tails = (parts[-k:] for k in range(least, len(parts) + 1))
        names.append("/".join(next(t for t in tails if all(o[-len(t) :] != t for o in others))))
    return names
