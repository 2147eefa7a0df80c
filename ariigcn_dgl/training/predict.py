"""Class probabilities of utterances: by a model, their scores, and the file that holds them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol, TypedDict

import numpy as np
import torch

from ariigcn_dgl.answer import table_header, table_row
from ariigcn_dgl.batch import collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.shown import Shown
from ariigcn_dgl.data.targets import TargetSpec, classes_spec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import json_lines, replacing
from ariigcn_dgl.limits import Limit
from ariigcn_dgl.models import System
from ariigcn_dgl.progress import track
from ariigcn_dgl.schema import conform
from ariigcn_dgl.training.metrics import Scores, score
from ariigcn_dgl.training.scoring import Scoring
from ariigcn_dgl.training.target_kinds import TARGET_KINDS

CSV = ".csv"
COLUMNS = ("dialogue", "utterance", "speaker")
BATCH_SIZE = 32  # dialogues; fixed, so that the same run always gives the same bits
# A rounded probability, or a sum of float32, may be a little above 1.
LARGEST_SHARE = 1.000001
Probability = Annotated[float, Limit("a number from 0 to 1", lambda x: 0 <= x <= LARGEST_SHARE)]


class Prediction(TypedDict):
    """A line of the file: one utterance."""

    dialogue: str
    utterance: str
    speaker: str
    label: str | None
    prediction: str
    probabilities: dict[str, Probability]


@torch.inference_mode()
def predict(
    model: System, dialogues: Dialogues | Shown, chosen: np.ndarray | None = None
) -> np.ndarray:
    """Return the answers to every utterance, (N, C) float32: class probabilities.

    With an objective those to all of its targets, side by side (`Objective.answers`).

    Parameters
    ----------
    model : System
        On any device; left in evaluation mode.
    dialogues : Dialogues or Shown
        Standardised as in training.
    chosen : (B',) int array, optional
        Dialogues to answer, in their order; default: all.
    """
    model.eval()
    chosen = np.arange(dialogues.num_dialogues) if chosen is None else chosen
    parts = [np.empty((0, dialogues.num_outputs), np.float32)]  # of no dialogue, no row
    for start in track(range(0, len(chosen), BATCH_SIZE), "batches of dialogues"):
        some = chosen[start : start + BATCH_SIZE]
        outputs = model(collate(dialogues, some, model.window).to(model.device))
        parts.append(model.answers(outputs).cpu().numpy())
    return np.concatenate(parts)


def score_probabilities(
    dialogues: Dialogues, probabilities: np.ndarray, label_names: Sequence[str]
) -> Scores:
    """Score probabilities, (N, C), on the labelled utterances."""
    known, labels = labelled(dialogues, probabilities)
    return score(labels, known.argmax(1), label_names)


def labelled(dialogues: Dialogues, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities, (N, C), of the labelled utterances, and their classes, (N,)."""
    known = dialogues.labels >= 0
    return probabilities[known], dialogues.labels[known]


def write_predictions(
    path: Path,
    dialogues: Dialogues,
    probabilities: np.ndarray,
    label_names: Sequence[str],
    scoring: Scoring | None = None,
) -> None:
    """Write one line per utterance: ids, true label if known, predicted label, probabilities.

    Parameters
    ----------
    path : Path
        Is replaced where it exists. Of a name that ends with .csv the lines are those of a table,
        with a column ``p_CLASS`` for each class; else they are JSON.
    dialogues : Dialogues
        Whose N utterances were predicted.
    probabilities : (N, C) array
        Their class probabilities.
    label_names : sequence of str, length C
        Classes of the model.
    scoring : Scoring, optional
        Of a run with other targets than classes: what the columns of the answers are. A line then
        has ``targets``, with the ``value`` that is known of each and the ``prediction``.
    """
    with prediction_file(path, label_names, abstains=False, scoring=scoring) as write:
        write(dialogues, probabilities, None)


class Write(Protocol):
    """Writes the lines of some dialogues, as `write_predictions`.

    ``left_open`` are those that get no class, (N,) bool, as of `answer`.
    """

    def __call__(
        self, dialogues: Dialogues, probabilities: np.ndarray, left_open: np.ndarray | None
    ) -> None:
        """Write them behind those that were written before."""


@contextmanager
def prediction_file(
    path: Path, label_names: Sequence[str], abstains: bool, scoring: Scoring | None = None
) -> Iterator[Write]:
    """Yield what writes dialogues, some at a time, into a file that is there when all are.

    Parameters
    ----------
    path, label_names, scoring
        As of `write_predictions`.
    abstains : bool
        Whether utterances may get no class.
    """
    scoring = Scoring([classes_spec(label_names)]) if scoring is None else scoring
    others = [spec for spec, _ in scoring.others()]
    said = ["label", "prediction"] if label_names else []
    said += ["abstained"] if abstains else []
    of_targets = [name for spec in others for name in _target_columns(spec)]
    columns = [*COLUMNS, *said, *of_targets]
    with replacing(path) as scratch, scratch.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n") if path.suffix.lower() == CSV else None
        if table is not None:
            table.writerow(table_header(columns, label_names))

        def write(
            dialogues: Dialogues, probabilities: np.ndarray, left_open: np.ndarray | None
        ) -> None:
            records = _records(dialogues, probabilities, left_open, scoring)
            if table is not None:
                table.writerows(table_row(_flat(record, others), columns) for record in records)
            else:
                file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in records)

        yield write


def _records(
    dialogues: Dialogues,
    probabilities: np.ndarray,
    left_open: np.ndarray | None,
    scoring: Scoring,
) -> Iterator[dict[str, Any]]:
    of_row = dialogues.row_dialogues
    for row, p in enumerate(probabilities):
        label = int(dialogues.labels[row])
        record: dict[str, Any] = {
            "dialogue": dialogues.dialogue_ids[of_row[row]],
            "utterance": dialogues.utterance_ids[row],
            "speaker": dialogues.speaker_names[dialogues.speakers[row]],
        }
        if scoring.classes is not None:
            record["label"] = scoring.classes.names[label] if label >= 0 else None
        record |= scoring.answer(p, None if left_open is None else left_open[row])
        for spec, _ in scoring.others():
            known = TARGET_KINDS[spec.kind].truth(spec, dialogues.targets[spec.name].values[row])
            record["targets"][spec.name] = {"value": known} | record["targets"][spec.name]
        yield record


def _flat(record: dict[str, Any], others: Sequence[TargetSpec]) -> dict[str, Any]:
    """Return a record with a field for each column of its targets."""
    found = record.pop("targets", {})
    for spec in others:
        record |= _target_cells(spec, found[spec.name])
    return {"probabilities": {}} | record


def _target_columns(spec: TargetSpec) -> list[str]:
    """Return the columns of a target: what is known, then what is predicted."""
    return [*_parts(spec), *predicted_columns(spec)]


def _parts(spec: TargetSpec) -> list[str]:
    plain = spec.width == 1 or spec.kind == "classes"
    return [spec.name] if plain else [f"{spec.name}_{name}" for name in spec.names]


def predicted_columns(spec: TargetSpec) -> list[str]:
    """Return the columns of a table for what is predicted of a target.

    Examples
    --------
    >>> predicted_columns(TargetSpec("vad", "regression", ("valence", "arousal")))
    ['predicted_vad_valence', 'predicted_vad_arousal']
    """
    return [f"predicted_{part}" for part in _parts(spec)]


def predicted_cells(spec: TargetSpec, prediction: Any) -> dict[str, Any]:
    """Return what stands in these columns, of a prediction as it stands in JSON."""
    cells = prediction.values() if isinstance(prediction, dict) else [prediction]
    return dict(zip(predicted_columns(spec), cells, strict=True))


def _target_cells(spec: TargetSpec, found: dict[str, Any]) -> dict[str, Any]:
    both = [found["value"], found["prediction"]]
    cells = [x for one in both for x in (one.values() if isinstance(one, dict) else [one])]
    if both[0] is None and spec.kind != "classes":
        cells = [None] * spec.width + cells[1:]
    return dict(zip(_target_columns(spec), cells, strict=True))


def read_predictions(path: Path, label_names: Sequence[str]) -> list[dict[str, Any]]:
    """Read what `write_predictions` wrote, for a model of these classes.

    Raises
    ------
    InputError
        If it is missing, damaged, or of other classes.
    """
    records, names = [record for _, record in json_lines(path)], set(label_names)
    for number, record in enumerate(records, 1):
        where = f"{path}: line {number}"
        if not label_names:  # of a run without classes, whose answers nobody reads back
            continue
        conform(record, Prediction, where)
        said = {record["prediction"], record["label"] or record["prediction"]}
        if record["probabilities"].keys() != names or not said <= names:
            raise InputError(f"{where}: damaged: expected the classes {', '.join(label_names)}")
    return records


def read_arrays(
    records: Sequence[Mapping[str, Any]], scoring: Scoring, where: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return what records say is known of each target, (N, columns), and all answers, (N, width).

    Parameters
    ----------
    records : sequence of mapping
        Of `read_predictions`.
    scoring : Scoring
        Of the run that made them.
    where : str
        What errors begin with.

    Raises
    ------
    InputError
        If a record lacks a target, or says something else of it.
    """
    values: dict[str, list[list[float]]] = {spec.name: [] for spec in scoring.specs}
    answers = []
    for number, record in enumerate(records, 1):
        row: list[float] = []
        for spec in scoring.specs:
            try:
                said = record if spec.is_labels else record["targets"][spec.name]
                value = record["label"] if spec.is_labels else said["value"]
                known, own = TARGET_KINDS[spec.kind].read(spec, value, said)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"{where}: line {number}: damaged: expected {spec.name} ({spec.kind})"
                ) from error
            values[spec.name].append(known)
            row += own
        answers.append(row)
    shapes = {spec.name: (len(records), spec.columns) for spec in scoring.specs}
    arrays = {name: np.array(of, np.float64).reshape(shapes[name]) for name, of in values.items()}
    width = sum(spec.width for spec in scoring.specs)
    return arrays, np.array(answers, np.float64).reshape(len(records), width)
