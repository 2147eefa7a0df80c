"""What the files of a run folder hold, and their readers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import json_lines, read_json
from ariigcn_dgl.limits import Limit, NotNegativeFloat, NotNegativeInt, PositiveInt
from ariigcn_dgl.schema import conform
from ariigcn_dgl.training.run_config import RunConfig, identity

RUN_FORMAT = 2  # raised when the same settings give other numbers or files
LARGEST_SEED = 2**32 - 1

Sha256 = Annotated[str, Limit("64 hexadecimal digits", lambda text: len(text) == 64)]
Percent = Annotated[float, Limit("a number from 0 to 100", lambda x: 0 <= x <= 100.000001)]
Modality = Literal["text", "audio", "visual"]
SeedNumber = Annotated[int, Limit(f"0 to {LARGEST_SEED}", lambda seed: 0 <= seed <= LARGEST_SEED)]
Names = Annotated[list[str], Limit("different names", lambda x: 0 < len(x) == len(set(x)))]
Seeds = Annotated[list[SeedNumber], Limit("different numbers", lambda x: 0 < len(x) == len(set(x)))]


class ClassScores(TypedDict):
    """Scores of one class."""

    label: str
    precision: Percent
    recall: Percent
    f1: Percent
    support: NotNegativeInt


class ScoresRecord(TypedDict):
    """Scores of one split, as of `ariigcn_dgl.training.metrics.Scores`."""

    weighted_f1: Percent
    accuracy: Percent
    macro_f1: Percent
    per_class: list[ClassScores]
    confusion: list[list[NotNegativeInt]]


class BestTestEpoch(TypedDict):
    """What much of the literature reports."""

    epoch: PositiveInt
    weighted_f1: Percent
    accuracy: Percent
    macro_f1: Percent


class BegunRun(TypedDict):
    """What ``run.json`` says from the beginning."""

    format: int
    system: str
    dataset: str
    dataset_sha256: Sha256
    settings_sha256: Sha256
    seed: SeedNumber
    label_names: Names
    widths: dict[Modality, PositiveInt]
    environment: dict[str, str]


class _Scored(TypedDict, total=False):
    test: ScoresRecord | None  # None: the test split has no label
    best_test_epoch: BestTestEpoch


class TrainedRecord(BegunRun, _Scored):
    """What ``run.json`` says when training has ended; of a finished run it has `test`."""

    best_epoch: PositiveInt
    epochs: PositiveInt
    seconds: NotNegativeFloat
    parameters: PositiveInt
    val: ScoresRecord


class BestEpoch(TypedDict):
    """The best epoch so far; before the first, of number 0."""

    epoch: NotNegativeInt
    weighted_f1: float
    sha256: str


class Progress(TypedDict):
    """What ``state.pt`` says beside weights and what optimisers keep."""

    history: list[dict[str, float]]
    best: BestEpoch
    seconds: NotNegativeFloat
    step_count: NotNegativeInt


class FoldRecord(TypedDict):
    """A fold of a cross-validation."""

    number: NotNegativeInt
    of: PositiveInt


class _PlanChoices(TypedDict, total=False):
    modalities: list[Modality] | None
    fold: FoldRecord | None
    cuda_graphs: bool
    threads: PositiveInt
    environment: dict[str, str]


class PlanRecord(_PlanChoices):
    """What ``train.json`` says."""

    data: str
    dataset_sha256: Sha256
    preset: str
    seeds: Seeds
    device: str


def settings_sha256(config: RunConfig) -> str:
    """Return one hash for all settings of a run.

    Examples
    --------
    >>> settings_sha256(RunConfig("mlp")) == settings_sha256(RunConfig("bigru"))
    False
    """
    return hashlib.sha256(json.dumps(identity(config), sort_keys=True).encode()).hexdigest()


def read_run(path: Path, *, trained: bool) -> dict[str, Any]:
    """Read ``run.json``; of a run that has been trained, with its scores.

    Raises
    ------
    InputError
        If it is missing, damaged, or of another format.
    """
    record = read_json(path)
    if record.get("format", RUN_FORMAT) != RUN_FORMAT:
        raise InputError(
            f"{path}: format is {record['format']!r:.40}, this program reads {RUN_FORMAT}: another "
            "version of it trained this run; use that one, or train again"
        )
    conform(record, TrainedRecord if trained else BegunRun, str(path))
    for split in [name for name in ("val", "test") if trained and record.get(name)]:
        _check_classes(record[split], record["label_names"], f"{path}: damaged: {split}")
    return record


def _check_classes(scores: dict[str, Any], names: Sequence[str], where: str) -> None:
    if [row["label"] for row in scores["per_class"]] != list(names):
        raise InputError(f"{where}.per_class: expected the classes {', '.join(names)}")
    if {len(names)} != {len(scores["confusion"]), *map(len, scores["confusion"])}:
        raise InputError(f"{where}.confusion: expected {len(names)} rows and columns")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read ``metrics.jsonl``: one record an epoch.

    Raises
    ------
    InputError
        If it is missing or damaged.
    """
    records = [record for _, record in json_lines(path)]
    for number, record in enumerate(records, 1):
        conform(record, dict[str, float], f"{path}: line {number}")
        if record.get("epoch") != number:
            raise InputError(f"{path}: line {number}: damaged: expected epoch {number}")
    return records
