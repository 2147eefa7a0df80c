"""Training of one seed, top to bottom: epochs, batches, steps, selection, checkpoints, scores."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import islice
from typing import Any, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

from ariigcn_dgl import distributed
from ariigcn_dgl.batch import Batch, collate, relinked, shuffled_batches
from ariigcn_dgl.batch.fixed_shape import Nodes, Shape, Sizes, few_shapes
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.shards import together
from ariigcn_dgl.data.shown import Shown
from ariigcn_dgl.distributed import add_gradients
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import System
from ariigcn_dgl.models.objective import Objective
from ariigcn_dgl.schema import conform
from ariigcn_dgl.training.calibration import calibration_errors, fit_temperature
from ariigcn_dgl.training.callbacks import StopTraining
from ariigcn_dgl.training.cuda_graph import CapturedUpdate, GraphCapture, Update
from ariigcn_dgl.training.losses import mean_losses, total
from ariigcn_dgl.training.metrics import Scores
from ariigcn_dgl.training.modality_dropout import drop_modalities, fill_batch
from ariigcn_dgl.training.optim import (
    adam,
    copied,
    discriminator_adam,
    ema_decay,
    lr_factor,
    update_ema,
)
from ariigcn_dgl.training.predict import BATCH_SIZE, labelled, predict
from ariigcn_dgl.training.prepare import TestUse
from ariigcn_dgl.training.run_config import RunConfig
from ariigcn_dgl.training.run_folder import Progress, RunFolder
from ariigcn_dgl.training.scoring import Scoring, TargetScores
from ariigcn_dgl.training.within_epoch import WithinEpoch

Report = Callable[[dict[str, Any]], None]

# What torch raises where a checkpoint is of another model.
_MISFITS = (AttributeError, KeyError, RuntimeError, TypeError, ValueError)
# Shapes that captured batches are padded to. Each costs a computed step and a capture: of the
# tuned trainings 96 % (IEMOCAP) and 98 % (MELD) of steps are replays, of 1.2 and 1.3 times the
# utterances.
CAPTURED_SHAPES = 4
CHECKPOINT_SECONDS = 300  # an epoch that takes longer can be gone on with, too
CLOCK_STEPS = 16  # the clock is looked at every so many steps
LOWEST = -sys.float_info.max  # below any score; checkpoints hold finite numbers only
SEED_STRIDE = 1_000_003  # a prime above any number of epochs: no two seeds share an epoch's seed


class Trainer:
    """Trains one seed epoch by epoch, and keeps the weights that validation chooses.

    Parameters
    ----------
    shown : Shown
        With the filler of what is missing, in the training split also of what is hidden.
    config, seed, device, test
        As in `fit`.
    folder : RunFolder
        Gets weights, metrics and checkpoints.
    capture : GraphCapture, optional
        With it, steps are captured as CUDA graphs and replayed (`CapturedUpdate`).
    objective : Objective, optional
        What the model is to learn, where it is more than classes.
    """

    def __init__(
        self,
        shown: Shown,
        config: RunConfig,
        seed: int,
        folder: RunFolder,
        device: str = "cpu",
        test: TestUse = "once",
        capture: GraphCapture | None = None,
        objective: Objective | None = None,
    ) -> None:
        dialogues = shown.dialogues
        self.dialogues = dialogues
        self.shown = shown
        self.config = config.training
        self.seed = seed
        self.folder = folder
        self.test = test
        self.train_set = dialogues.indices("train")
        bare = dialogues.without_features()
        self.splits = {split: bare.part(split) for split in ("val", "test")}
        torch.manual_seed(seed)  # initial weights
        outputs = dialogues.num_outputs
        self.model = config.build(dialogues.widths, outputs, objective).to(device)
        self.scoring = Scoring(dialogues.specs, config.training.metric)
        self.adversarial_epochs = config.adversarial_epochs(len(dialogues.widths))
        self.epochs = config.epochs(len(dialogues.widths))
        batch_size = self.config.batch_size
        self.learner = Learner(
            self.model,
            self.config,
            batches_per_epoch=-(-len(self.train_set) // batch_size),  # rounded up
            epochs=self.epochs,
            class_weight=class_weight(dialogues).to(device) if self.config.class_weights else None,
            capturable=capture is not None,
        )
        self.update: Update = self.learner.update
        self.adversarial_update: Update = self.learner.adversarial_update
        self.batch_device: str | None = device
        if capture is not None:
            shapes = self._captured_shapes()
            self.update = CapturedUpdate(self.update, device, shapes, capture)
            self.adversarial_update = CapturedUpdate(
                self.adversarial_update, device, shapes, capture
            )
            self.batch_device = None  # a captured update sends its batches itself
        self.history: list[dict[str, Any]] = []  # a record of each epoch
        # Of the epoch whose weights are kept, the higher the better: the first epoch is kept.
        self.best: dict[str, Any] = {"epoch": 0, "score": LOWEST, "sha256": ""}
        self.seconds = 0.0
        self.clock = 0.0  # when `seconds` was last brought up to date
        self.saved = 0.0  # when the checkpoint was written
        self.within: dict[str, Any] | None = None  # of an epoch that was stopped in the middle
        self.stopped = False  # by whom epochs are reported to
        self.deciding: dict[str, Any] = {}

    def train(self, report: Report) -> None:
        """Train epoch by epoch until patience or the epochs are at an end."""
        for epoch in range(len(self.history) + 1, self.epochs + 1):
            if self.early_stopping(epoch):
                break
            self.clock = self.saved = time.perf_counter()
            record = {"epoch": epoch} | self.train_epoch(epoch)
            if epoch > self.adversarial_epochs:  # before, no classifier has learnt anything
                record |= self.validate(epoch)
            self._count_seconds()
            self.history.append(record)
            self.save_checkpoint()
            try:
                report(dict(record))
            except StopTraining:
                self.stopped = True
                self.save_checkpoint()  # a training that is resumed is not to go on, either

    def early_stopping(self, epoch: int) -> bool:
        """Whether to stop before an epoch, patience being at an end, or the caller's will.

        Epochs of the GAN alone do not count: they have no score that could be better.
        """
        if self.stopped and self.best["epoch"] > 0:  # else there are no weights to keep
            return True
        last_gain = max(self.best["epoch"], self.adversarial_epochs)
        return epoch - last_gain > self.config.patience

    def train_epoch(self, epoch: int) -> dict[str, float]:
        """Take a step on every batch; return the mean losses."""
        # Seeded by epoch, so that a resumed run draws what an uninterrupted one would have drawn.
        torch.manual_seed(self._drawing_seed(epoch))
        self.model.train()
        adversarial_only = epoch <= self.adversarial_epochs
        update = self.adversarial_update if adversarial_only else self.update
        under_way = WithinEpoch(epoch, self._dropping(epoch))
        if self.within is not None:
            under_way.resume(self.within, self.model.device)
            self.within = None
        losses = under_way.losses
        first_step = self.learner.step_count - len(losses)
        for batch in self.batches(epoch, under_way.dropping, len(losses)):
            losses.append(self.learner.step(update, batch))
            # Asked together: a leader's clock that the others do not know would leave it waiting.
            if len(losses) % CLOCK_STEPS == 0 and distributed.told(self._checkpoint_due()):
                self.save_checkpoint(under_way)
        return mean_losses(losses, first_step)

    def _checkpoint_due(self) -> bool:
        return time.perf_counter() - self.saved >= CHECKPOINT_SECONDS

    def _count_seconds(self) -> None:
        now = time.perf_counter()
        self.seconds += now - self.clock
        self.clock = now

    def _drawing_seed(self, epoch: int) -> int:
        """Return what dropout is drawn by in an epoch: another number in each process."""
        if distributed.leads():
            return self.seed * SEED_STRIDE + epoch
        sequence = np.random.SeedSequence([self.seed, epoch, distributed.rank()])
        return int(sequence.generate_state(1)[0])

    def _dropping(self, epoch: int) -> np.random.Generator:
        # Of its own, so that without modality dropout the order is the same.
        number = [] if distributed.leads() else [distributed.rank()]
        return np.random.default_rng([self.seed, epoch, 1, *number])

    def batches(
        self, epoch: int, dropping: np.random.Generator | None = None, first: int = 0
    ) -> Iterator[Batch]:
        """Yield the training dialogues in the batches of an epoch.

        Parameters
        ----------
        epoch : int
        dropping : numpy.random.Generator, optional
            Draws what modalities are hidden; default: as from the beginning of the epoch.
        first : int
            The batch to begin with.
        """
        dropping = self._dropping(epoch) if dropping is None else dropping
        for indices in islice(self._batch_indices(epoch), first, None):
            own = indices[distributed.rank() :: distributed.size()]
            batch = self._batch(own, dropping)
            yield batch if self.batch_device is None else batch.to(self.batch_device)

    def _batch(self, indices: np.ndarray, dropping: np.random.Generator) -> Batch:
        """Return the dialogues, on the CPU, with what is missing, or hidden now, filled."""
        probability, window = self.config.modality_dropout, self.model.window
        if not probability:
            return collate(self.shown, indices, window)
        batch = collate(self.shown.unfilled(), indices, window)
        batch = drop_modalities(batch, probability, dropping)
        # Its graph was that of the modalities that were there.
        return relinked(fill_batch(batch, self.shown.filler), window)

    def _batch_indices(self, epoch: int) -> Iterator[np.ndarray]:
        """Yield the dialogues of each batch of an epoch."""
        generator = np.random.default_rng([self.seed, epoch])
        groups = together(self.dialogues, self.train_set, generator)
        return shuffled_batches(self.dialogues.lengths, groups, self.config.batch_size, generator)

    def _captured_shapes(self) -> list[Shape]:
        """Return the shapes that hold every batch of every epoch: all are known beforehand."""
        window = self.model.window
        # Filled: what modality dropout hides only makes their graphs smaller.
        of_dialogues = Sizes.of_dialogues(replace(self.dialogues, masks=self.shown.masks), window)
        epochs = range(1, self.epochs + 1)
        sizes = of_dialogues.of_batches(b for epoch in epochs for b in self._batch_indices(epoch))
        nodes = Nodes(window.nodes_per_utterance, window.num_rels)
        return few_shapes(sizes, nodes, self.config.batch_size, CAPTURED_SHAPES)

    def validate(self, epoch: int) -> dict[str, float]:
        """Score the averaged weights on validation, and keep them if they are the best so far."""
        ema = self.learner.ema
        scores = self._score(ema, "val")
        record = self._columns("val", scores)
        if self.test == "every epoch":  # to be reported only: nothing below reads it
            record |= self._columns("test", self._score(ema, "test"))
        last = self.config.selection == "last"  # then every epoch replaces the one before
        merit = self.scoring.merit(scores.record())
        if last or merit > self.best["score"]:
            sha256 = self.folder.write_weights(ema)
            self.best = {"epoch": epoch, "score": merit, "sha256": sha256}
        return record

    def save_checkpoint(self, under_way: WithinEpoch | None = None) -> None:
        """Write what an interrupted training goes on from.

        Parameters
        ----------
        under_way : WithinEpoch, optional
            Of an epoch that has not ended; all processes call this together.
        """
        within = None
        if under_way is not None:
            within = under_way.state_dict(self.model.device)
            self._count_seconds()
        self.folder.write_metrics(self.history)
        state = self.learner.state_dict()
        state |= {"history": self.history, "best": self.best, "seconds": self.seconds}
        state |= {"stopped": self.stopped, "within": within}
        self.folder.write_checkpoint(state | {"deciding": self.deciding})
        self.saved = time.perf_counter()

    def resume(self, deciding: dict[str, Any]) -> None:
        """Go on from the checkpoint in the folder, if there is one.

        Parameters
        ----------
        deciding : dict
            Hashes of settings and data, and the seed: kept in the checkpoint, and those of a
            checkpoint that training is to go on from must be the same.

        Raises
        ------
        InputError
            If the checkpoint is damaged or of another training.
        """
        self.deciding = deciding
        state = distributed.told(self.folder.read_checkpoint())
        if state is None:
            return
        if state.pop("deciding", None) != deciding:
            raise self.folder.damaged_checkpoint()
        state.setdefault("stopped", False)  # an earlier version knew no other
        state.setdefault("within", None)  # nor these
        try:
            best = state["best"]
            if "weighted_f1" in best:  # of a version that compared epochs by nothing else
                state["best"] = {"score": best.pop("weighted_f1"), **best}
            conform({name: state[name] for name in get_type_hints(Progress)}, Progress, "")
            self.history, self.best = state.pop("history"), state.pop("best")
            self.seconds, self.stopped = state.pop("seconds"), state.pop("stopped")
            self.within = state.pop("within")
            if self.within is not None and self.within["epoch"] != len(self.history) + 1:
                raise self.folder.damaged_checkpoint()
            self.learner.load_state_dict(state)
        except (*_MISFITS, InputError) as error:
            raise self.folder.damaged_checkpoint() from error
        self.folder.write_metrics(self.history)  # of a last epoch it may never be done again

    def evaluate(self) -> dict[str, Any]:
        """Score validation, and test for the first and only time, with the kept weights."""
        # On the CPU, where `TrainedRun` scores, so that it finds the same numbers.
        self.folder.check_weights(self.best["sha256"])
        self.folder.load_weights(self.model.cpu())
        val, test = self.splits["val"], self.splits["test"]
        splits = ("val",) if self.test == "never" else ("val", "test")
        before = {
            split: predict(self.model, self.shown, self.dialogues.indices(split))
            for split in splits
        }
        found: dict[str, Any] = {}
        temperature = 1.0
        classes = {split: self.scoring.of_classes(said) for split, said in before.items()}
        if self.scoring.classes is not None:
            self.folder.write_uncalibrated(classes, val.labels)
            temperature = fit_temperature(*labelled(val, classes["val"]))
            found["calibration"] = {"temperature": temperature}
        after = {split: self.scoring.calibrated(p, temperature) for split, p in before.items()}
        for split in before:
            # Of a test split without labels none: that is what one predicts on.
            scores = self.scoring.score(self.splits[split], before[split])
            found[split] = None if scores is None else scores.record()
            if scores is not None and self.scoring.classes is not None:
                own = self.scoring.of_classes(after[split])
                found["calibration"][split] = self._errors(split, classes[split], own)
            if split == "test":
                self.folder.write_test(test, after["test"], scores, self.scoring)
        if self.test == "every epoch":
            found["best_test_epoch"] = _best_test_epoch(self.history, self.scoring)
        return {
            "best_epoch": self.best["epoch"],
            "epochs": len(self.history),
            "seconds": self.seconds,
            "parameters": sum(p.numel() for p in self.model.parameters()),
            **({"stopped": True} if self.stopped and len(self.history) < self.epochs else {}),
            **found,
        }

    def _columns(self, split: str, scores: Scores | TargetScores) -> dict[str, float]:
        found = scores.headline()
        return {f"{split}_{name}": found[name] for name in self.scoring.shown}

    def _errors(self, split: str, before: np.ndarray, after: np.ndarray) -> dict[str, float]:
        known, labels = labelled(self.splits[split], before)
        return calibration_errors(known, labelled(self.splits[split], after)[0], labels)

    def _score(self, model: System, split: str) -> Scores | TargetScores:
        part = self.splits[split]
        scores = self.scoring.score(part, self._predict(model, split))
        if scores is None:  # `prepare` has refused it
            raise ValueError(f"split {split}: nothing is known to score")
        return scores

    def _predict(self, model: System, split: str) -> np.ndarray:
        """Return the answers to a split, (N, C); of several processes each does some."""
        chosen, own = self.dialogues.indices(split), BATCH_SIZE * distributed.size()
        if distributed.size() == 1:
            return predict(model, self.shown, chosen)
        # Whole batches of the model, so that the numbers are those of one process.
        turn = np.arange(len(chosen)) % own // BATCH_SIZE
        parts = [chosen[turn == one] for one in range(distributed.size())]
        found = distributed.everybodys(predict(model, self.shown, parts[distributed.rank()]))
        rows = np.repeat(turn, self.dialogues.lengths[chosen])
        together = np.empty((len(rows), found[0].shape[1]), found[0].dtype)
        for one, probabilities in enumerate(found):
            together[rows == one] = probabilities
        return together


class Learner:
    """Trains a model batch by batch: discriminators first, then everything else.

    Steps return their losses where they were computed: to read them is to wait for the device.

    Parameters
    ----------
    model : System
        On the device where it is to be trained.
    config : TrainingConfig
        How it is trained.
    batches_per_epoch, epochs : int
        For the learning-rate schedule; epochs count those of the TGAN alone.
    class_weight : (C,) tensor, optional
        Weights of the classes in the cross entropy.
    capturable : bool
        Keep what changes from step to step in tensors, so that one captured update
        serves every step; see `ariigcn_dgl.training.cuda_graph`.

    Attributes
    ----------
    ema : System
        The moving average of the model's weights: what is validated and kept.
    """

    def __init__(
        self,
        model: System,
        config: TrainingConfig,
        batches_per_epoch: int,
        epochs: int,
        class_weight: Tensor | None = None,
        capturable: bool = False,
    ) -> None:
        self.model = model
        self.config = config
        self.batches_per_epoch = batches_per_epoch
        self.steps = batches_per_epoch * epochs
        self.class_weight = class_weight
        self.discriminator_parameters = list(model.discriminator_parameters())
        theirs = {id(p) for p in self.discriminator_parameters}
        # Adversaries: neither optimizer may move the other's weights.
        self.parameters = [p for p in model.parameters() if id(p) not in theirs]
        self.optimizer = adam(self.parameters, config)
        self.discriminator_optimizer = discriminator_adam(self.discriminator_parameters, config)
        device = self.parameters[0].device
        self.lr: float | Tensor = torch.zeros((), device=device) if capturable else 0.0
        self.decay: float | Tensor = torch.zeros((), device=device) if capturable else 0.0
        self.ema = copied(model).requires_grad_(False)  # moved by `update_ema` alone
        self.step_count = 0

    def train_step(self, batch: Batch) -> dict[str, Tensor]:
        """Train on Eq. 17 (and the TGAN, where it alternates); return the losses."""
        return self.step(self.update, batch)

    def step(self, update: Update, batch: Batch) -> dict[str, Tensor]:
        """Take one step of the schedule by an update of the weights."""
        self._set_schedule()
        losses = update(batch)
        self.step_count += 1
        return losses

    def _set_schedule(self) -> None:
        """Set the learning rate and the average's decay of the step that is to be taken."""
        factor = 1.0  # the paper names one learning rate and no schedule
        if self.config.cosine:  # warms up over the first epoch
            factor = lr_factor(self.step_count, self.steps, self.batches_per_epoch)
        lr = self.config.learning_rate * factor
        decay = ema_decay(self.step_count + 1, self.config.ema_decay)
        if isinstance(self.lr, Tensor) and isinstance(self.decay, Tensor):
            # In place: captured steps read these two.
            self.lr.fill_(lr)
            self.decay.fill_(decay)
        else:
            self.lr, self.decay = lr, decay

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Do what `train_step` does on the device."""
        discriminator, encoded = {}, None
        if (
            self.discriminator_optimizer is not None
            and self.model.config.adversarial == "alternate"
        ):
            discriminator["discriminator"], encoded = self.discriminator_update(batch)
        with self._autocast():
            losses = self.model.losses(batch, self.class_weight, encoded)
        self._descend(self.optimizer, self.parameters, losses)
        update_ema(self.ema, self.model, self.decay)
        return {name: loss.detach() for name, loss in losses.items()} | discriminator

    def adversarial_update(self, batch: Batch) -> dict[str, Tensor]:
        """Train the TGAN alone: discriminators, then generators and encoders (Eq. 2-7)."""
        discriminator, encoded = self.discriminator_update(batch)
        with self._autocast():
            loss = self.model.generator_loss(batch, encoded)
        self._descend(self.optimizer, self.parameters, {"generator": loss})
        update_ema(self.ema, self.model, self.decay)
        return {"generator": loss.detach(), "discriminator": discriminator}

    def discriminator_update(self, batch: Batch) -> tuple[Tensor, Any]:
        """Train the discriminators alone; return their loss, and the batch `encoded` for others."""
        optimizer = self.discriminator_optimizer
        if optimizer is None:
            raise ValueError(f"{type(self.model).__name__} has no discriminators to train")
        with self._autocast():
            encoded = self.model.encoded(batch)
            loss = self.model.discriminator_loss(batch, encoded)
        rate = self.model.config.discriminator_rate
        self._descend(optimizer, self.discriminator_parameters, {"discriminator": loss}, rate)
        return loss.detach(), encoded

    def _descend(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: list[nn.Parameter],
        losses: Mapping[str, Tensor],
        rate: float = 1.0,
    ) -> None:
        """Move parameters down the gradient of the losses' sum, clipped, at a share of the rate."""
        self.model.zero_grad(set_to_none=True)
        total(losses.values()).backward(inputs=parameters)  # the opponent's are not wanted
        add_gradients(parameters)
        nn.utils.clip_grad_norm_(parameters, self.config.grad_clip)
        # Adam refuses to be captured unless it is told so.
        capturing = self.parameters[0].is_cuda and torch.cuda.is_current_stream_capturing()
        for group in optimizer.param_groups:
            lr = self.lr if rate == 1 else self.lr * rate
            group["lr"], group["capturable"] = lr, capturing
        optimizer.step()

    def _autocast(self) -> AbstractContextManager:
        if not self.config.amp:
            return nullcontext()
        return torch.autocast(self.parameters[0].device.type, torch.bfloat16)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that training goes on from."""
        discriminator = self.discriminator_optimizer
        return {  # the keys are those of state.pt: checkpoints of earlier versions have them
            "model": self.model.state_dict(),
            "average": self.ema.state_dict(),
            "main": self.optimizer.state_dict(),
            "against": None if discriminator is None else discriminator.state_dict(),
            "step_count": self.step_count,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.model.load_state_dict(state["model"])
        self.ema.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["main"])
        if self.discriminator_optimizer is not None:
            self.discriminator_optimizer.load_state_dict(state["against"])
        self.step_count = state["step_count"]


def class_weight(dialogues: Dialogues) -> Tensor:
    """Return weights inverse to the classes' training frequency, with mean 1 over utterances.

    Parameters
    ----------
    dialogues : Dialogues
        Their split train counts.

    Returns
    -------
    (C,) float32 tensor
        0 for a class that training does not have.
    """
    labels = dialogues.labels[dialogues.in_split("train")]
    counts = np.bincount(labels[labels >= 0], minlength=dialogues.num_classes)
    present = counts > 0
    weight = np.where(present, counts.sum() / (present.sum() * counts.clip(1)), 0)
    return torch.from_numpy(weight.astype(np.float32))


def _best_test_epoch(history: Sequence[dict[str, Any]], scoring: Scoring) -> dict[str, Any]:
    """Return what much of the literature reports: the scores of the epoch that test chooses."""
    column = f"test_{scoring.metric}"
    scored = [record for record in history if column in record]
    merit = scoring.columns[scoring.metric].merit
    best = max(scored, key=lambda record: merit(record[column]))
    return {"epoch": best["epoch"]} | {name: best[f"test_{name}"] for name in scoring.shown}
