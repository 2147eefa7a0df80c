"""The files of one run (one seed), and how they are written and read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import spreadsheet
from ariigcn_dgl.files import read_json, replacing, write_json
from ariigcn_dgl.training.metrics import Scores

RUN_FORMAT = 1  # raised when the same settings give other numbers or files
METRICS_FILE = "metrics.jsonl"
PREDICTIONS_FILE = "predictions.jsonl"
RUN_KEYS = ("dataset", "dataset_sha256", "seed", "label_names", "widths", "best_epoch", "val")


class RunFolder:
    """Paths and formats of a run's files.

    ``run.json`` (what was trained and how it ended), ``metrics.jsonl`` and ``metrics.csv`` (one
    line an epoch), ``model.safetensors`` (best weights), ``standardiser.safetensors``,
    ``predictions.jsonl``, ``per_class.csv`` and ``confusion.csv`` (test split), and while training
    ``state.pt``.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def write_run(self, content: dict[str, Any]) -> None:
        """Write what was trained and how it ended."""
        write_json(self.path / "run.json", content)

    def read_run(self) -> dict[str, Any]:
        """Read ``run.json``; InputError where it is missing or damaged."""
        return read_json(self.path / "run.json")

    def read_finished(self) -> dict[str, Any]:
        """Read ``run.json`` of a finished run; InputError where it is not or is damaged."""
        if not self.finished:
            raise InputError(
                f"{self.path}: the training is not finished, go on with: "
                f"ariigcn train --resume {self.path.parent}"
            )
        return read_json(self.path / "run.json", keys=RUN_KEYS)

    @property
    def validated(self) -> bool:
        """Whether the run has been trained, though the test split need not have been scored."""
        return (self.path / "run.json").exists() and "val" in self.read_run()

    @property
    def finished(self) -> bool:
        """Whether the run has been trained and scored."""
        return (self.path / "run.json").exists() and "test" in self.read_run()

    def write_weights(self, model: nn.Module) -> None:
        """Write the model's weights."""
        weights = {name: x.contiguous() for name, x in model.state_dict().items()}
        with replacing(self.path / "model.safetensors") as scratch:
            save_file(weights, scratch)

    def load_weights(self, model: nn.Module) -> None:
        """Load the weights into a model; InputError where they are damaged or do not fit."""
        path = self.path / "model.safetensors"
        weights = _load(load_file, path)
        expected = {name: tuple(x.shape) for name, x in model.state_dict().items()}
        found = {name: tuple(x.shape) for name, x in weights.items()}
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                raise InputError(
                    f"{path}: the weights do not fit the settings of this run: {name} has shape "
                    f"{found.get(name, 'none')}, expected {expected.get(name, 'none')}"
                )
        model.load_state_dict(weights)

    def write_standardiser(self, standardiser: Standardiser) -> None:
        """Write the feature statistics."""
        with replacing(self.path / "standardiser.safetensors") as scratch:
            save_arrays(standardiser.arrays(), scratch)

    def read_standardiser(self, widths: Mapping[str, int]) -> Standardiser:
        """Read the feature statistics; InputError where they are damaged or of other features."""
        path = self.path / "standardiser.safetensors"
        arrays = _load(load_arrays, path)
        found = {name: array.shape for name, array in arrays.items()}
        if found != {f"{m}.{part}": (w,) for m, w in widths.items() for part in ("mean", "std")}:
            raise InputError(f"{path}: the statistics are not of the features of this run")
        for name, array in arrays.items():
            if not (np.isfinite(array) & (array > 0 if name.endswith(".std") else True)).all():
                expected = "positive numbers" if name.endswith(".std") else "finite numbers"
                raise InputError(f"{path}: damaged: {name}: expected {expected}; train again")
        return Standardiser.from_arrays(arrays)

    def write_state(self, state: dict[str, Any]) -> None:
        """Write what training goes on from."""
        # Through memory: on a full disk torch.save raises errors that do not say so.
        buffer = io.BytesIO()
        torch.save(state, buffer)
        with replacing(self.path / "state.pt") as scratch:
            scratch.write_bytes(buffer.getvalue())  # no copy, and no view that outlives the buffer

    def read_state(self) -> dict[str, Any] | None:
        """Read what training goes on from; None before the first epoch has ended."""
        path = self.path / "state.pt"
        if not path.exists():
            return None
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch.load raises many kinds for a damaged file
            raise self.damaged_state() from error

    def damaged_state(self) -> InputError:
        """Return what to raise where training cannot go on from ``state.pt``."""
        return InputError(
            f"{self.path / 'state.pt'}: damaged or of other settings, training cannot go on from "
            f"it: delete {self.path} to start over"
        )

    def remove_state(self) -> None:
        """Remove what is of no use after training."""
        (self.path / "state.pt").unlink(missing_ok=True)

    def write_metrics(self, history: Sequence[dict[str, Any]]) -> None:
        """Write one line an epoch, as JSON lines and as CSV."""
        columns = list(dict.fromkeys(name for record in history for name in record))
        with replacing(self.path / METRICS_FILE) as scratch:
            scratch.write_text("".join(json.dumps(record) + "\n" for record in history))
        _write_csv(
            self.path / "metrics.csv", columns, ([r.get(c) for c in columns] for r in history)
        )

    def write_test(
        self, dialogues: Dialogues, probabilities: np.ndarray, scores: Scores | None
    ) -> None:
        """Write the test split's predictions and, with scores, those per class and confusions."""
        write_predictions(
            self.path / PREDICTIONS_FILE, dialogues, probabilities, dialogues.label_names
        )
        if scores is None:
            return
        columns = list(scores.per_class[0])
        rows = ([row[c] for c in columns] for row in scores.per_class)
        _write_csv(self.path / "per_class.csv", columns, rows)
        names = dialogues.label_names
        rows = ([name, *counts] for name, counts in zip(names, scores.confusion, strict=True))
        _write_csv(self.path / "confusion.csv", ["true \\ predicted", *names], rows)


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


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with replacing(path) as scratch, scratch.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(map(spreadsheet, columns))
        writer.writerows(map(spreadsheet, row) for row in rows)


def _load(load, path: Path) -> dict[str, Tensor | np.ndarray]:
    try:
        return load(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; was this run finished?") from error
    except SafetensorError as error:
        raise InputError(f"{path}: truncated or damaged ({error}); train this run again") from error
