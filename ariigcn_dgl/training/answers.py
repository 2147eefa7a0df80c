"""The file of a model's answers: one JSON line per utterance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import json_lines, replacing
from ariigcn_dgl.limits import Limit
from ariigcn_dgl.schema import conform

Probability = Annotated[float, Limit("a number from 0 to 1", lambda x: 0 <= x <= 1.000001)]


class Answer(TypedDict):
    """A line."""

    dialogue: str
    utterance: str
    speaker: str
    label: str | None
    prediction: str
    probabilities: dict[str, Probability]


def write_predictions(
    path: Path, dialogues: Dialogues, probabilities: np.ndarray, label_names: Sequence[str]
) -> None:
    """Write one JSON line per utterance: ids, true label if known, predicted label, probabilities.

    Parameters
    ----------
    path : Path
    dialogues : Dialogues
    probabilities : (N, C) array
    label_names : sequence of str, length C
        Classes of the model.
    """
    of_row = np.repeat(np.arange(dialogues.num_dialogues), dialogues.lengths)
    with replacing(path) as scratch, scratch.open("w", encoding="utf-8") as file:
        for row, p in enumerate(probabilities):
            label = int(dialogues.labels[row])
            record = {
                "dialogue": dialogues.dialogue_ids[of_row[row]],
                "utterance": dialogues.utterance_ids[row],
                "speaker": dialogues.speaker_names[dialogues.speakers[row]],
                "label": label_names[label] if label >= 0 else None,
                "prediction": label_names[int(p.argmax())],
                "probabilities": {
                    name: round(float(x), 6) for name, x in zip(label_names, p, strict=True)
                },
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def read_answers(path: Path, label_names: Sequence[str]) -> list[dict[str, Any]]:
    """Read what `write_predictions` wrote, for a model of these classes.

    Raises
    ------
    InputError
        If it is missing, damaged, or of other classes.
    """
    records, names = [record for _, record in json_lines(path)], set(label_names)
    for number, record in enumerate(records, 1):
        where = f"{path}: line {number}"
        conform(record, Answer, where)
        said = {record["prediction"], record["label"] or record["prediction"]}
        if record["probabilities"].keys() != names or not said <= names:
            raise InputError(f"{where}: damaged: expected the classes {', '.join(label_names)}")
    return records
