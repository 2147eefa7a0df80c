"""Train one seed: select the epoch on validation, score test once, resume after an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from ariigcn_dgl import distributed
from ariigcn_dgl.data.shown import Shown
from ariigcn_dgl.environment import environment
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.cuda_graph import CudaGraphs, GraphCapture, OrComputed
from ariigcn_dgl.training.memory import require_memory
from ariigcn_dgl.training.objectives import objective_record
from ariigcn_dgl.training.prepare import Prepared, TestUse, captures_steps
from ariigcn_dgl.training.run_config import RunConfig, settings_sha256
from ariigcn_dgl.training.run_folder import RunFolder
from ariigcn_dgl.training.run_record import RUN_FORMAT, TARGET_FORMAT
from ariigcn_dgl.training.trainer import Report, Trainer

# What a run cannot go on without, and is called in messages.
DECIDING = {"seed": "seed", "settings_sha256": "configuration", "dataset_sha256": "data set"}


def fit(
    prepared: Prepared,
    seed: int,
    path: Path,
    *,
    device: str = "cpu",
    cuda_graphs: bool | None = None,
    test: TestUse = "once",
    report: Report = lambda record: None,
) -> dict[str, Any]:
    """Train a model and score it.

    Epochs are compared by a score on validation (`Prepared.scoring`); the test split is scored
    once, at the end, with the weights of the best epoch (or of the last, by
    `TrainingConfig.selection`). Continues where an earlier call in the same folder was stopped,
    with the numbers of an uninterrupted run.

    Parameters
    ----------
    prepared : Prepared
        Dialogues with splits train, val and test, and the settings. A test split without labels is
        predicted, not scored.
    seed : int
        Decides initial weights, order of batches and dropout.
    path : Path
        Folder of the run; created where it does not exist.
    device : str
        Where to train.
    cuda_graphs : bool, optional
        Replay each step as a CUDA graph (`CapturedUpdate`). Default: where it can be
        (`captures_steps`), and what cannot be captured after all is computed, with a warning.
    test : {"never", "once", "every epoch"}
        Use of the test split. "never": for a search; a later call with "once" in the same folder
        only adds the test scores. "every epoch": also record the scores that much of the literature
        reports, and the best of them as ``best_test_epoch``; they never decide anything. The
        dialogues must be prepared for it.
    report : callable
        Called with a copy of each epoch's record; by `StopTraining` it ends the training.

    Returns
    -------
    dict
        Content of ``run.json``, with the scores ``val`` and, unless never, ``test``: None where
        the test split has no label.

    Raises
    ------
    InputError
        If the folder holds another run or is damaged, memory is too small, or training
        diverges.

    Examples
    --------
    >>> import tempfile
    >>> from ariigcn_dgl.config import TrainingConfig
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> from ariigcn_dgl.training.prepare import prepare
    >>> from ariigcn_dgl.training.run_config import RunConfig
    >>> config = RunConfig("mlp", training=TrainingConfig(epochs=1))
    >>> prepared = prepare(synthesise(SynthConfig(train=4, val=2, test=2)), config)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = fit(prepared, 0, Path(folder, "seed0"))
    >>> run["best_epoch"], 0 <= run["test"]["weighted_f1"] <= 100
    (1, True)
    """
    folder = RunFolder(path)
    prepared = prepared.of_seed(seed)
    run = _begun(prepared, seed)
    # A search asks for no test scores: it is content with a run that was validated.
    ended = folder.finished or (test == "never" and folder.validated)
    if distributed.told(ended):
        return _ended(folder, run, keep_checkpoint=test == "never")
    require_memory(prepared.dialogues, prepared.config, device)
    folder.begin()
    folder.write_run(run)  # already now: a folder that is stopped says whose it is
    shown = Shown.fit(prepared.dialogues, prepared.config.training.missing)
    folder.write_standardiser(shown.standardiser)
    folder.write_filler(shown.filler)
    trainer = Trainer(
        shown,
        prepared.config,
        seed,
        folder,
        device,
        test,
        capture=_capture(cuda_graphs, device, prepared.config),
        objective=prepared.objective,
    )
    trainer.resume({name: run[name] for name in DECIDING})
    trainer.train(report)
    run |= trainer.evaluate()
    folder.write_run(run)
    folder.seal()
    if test != "never":  # of a search the chosen candidate's test scores may still be wanted
        folder.remove_checkpoint()
    return run


def _capture(wanted: bool | None, device: str, config: RunConfig) -> GraphCapture | None:
    if not captures_steps(wanted, device, config, distributed.size()):
        return None
    return CudaGraphs(device) if wanted else OrComputed(CudaGraphs(device))


def follow(prepared: Prepared, seed: int, path: Path, device: str = "cpu") -> None:
    """Train beside the process that leads, which is in `fit` meanwhile; write nothing.

    Parameters
    ----------
    prepared, seed, path, device
        As of `fit`; dialogues and settings must be the leader's.
    """
    if distributed.told(True):
        return
    prepared = prepared.of_seed(seed)
    shown = Shown.fit(prepared.dialogues, prepared.config.training.missing)
    folder = Unwritten(path)
    objective = prepared.objective
    trainer = Trainer(shown, prepared.config, seed, folder, device, objective=objective)
    run = _begun(prepared, seed)
    trainer.resume({name: run[name] for name in DECIDING})
    trainer.train(lambda record: None)


class Unwritten(RunFolder):
    """The folder of a run that another process writes."""

    def write_weights(self, model: nn.Module) -> str:
        """Leave it to the other."""
        return ""

    def write_metrics(self, history: Sequence[dict[str, Any]]) -> None:
        """Leave it to the other."""

    def write_checkpoint(self, state: dict[str, Any]) -> None:
        """Leave it to the other."""

    def read_checkpoint(self) -> None:
        """Leave it to the other."""


def _ended(folder: RunFolder, run: dict[str, Any], keep_checkpoint: bool) -> dict[str, Any]:
    """Return the record of a run that was trained before; `run` is what was asked for."""
    record = folder.read_run()
    for name in DECIDING:
        if record[name] != run[name]:
            raise InputError(
                f"{folder.path}: holds a run of another {DECIDING[name]}: delete it, or choose "
                "another folder"
            )
    if not keep_checkpoint:  # the process may have been killed before it did
        folder.remove_checkpoint()
    return record


def _begun(prepared: Prepared, seed: int) -> dict[str, Any]:
    """Return what ``run.json`` says from the beginning."""
    dialogues, config, objective = prepared.dialogues, prepared.config, prepared.objective
    return {
        "format": RUN_FORMAT if objective is None else TARGET_FORMAT,
        "system": config.system,
        "dataset": dialogues.name,
        "dataset_sha256": prepared.dataset_sha256,
        "settings_sha256": settings_sha256(config),
        "seed": seed,
        "label_names": list(dialogues.label_names),
        **({} if objective is None else {"targets": objective_record(objective)}),
        "widths": dialogues.widths,
        **({"sequences": list(dialogues.sequences)} if dialogues.sequences else {}),
        "environment": environment(),
    }
