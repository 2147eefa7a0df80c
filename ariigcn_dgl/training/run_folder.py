"""The files of one run (one seed): how they are written and read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file
from torch import nn

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.fill import Filler, FillKind, map_shapes
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import command
from ariigcn_dgl.files import (
    make_folder,
    remove_file,
    replacing,
    sha256_of,
    sweep,
    write_csv,
    write_json,
    write_text,
)
from ariigcn_dgl.limits import NotNegativeFloat, NotNegativeInt
from ariigcn_dgl.plugins import option
from ariigcn_dgl.seal import SEAL_FILE, is_sealed, refuse_lost, seal, unseal, verify
from ariigcn_dgl.training.checkpoint import read_checkpoint, write_checkpoint
from ariigcn_dgl.training.metrics import Scores
from ariigcn_dgl.training.predict import LARGEST_SHARE, read_predictions, write_predictions
from ariigcn_dgl.training.run_record import read_metrics, read_run
from ariigcn_dgl.training.scoring import Scoring, TargetScores

PREDICTIONS_FILE = "predictions.jsonl"
METRICS_FILE = "metrics.jsonl"
RUN_FILE = "run.json"
WEIGHTS, STANDARDISER, FILLER, UNCALIBRATED, CHECKPOINT = (
    "model.safetensors",
    "standardiser.safetensors",
    "filler.safetensors",
    "uncalibrated.safetensors",
    "state.pt",
)
Arrays = TypeVar("Arrays")  # by their names, of numpy or of torch


def resume_command(run: Path) -> str:
    """Return the command that goes on with a training, and may import what this process may."""
    return command(["ariigcn", "train", "--resume", str(run), *option()])


def way_out(folder: Path) -> str:
    """Return what to do where a file of a run or of one of its seeds is not what it was."""
    return f"put the right file there, or delete {folder} and train again"


class BestEpoch(TypedDict):
    """The best epoch so far; before the first, of number 0."""

    epoch: NotNegativeInt
    score: float
    sha256: str


class Progress(TypedDict):
    """What ``state.pt`` says beside weights and what optimizers keep."""

    history: list[dict[str, float]]
    best: BestEpoch
    seconds: NotNegativeFloat
    step_count: NotNegativeInt
    stopped: bool


class RunFolder:
    """Paths and formats of a run's files.

    ``run.json`` (what was trained and how it ended), ``metrics.jsonl`` and ``metrics.csv`` (one
    line an epoch), ``model.safetensors`` (best weights), ``standardiser.safetensors``,
    ``filler.safetensors`` (where missing modalities are reconstructed),
    ``uncalibrated.safetensors`` (what the weights say of validation and test, before the
    temperature), ``predictions.jsonl`` (with probabilities after it), ``per_class.csv`` and
    ``confusion.csv`` (test split), while training ``state.pt``, and when that has ended
    ``seal.json``: every reader compares its file with it.

    Parameters
    ----------
    path : Path
        The folder; need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def seal(self) -> None:
        """Say that the run has ended: its files are as they are to stay."""
        # Without the checkpoint, which is removed, and hidden files: locks, what is being written.
        names = (path.name for path in self.path.iterdir() if path.is_file())
        seal(self.path, [n for n in names if n not in (SEAL_FILE, CHECKPOINT) and n[0] != "."])

    def begin(self) -> None:
        """Prepare the folder to be trained in: new, or what an earlier process began.

        Raises
        ------
        InputError
            If it cannot be created, or holds a run that had ended and has lost its seal.
        """
        make_folder(self.path)
        sweep(self.path)
        self.refuse_lost_seal()
        unseal(self.path)

    def refuse_lost_seal(self) -> None:
        """Raise `InputError` where a run has ended and its seal is gone: it is not trained anew."""
        if not (self.path / RUN_FILE).exists() or is_sealed(self.path):
            return
        ended = "val" in read_run(self.path / RUN_FILE, trained=False)
        if ended and not (self.path / CHECKPOINT).exists():
            raise InputError(f"{self.path / SEAL_FILE}: no such file; {way_out(self.path)}")

    def _verified(self, name: str) -> Path:
        verify(self.path / name, way_out(self.path))
        return self.path / name

    def write_run(self, content: dict[str, Any]) -> None:
        """Write what was trained and how it ended."""
        write_json(self.path / RUN_FILE, content)

    def read_run(self) -> dict[str, Any]:
        """Read ``run.json`` of a run that has ended; InputError where it has not or is damaged."""
        if not is_sealed(self.path):
            if (self.path / RUN_FILE).exists():  # of another version it may have no seal
                read_run(self.path / RUN_FILE, trained=False)
            raise self._unfinished()
        refuse_lost(self.path, way_out(self.path))
        return read_run(self._verified(RUN_FILE), trained=True)

    def read_finished(self) -> dict[str, Any]:
        """Read ``run.json`` of a finished run; InputError where it is not or is damaged."""
        record = self.read_run()
        if "test" not in record:
            raise self._unfinished()
        return record

    def _unfinished(self) -> InputError:
        return InputError(
            f"{self.path}: the training is not finished, go on with: "
            f"{resume_command(self.path.parent)}"
        )

    @property
    def validated(self) -> bool:
        """Whether the run has been trained, though the test split need not have been scored."""
        return is_sealed(self.path)

    @property
    def finished(self) -> bool:
        """Whether the run has been trained and scored."""
        return is_sealed(self.path) and "test" in self.read_run()

    def write_weights(self, model: nn.Module) -> str:
        """Write the model's weights; return the SHA-256 of the file."""
        # safetensors refuses views that are not contiguous.
        weights = {name: x.contiguous() for name, x in model.state_dict().items()}
        with replacing(self.path / WEIGHTS) as scratch:
            save_file(weights, scratch)
            return sha256_of(scratch)

    def check_weights(self, sha256: str) -> None:
        """Raise `InputError` unless the weights are those that `write_weights` wrote."""
        path = self.path / WEIGHTS
        if not path.is_file() or sha256_of(path) != sha256:
            raise InputError(
                f"{path}: is not what the best epoch wrote: delete {self.path} to start over"
            )

    def load_weights(self, model: nn.Module) -> None:
        """Load the weights into a model; InputError where they are damaged or do not fit."""
        path = self.path / WEIGHTS
        if is_sealed(self.path):  # at the end of training it is not yet: `check_weights` then
            verify(path, way_out(self.path))
        weights = _load(load_file, path)
        expected = {name: tuple(x.shape) for name, x in model.state_dict().items()}
        found = {name: tuple(x.shape) for name, x in weights.items()}
        # Here, and not by load_state_dict, whose message is many lines long.
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                raise InputError(
                    f"{path}: the weights do not fit the settings of this run: {name} has shape "
                    f"{found.get(name, 'none')}, expected {expected.get(name, 'none')}"
                )
        for name, values in weights.items():
            if not values.isfinite().all():
                raise InputError(f"{path}: {name} has weights that are no finite numbers")
        model.load_state_dict(weights)

    def write_standardiser(self, standardiser: Standardiser) -> None:
        """Write the feature statistics."""
        with replacing(self.path / STANDARDISER) as scratch:
            save_arrays(standardiser.arrays(), scratch)

    def read_standardiser(self, widths: Mapping[str, int]) -> Standardiser:
        """Read the feature statistics; InputError where they are damaged or of other features."""
        path = self._verified(STANDARDISER)
        arrays = _load(load_arrays, path)
        found = {name: array.shape for name, array in arrays.items()}
        if found != {f"{m}.{part}": (w,) for m, w in widths.items() for part in ("mean", "std")}:
            raise InputError(f"{path}: the statistics are not of the features of this run")
        for name, array in arrays.items():
            if not (np.isfinite(array) & (array > 0 if name.endswith(".std") else True)).all():
                expected = "positive numbers" if name.endswith(".std") else "finite numbers"
                raise InputError(f"{path}: damaged: {name}: expected {expected}; train again")
        return Standardiser.from_arrays(arrays)

    def write_uncalibrated(self, said: Mapping[str, np.ndarray], labels: np.ndarray) -> None:
        """Write the probabilities of val and perhaps test before the temperature, and val's labels.

        Bounds on confidence are chosen from these, and diagrams of before and after drawn.
        """
        with replacing(self.path / UNCALIBRATED) as scratch:
            # Contiguous: safetensors stores the bytes of others in the wrong order.
            arrays = {split: np.ascontiguousarray(x) for split, x in said.items()}
            save_arrays({**arrays, "val_labels": labels}, scratch)

    def read_uncalibrated(self, record: Mapping[str, Any]) -> dict[str, np.ndarray] | None:
        """Read what `write_uncalibrated` wrote; None of a run of a version that did not.

        Parameters
        ----------
        record : mapping
            What `read_run` returned.

        Raises
        ------
        InputError
            If it is damaged or of other classes.
        """
        if "calibration" not in record:
            return None
        path = self._verified(UNCALIBRATED)
        arrays = _load(load_arrays, path)
        classes = len(record["label_names"])
        if not {"val", "val_labels"} <= arrays.keys() <= {"val", "val_labels", "test"}:
            raise InputError(f"{path}: damaged: expected val, val_labels and test; train again")
        labels = arrays["val_labels"]
        for name in arrays.keys() - {"val_labels"}:
            array = arrays[name]
            # Not NaN either; a float32 softmax may end a little above 1.
            if array.ndim != 2 or array.shape[1] != classes or not _are_shares(array):
                raise InputError(
                    f"{path}: damaged: {name}: expected probabilities of {classes} classes; "
                    "train again"
                )
        named = np.isin(labels, range(-1, classes)).all() and (labels >= 0).any()
        if labels.shape != arrays["val"].shape[:1] or not named:
            raise InputError(f"{path}: damaged: val_labels: expected classes; train again")
        return arrays

    def write_filler(self, filler: Filler) -> None:
        """Write what missing modalities are reconstructed by, if they are."""
        if filler.maps:
            with replacing(self.path / FILLER) as scratch:
                save_arrays(dict(filler.maps), scratch)

    def read_filler(self, kind: FillKind, widths: Mapping[str, int]) -> Filler:
        """Read what fills missing modalities; InputError where it is damaged or of other ones."""
        path = self.path / FILLER
        if kind != "reconstruct" or not path.exists():  # no two modalities were ever there at once
            return Filler(kind)
        maps, shapes = _load(load_arrays, self._verified(FILLER)), map_shapes(widths)
        if any(array.shape != shapes.get(name) for name, array in maps.items()):
            raise InputError(f"{path}: the maps are not between the features of this run")
        if not all(np.isfinite(array).all() for array in maps.values()):
            raise InputError(f"{path}: damaged: expected finite numbers; train again")
        return Filler(kind, maps)

    def write_checkpoint(self, state: dict[str, Any]) -> None:
        """Write what training goes on from."""
        write_checkpoint(self.path / CHECKPOINT, state)

    def read_checkpoint(self) -> dict[str, Any] | None:
        """Read what training goes on from; None before the first epoch has ended."""
        path = self.path / CHECKPOINT
        if not path.exists():
            return None
        try:
            return read_checkpoint(path)
        except ValueError as error:
            raise self.damaged_checkpoint() from error

    def damaged_checkpoint(self) -> InputError:
        """Return what to raise where training cannot go on from ``state.pt``."""
        return InputError(
            f"{self.path / CHECKPOINT}: damaged or of other settings, training cannot go on from "
            f"it: delete {self.path} to start over"
        )

    def remove_checkpoint(self) -> None:
        """Remove what is of no use after training."""
        remove_file(self.path / CHECKPOINT)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read one record an epoch of a run that has ended."""
        return read_metrics(self._verified(METRICS_FILE))

    def read_answers(self, label_names: Sequence[str]) -> list[dict[str, Any]]:
        """Read the test split's predictions of a finished run."""
        return read_predictions(self._verified(PREDICTIONS_FILE), label_names)

    def read_uncalibrated_test(
        self, record: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]
    ) -> np.ndarray | None:
        """Return the probabilities before the temperature, (N, C), of labelled test utterances.

        Parameters
        ----------
        record, answers
            What `read_finished` and `read_answers` returned.

        Raises
        ------
        InputError
            If the file is damaged or of other utterances.
        """
        arrays = self.read_uncalibrated(record)
        if arrays is None:
            return None
        if len(arrays.get("test", ())) != len(answers):
            raise InputError(
                f"{self.path / UNCALIBRATED}: damaged: expected the utterances of "
                f"{PREDICTIONS_FILE}; train again"
            )
        return arrays["test"][[one["label"] is not None for one in answers]]

    def write_metrics(self, history: Sequence[dict[str, Any]]) -> None:
        """Write one line an epoch, as JSON lines and as CSV."""
        columns = list(dict.fromkeys(name for record in history for name in record))
        lines = (json.dumps(record) + "\n" for record in history)
        write_text(self.path / METRICS_FILE, "".join(lines))
        rows = ([record.get(name) for name in columns] for record in history)
        write_csv(self.path / "metrics.csv", columns, rows)

    def write_test(
        self,
        dialogues: Dialogues,
        probabilities: np.ndarray,
        scores: Scores | TargetScores | None,
        scoring: Scoring | None = None,
    ) -> None:
        """Write the test split's predictions and, with scores, those per class and confusions."""
        path, names = self.path / PREDICTIONS_FILE, dialogues.label_names
        write_predictions(path, dialogues, probabilities, names, scoring=scoring)
        if isinstance(scores, TargetScores):
            scores = scores.classes
        if scores is None:
            return
        columns = list(scores.per_class[0])
        rows = ([row[c] for c in columns] for row in scores.per_class)
        write_csv(self.path / "per_class.csv", columns, rows)
        rows = ([name, *counts] for name, counts in zip(names, scores.confusion, strict=True))
        write_csv(self.path / "confusion.csv", ["true \\ predicted", *names], rows)


def _are_shares(array: np.ndarray) -> bool:
    return bool(((array >= 0) & (array <= LARGEST_SHARE)).all())


def _load(load: Callable[[Path], Arrays], path: Path) -> Arrays:
    try:
        return load(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; was this run finished?") from error
    except SafetensorError as error:
        raise InputError(f"{path}: truncated or damaged ({error}); train this run again") from error
