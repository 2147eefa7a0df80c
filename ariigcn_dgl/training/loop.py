"""The epochs of one seed: train, select on validation, score test once, go on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal, get_type_hints

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.data import UNLABELLED, Dialogues
from ariigcn_dgl.data.batching import Batch, collate, shuffled_batches
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import System
from ariigcn_dgl.schema import conform
from ariigcn_dgl.training.metrics import HEADLINE, Scores
from ariigcn_dgl.training.modality_dropout import drop_modalities
from ariigcn_dgl.training.optimise import Optimiser, Update, run_epoch
from ariigcn_dgl.training.predict import predict, score_probabilities
from ariigcn_dgl.training.recorded_step import RecordedStep, Recorder
from ariigcn_dgl.training.records import Progress
from ariigcn_dgl.training.run_config import RunConfig
from ariigcn_dgl.training.run_folder import RunFolder

Report = Callable[[dict[str, Any]], None]
# What torch raises where a state is of another model.
_MISFITS = (AttributeError, KeyError, RuntimeError, TypeError, ValueError)
TestUse = Literal["never", "once", "every epoch"]


class Loop:
    """The loop over epochs of one seed, and its state.

    Parameters
    ----------
    dialogues : Dialogues
        Standardised.
    config, seed, device, test
        As in `fit`.
    folder : RunFolder
    recorder : Recorder or None
        With it, steps are recorded and replayed (`RecordedStep`).
    """

    def __init__(
        self,
        dialogues: Dialogues,
        config: RunConfig,
        seed: int,
        folder: RunFolder,
        device: str,
        test: TestUse,
        recorder: Recorder | None,
    ) -> None:
        self.dialogues = dialogues
        self.config = config
        self.seed = seed
        self.folder = folder
        self.test = test
        self.train_set = dialogues.indices("train")
        self.splits = {s: dialogues.select(dialogues.indices(s)) for s in ("val", "test")}
        torch.manual_seed(seed)
        self.model = config.build(dialogues.widths, dialogues.num_classes).to(device)
        batches = -(-len(self.train_set) // config.training.batch_size)
        weight = class_weight(dialogues) if config.training.class_weights else None
        self.adversarial_epochs = config.adversarial_epochs(len(dialogues.widths))
        self.epochs = self.adversarial_epochs + config.training.epochs
        self.optimiser = Optimiser(
            self.model,
            config.training,
            batches,
            self.epochs,
            None if weight is None else weight.to(device),
            recorded=recorder is not None,
        )
        self.device = None if recorder else device  # a recorded step sends its batches itself
        self.train_step, self.adversarial_step = self._steps(recorder)
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {"epoch": 0, "weighted_f1": -1.0, "sha256": ""}
        self.seconds = 0.0
        self.deciding: dict[str, Any] = {}

    def _steps(self, recorder: Recorder | None) -> tuple[Update, Update]:
        optimiser, size = self.optimiser, self.config.training.batch_size
        if recorder is None:
            return optimiser.train_step, optimiser.adversarial_step
        return (
            RecordedStep(optimiser, optimiser.update, size, recorder),
            RecordedStep(optimiser, optimiser.adversarial_update, size, recorder),
        )

    def run(self, report: Report) -> None:
        """Train epoch by epoch until patience or the epochs are at an end."""
        for epoch in range(len(self.history) + 1, self.epochs + 1):
            last_gain = max(self.best["epoch"], self.adversarial_epochs)
            if epoch - last_gain > self.config.training.patience:
                break
            started = time.perf_counter()
            record = self._epoch(epoch, epoch <= self.adversarial_epochs)
            self.seconds += time.perf_counter() - started
            self.history.append(record)
            self._save()
            report(record)

    def _epoch(self, epoch: int, adversarial_only: bool) -> dict[str, Any]:
        # Seeded by epoch, so that a resumed run draws what an uninterrupted one would have drawn.
        torch.manual_seed(self.seed * 1_000_003 + epoch)
        self.model.train()
        step = self.adversarial_step if adversarial_only else self.train_step
        terms = run_epoch(self._batches(epoch), step, self.optimiser.step_count)
        record = {"epoch": epoch, **terms}
        if adversarial_only:
            return record
        scores = self._score(self.optimiser.average, "val")[1]
        record |= _columns("val", scores)
        if self.test == "every epoch":
            record |= _columns("test", self._score(self.optimiser.average, "test")[1])
        last = self.config.training.selection == "last"
        if last or scores.weighted_f1 > self.best["weighted_f1"]:
            sha256 = self.folder.write_weights(self.optimiser.average)
            self.best = {"epoch": epoch, "weighted_f1": scores.weighted_f1, "sha256": sha256}
        return record

    def _batches(self, epoch: int) -> Iterator[Batch]:
        generator = np.random.default_rng([self.seed, epoch])
        # Of their own, so that without modality dropout the order is the same.
        dropping = np.random.default_rng([self.seed, epoch, 1])
        size, probability = self.config.training.batch_size, self.config.training.modality_dropout
        lengths = self.dialogues.lengths
        for chosen in shuffled_batches(lengths, self.train_set, size, generator):
            batch = collate(self.dialogues, chosen, self.model.window)
            batch = drop_modalities(batch, probability, dropping)
            yield batch if self.device is None else batch.to(self.device)

    def _save(self) -> None:
        self.folder.write_metrics(self.history)
        state = self.optimiser.state_dict()
        state |= {"history": self.history, "best": self.best, "seconds": self.seconds}
        self.folder.write_state(state | {"deciding": self.deciding})

    def resume(self, deciding: dict[str, Any]) -> None:
        """Go on from the state in the folder, if there is one.

        Parameters
        ----------
        deciding : dict
            Hashes of settings and data, and the seed: kept in the state, and those of a state that
            training is to go on from must be the same.
        """
        self.deciding = deciding
        state = self.folder.read_state()
        if state is None:
            return
        if state.pop("deciding", None) != deciding:
            raise self.folder.damaged_state()
        try:
            conform({name: state[name] for name in get_type_hints(Progress)}, Progress, "")
            self.history, self.best = state.pop("history"), state.pop("best")
            self.seconds = state.pop("seconds")
            self.optimiser.load_state_dict(state)
        except (*_MISFITS, InputError) as error:
            raise self.folder.damaged_state() from error
        self.folder.write_metrics(self.history)  # of a last epoch it may never be done again

    def finish(self) -> dict[str, Any]:
        """Score validation, and test for the first and only time, with the kept weights."""
        # On the CPU, where `TrainedRun` scores, so that it finds the same numbers.
        self.folder.check_weights(self.best["sha256"])
        self.folder.load_weights(self.model.cpu())
        found = {"val": asdict(self._score(self.model, "val")[1])}
        if self.test != "never":
            found["test"] = self._test()
        if self.test == "every epoch":
            found["best_test_epoch"] = _best_test_epoch(self.history)
        return {
            "best_epoch": self.best["epoch"],
            "epochs": len(self.history),
            "seconds": self.seconds,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            **found,
        }

    def _test(self) -> dict[str, Any] | None:
        """Predict the test split, and score it where it has labels."""
        part = self.splits["test"]
        probabilities = predict(self.model, part) if part.num_dialogues else np.empty((0, 0))
        scores = None
        if (part.labels != UNLABELLED).any():
            scores = score_probabilities(part, probabilities, part.label_names)
        self.folder.write_test(part, probabilities, scores)
        return None if scores is None else asdict(scores)

    def _score(self, model: System, split: str) -> tuple[np.ndarray, Scores]:
        part = self.splits[split]
        probabilities = predict(model, part)
        return probabilities, score_probabilities(part, probabilities, part.label_names)


def _columns(split: str, scores: Scores) -> dict[str, float]:
    return {f"{split}_{name}": value for name, value in scores.headline().items()}


def _best_test_epoch(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    scored = [record for record in history if "test_weighted_f1" in record]
    best = max(scored, key=lambda record: record["test_weighted_f1"])
    return {"epoch": best["epoch"]} | {name: best[f"test_{name}"] for name in HEADLINE}


def class_weight(dialogues: Dialogues) -> Tensor:
    """Return weights inverse to the classes' training frequency, with mean 1 over utterances.

    Parameters
    ----------
    dialogues : Dialogues

    Returns
    -------
    (C,) float32 tensor
        0 for a class that training does not have.
    """
    labels = dialogues.select(dialogues.indices("train")).labels
    counts = np.bincount(labels[labels >= 0], minlength=dialogues.num_classes)
    present = counts > 0
    weight = np.where(present, counts.sum() / (present.sum() * counts.clip(1)), 0)
    return torch.from_numpy(weight.astype(np.float32))
