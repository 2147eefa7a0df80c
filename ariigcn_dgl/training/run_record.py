"""What ``run.json`` and ``metrics.jsonl`` of a run (one seed) say, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

from ariigcn_dgl.data import is_modality
from ariigcn_dgl.data.folder import TargetRecord
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import json_lines, read_json
from ariigcn_dgl.limits import Limit, NotNegativeFloat, NotNegativeInt, PositiveInt, Sha256
from ariigcn_dgl.schema import conform
from ariigcn_dgl.training.calibration import COLDEST, HOTTEST
from ariigcn_dgl.training.scoring import Scoring, flat

# Raised when the same settings give other scores, or files that others cannot be read beside.
# Not for the calibration: runs without it are read as of temperature 1, and score the same.
RUN_FORMAT = 2
TARGET_FORMAT = 3  # of runs with other targets than classes, which earlier versions cannot apply
LARGEST_SEED = 2**32 - 1  # what every library takes

# A sum of floating-point shares may be a little above 100.
Percent = Annotated[float, Limit("a number from 0 to 100", lambda x: 0 <= x <= 100.000001)]
Temperature = Annotated[float, Limit(f"{COLDEST} to {HOTTEST}", lambda x: COLDEST <= x <= HOTTEST)]
Modality = Annotated[str, Limit("the name of a modality", is_modality)]
Seed = Annotated[int, Limit(f"0 to {LARGEST_SEED}", lambda seed: 0 <= seed <= LARGEST_SEED)]
Names = Annotated[list[str], Limit("different names", lambda x: 0 < len(x) == len(set(x)))]


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


class TargetScoresRecord(TypedDict):
    """Scores of one split of a run with other targets than classes, beside those of classes."""

    targets: dict[str, dict[str, float]]


class BestTestEpoch(TypedDict):
    """What much of the literature reports."""

    epoch: PositiveInt
    weighted_f1: Percent
    accuracy: Percent
    macro_f1: Percent


class Errors(TypedDict):
    """Expected calibration error of a split, before and after the temperature."""

    before: Percent
    after: Percent


class _TestErrors(TypedDict, total=False):
    test: Errors  # not where the test split has no label, or has not been scored


class CalibrationRecord(_TestErrors):
    """The temperature that validation chose, as of `ariigcn_dgl.training.calibration`."""

    temperature: Temperature
    val: Errors


class _HasClasses(TypedDict):
    label_names: Names


class RunTarget(TargetRecord, total=False):
    """A target of a run; of a regression with what training measured it by."""

    mean: list[float]
    std: list[float]


class _Begun(TypedDict, total=False):
    sequences: list[Modality]  # modalities that were sequences of rows, where there were any


class BegunRun(_Begun):
    """What ``run.json`` says from the beginning."""

    format: int
    system: str
    dataset: str
    dataset_sha256: Sha256
    settings_sha256: Sha256
    seed: Seed
    label_names: list[str]
    widths: dict[Modality, PositiveInt]
    environment: dict[str, str]


class _Scored(TypedDict, total=False):
    calibration: CalibrationRecord  # not of runs of versions before it
    test: ScoresRecord | None  # None: the test split has no label
    best_test_epoch: BestTestEpoch
    stopped: bool  # by a callback, before epochs or patience were at an end


class _Ended(TypedDict):
    best_epoch: PositiveInt
    epochs: PositiveInt
    seconds: NotNegativeFloat
    parameters: PositiveInt


class TrainedRecord(BegunRun, _Ended, _Scored):
    """What ``run.json`` says when training has ended; of a finished run it has `test`."""

    val: ScoresRecord


class BegunTargetRun(BegunRun):
    """The same of a run with other targets than classes; without classes it names none."""

    targets: list[RunTarget]


class _TargetScored(TypedDict, total=False):
    test: TargetScoresRecord | None
    stopped: bool


class TrainedTargetRecord(BegunTargetRun, _Ended, _TargetScored):
    """The same of a run that has ended."""

    val: TargetScoresRecord


def read_run(path: Path, *, trained: bool) -> dict[str, Any]:
    """Read ``run.json``; of a run that has been trained, with its scores.

    Raises
    ------
    InputError
        If it is missing, damaged, or of another format.
    """
    record = read_json(path)
    if record.get("format", RUN_FORMAT) not in (RUN_FORMAT, TARGET_FORMAT):
        raise InputError(
            f"{path}: format is {record['format']!r:.40}, this program reads {RUN_FORMAT}: another "
            "version of it trained this run; use that one, or train again"
        )
    of_targets = record.get("format") == TARGET_FORMAT
    begun, ended = (
        (BegunTargetRun, TrainedTargetRecord) if of_targets else (BegunRun, TrainedRecord)
    )
    conform(record, ended if trained else begun, str(path))
    if not of_targets or record["label_names"]:
        conform(record, _HasClasses, str(path))
    for split in [name for name in ("val", "test") if trained and record.get(name)]:
        if not of_targets or "weighted_f1" in record[split]:
            conform(record[split], ScoresRecord, f"{path}: {split}")
            _check_classes(record[split], record["label_names"], f"{path}: damaged: {split}")
        if of_targets:
            _check_targets(record[split], record["targets"], f"{path}: damaged: {split}")
    return record


def _check_targets(scores: dict[str, Any], targets: Sequence[Any], where: str) -> None:
    scoring = Scoring([TargetSpec.of_record(one) for one in targets])
    missing = sorted(scoring.columns.keys() - flat(scores).keys())
    if missing:
        raise InputError(f"{where}: lacks {missing[0]}")


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
