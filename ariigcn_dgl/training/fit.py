"""Train one seed: select the epoch on validation, score test once, resume after an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ariigcn_dgl.data import SPLITS, Dialogues, fingerprint
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.environment import environment
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.check_config import check_config
from ariigcn_dgl.training.loop import Loop, Report, TestUse
from ariigcn_dgl.training.memory import require_memory
from ariigcn_dgl.training.recorded_step import CudaGraphs
from ariigcn_dgl.training.records import RUN_FORMAT, settings_sha256
from ariigcn_dgl.training.run_config import RunConfig
from ariigcn_dgl.training.run_folder import RunFolder

# What a run cannot go on without, and is called in messages.
DECIDING = {"seed": "seed", "settings_sha256": "configuration", "dataset_sha256": "data set"}

LEARNT_FROM = ("train", "val")


def fit(
    dialogues: Dialogues,
    config: RunConfig,
    seed: int,
    path: Path,
    *,
    device: str = "cpu",
    cuda_graphs: bool = False,
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
        With splits train, val and test; a test split without labels is predicted, not scored.
    config : RunConfig
        Resolved for these dialogues.
    seed : int
        Decides initial weights, order of batches and dropout.
    path : Path
        Folder of the run; created where it does not exist.
    device : str
        Where to train.
    cuda_graphs : bool
        Replay each step as a CUDA graph (`RecordedStep`); on a CUDA device, for a system that is
        `System.recordable`.
    test : {"never", "once", "every epoch"}
        Use of the test split. "never": for a search; a later call with "once" in the same folder
        only adds the test scores. "every epoch": also record the scores that much of the literature
        reports, and the best of them as ``best_test_epoch``; they never decide anything.
    report : callable
        Called with each epoch's record.

    Returns
    -------
    dict
        Content of ``run.json``, with the scores ``val`` and, unless never, ``test``: None where
        the test split has no label.

    Raises
    ------
    InputError
        If a split has no labelled utterance, a setting is out of range, the folder holds another
        run or is damaged, memory is too small, or training diverges.
    """
    folder = RunFolder(path)
    run = _describe(dialogues, config, seed)
    if folder.finished or (test == "never" and folder.validated):
        return _ended(folder, run, keep_state=test == "never")
    require_labels(dialogues, SPLITS if test == "every epoch" else LEARNT_FROM)
    check_config(config, dialogues)
    require_memory(dialogues, config, device)
    folder.begin()
    folder.write_run(run)
    standardiser = Standardiser.fit(dialogues.select(dialogues.indices("train")))
    folder.write_standardiser(standardiser)
    recorder = CudaGraphs(device) if cuda_graphs else None
    loop = Loop(standardiser.apply(dialogues), config, seed, folder, device, test, recorder)
    loop.resume({name: run[name] for name in DECIDING})
    loop.run(report)
    run |= loop.finish()
    folder.write_run(run)
    folder.seal()
    if test != "never":
        folder.remove_state()
    return run


def _ended(folder: RunFolder, run: dict[str, Any], keep_state: bool) -> dict[str, Any]:
    """Return the record of a run that was trained before; `run` is what was asked for."""
    record = folder.read_run()
    for name in DECIDING:
        if record[name] != run[name]:
            raise InputError(
                f"{folder.path}: holds a run of another {DECIDING[name]}: delete it, or choose "
                "another folder"
            )
    if not keep_state:  # the process may have been killed before it did
        folder.remove_state()
    return record


def _describe(dialogues: Dialogues, config: RunConfig, seed: int) -> dict[str, Any]:
    return {
        "format": RUN_FORMAT,
        "system": config.system,
        "dataset": dialogues.name,
        "dataset_sha256": fingerprint(dialogues),
        "settings_sha256": settings_sha256(config),
        "seed": seed,
        "label_names": list(dialogues.label_names),
        "widths": dialogues.widths,
        "environment": environment(),
    }


def require_labels(dialogues: Dialogues, splits: Sequence[str] = SPLITS) -> None:
    """Raise `InputError` where one of the splits has no labelled utterance."""
    for split in splits:
        part = dialogues.select(dialogues.indices(split))
        if not (part.labels >= 0).any():
            raise InputError(
                f"{dialogues.name}: the split '{split}' has no labelled utterance: needs some in "
                f"{', '.join(splits[:-1])} and {splits[-1]}"
            )
