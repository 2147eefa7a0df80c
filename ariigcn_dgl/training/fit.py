"""Train one seed: select the epoch on validation, score test once, resume after an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ariigcn_dgl.data import SPLITS, Dialogues, fingerprint
from ariigcn_dgl.data.batching import Batch, collate, shuffled_batches
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.environment import environment
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import System
from ariigcn_dgl.training.check_config import check_config
from ariigcn_dgl.training.metrics import HEADLINE, Scores
from ariigcn_dgl.training.modality_dropout import drop_modalities
from ariigcn_dgl.training.optimise import Optimiser, run_epoch
from ariigcn_dgl.training.predict import predict, score_probabilities
from ariigcn_dgl.training.run_config import RunConfig
from ariigcn_dgl.training.run_folder import RUN_FORMAT, RunFolder

Report = Callable[[dict[str, Any]], None]
TestUse = Literal["never", "once", "every epoch"]


def fit(
    dialogues: Dialogues,
    config: RunConfig,
    seed: int,
    path: Path,
    *,
    device: str = "cpu",
    test: TestUse = "once",
    report: Report = lambda record: None,
) -> dict[str, Any]:
    """Train a model and score it.

    Epochs are compared by validation weighted F1; the test split is scored once, at the end, with
    the weights of the best epoch (or of the last, by `TrainingConfig.selection`). Continues where
    an earlier call in the same folder was stopped, with the numbers of an uninterrupted run.

    Parameters
    ----------
    dialogues : Dialogues
        With splits train, val and test.
    config : RunConfig
        Resolved for these dialogues.
    seed : int
        Decides initial weights, order of batches and dropout.
    path : Path
        Folder of the run; created where it does not exist.
    device : str
        Where to train.
    test : {"never", "once", "every epoch"}
        Use of the test split. "never": for a search; a later call with "once" in the same folder
        only adds the test scores. "every epoch": also record the scores that much of the literature
        reports, and the best of them as ``best_test_epoch``; they never decide anything.
    report : callable
        Called with each epoch's record.

    Returns
    -------
    dict
        Content of ``run.json``, with the scores ``val`` and, unless never, ``test``.

    Raises
    ------
    InputError
        If a split has no labelled utterance, a setting is out of range, the folder's state is
        damaged, or training diverges.
    """
    folder = RunFolder(path)
    if folder.finished or (test == "never" and folder.validated):
        return folder.read_run()
    require_labels(dialogues)
    check_config(config, dialogues)
    path.mkdir(exist_ok=True)
    run = _describe(dialogues, config, seed)
    folder.write_run(run)
    standardiser = Standardiser.fit(dialogues.select(dialogues.indices("train")))
    folder.write_standardiser(standardiser)
    training = _Training(standardiser.apply(dialogues), config, seed, folder, device, test)
    training.resume()
    training.run(report)
    run |= training.finish()
    folder.write_run(run)
    if test != "never":
        folder.remove_state()
    return run


class _Training:
    """The loop over epochs of one seed, and its state."""

    def __init__(
        self,
        dialogues: Dialogues,
        config: RunConfig,
        seed: int,
        folder: RunFolder,
        device: str,
        test: TestUse,
    ) -> None:
        self.dialogues = dialogues
        self.config = config
        self.seed = seed
        self.folder = folder
        self.device = device
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
        )
        self.history: list[dict[str, Any]] = []
        self.best = {"epoch": 0, "weighted_f1": -1.0}
        self.seconds = 0.0

    def run(self, report: Report) -> None:
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
        step = self.optimiser.adversarial_step if adversarial_only else self.optimiser.train_step
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
            self.best = {"epoch": epoch, "weighted_f1": scores.weighted_f1}
            self.folder.write_weights(self.optimiser.average)
        return record

    def _batches(self, epoch: int) -> Iterator[Batch]:
        generator = np.random.default_rng([self.seed, epoch])
        # Of their own, so that without modality dropout the order is the same.
        dropping = np.random.default_rng([self.seed, epoch, 1])
        size, probability = self.config.training.batch_size, self.config.training.modality_dropout
        lengths = self.dialogues.lengths
        for chosen in shuffled_batches(lengths, self.train_set, size, generator):
            batch = collate(self.dialogues, chosen, self.model.window)
            yield drop_modalities(batch, probability, dropping).to(self.device)

    def _save(self) -> None:
        self.folder.write_metrics(self.history)
        state = self.optimiser.state_dict()
        state |= {"history": self.history, "best": self.best, "seconds": self.seconds}
        self.folder.write_state(state)

    def resume(self) -> None:
        state = self.folder.read_state()
        if state is None:
            return
        try:
            self.history, self.best = state.pop("history"), state.pop("best")
            self.seconds = state.pop("seconds")
            self.optimiser.load_state_dict(state)
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise self.folder.damaged_state() from error

    def finish(self) -> dict[str, Any]:
        """Score validation, and test for the first and only time, with the kept weights."""
        # On the CPU, where `TrainedRun` scores, so that it finds the same numbers.
        self.folder.load_weights(self.model.cpu())
        found = {"val": asdict(self._score(self.model, "val")[1])}
        if self.test != "never":
            probabilities, scores = self._score(self.model, "test")
            self.folder.write_test(self.splits["test"], probabilities, scores)
            found["test"] = asdict(scores)
        if self.test == "every epoch":
            found["best_test_epoch"] = _best_test_epoch(self.history)
        return {
            "best_epoch": self.best["epoch"],
            "epochs": len(self.history),
            "seconds": self.seconds,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            **found,
        }

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


def _describe(dialogues: Dialogues, config: RunConfig, seed: int) -> dict[str, Any]:
    return {
        "format": RUN_FORMAT,
        "system": config.system,
        "dataset": dialogues.name,
        "dataset_sha256": fingerprint(dialogues),
        "seed": seed,
        "label_names": list(dialogues.label_names),
        "widths": dialogues.widths,
        "environment": environment(),
    }


def require_labels(dialogues: Dialogues) -> None:
    """Raise `InputError` where a split has no labelled utterance."""
    for split in SPLITS:
        part = dialogues.select(dialogues.indices(split))
        if not (part.labels >= 0).any():
            raise InputError(
                f"{dialogues.name}: the split '{split}' has no labelled utterance: training needs "
                "some in train, val and test"
            )
