"""Train a run folder from Python, as ``ariigcn train`` does from the command line."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.data.load import prepare as prepare_dialogues
from ariigcn_dgl.data.source import absolute, load_source
from ariigcn_dgl.device import check_device
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import refuse_taken
from ariigcn_dgl.training.callbacks import Callback, Epoch, Logger, StopTraining
from ariigcn_dgl.training.ensemble import Ensemble
from ariigcn_dgl.training.fit import fit as fit_seed
from ariigcn_dgl.training.prepare import Prepared, prepare
from ariigcn_dgl.training.run_config import (
    RunConfig,
    changed,
    default_preset,
    preset_config,
    settings_sha256,
)
from ariigcn_dgl.training.run_folder import METRICS_FILE, RunFolder
from ariigcn_dgl.training.run_record import read_metrics
from ariigcn_dgl.training.run_spec import (
    DATA_FOLDER,
    RunSpec,
    begun_elsewhere,
    check_machine,
    default_folder,
    new_run,
    new_spec,
    read_settings,
    resumed_run,
)
from ariigcn_dgl.training.seeds import check_seeds, write_summary
from ariigcn_dgl.training.threads import check_threads, torch_threads


def fit(
    data: Dialogues | str | Path,
    out: str | Path | None = None,
    *,
    system: str = "ariigcn",
    preset: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seeds: Sequence[int] = (0,),
    targets: Sequence[str] | None = None,
    device: str = "cpu",
    cuda_graphs: bool | None = None,
    threads: int = 1,
    resume: bool = False,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
) -> Ensemble:
    """Train a system on dialogues, and score their test split once.

    The run folder is one that ``ariigcn evaluate``, ``predict``, ``report`` and ``train --resume``
    take. Dialogues that are not as `load_dialogues` read them are kept in it, as ``data``.

    Parameters
    ----------
    data : Dialogues, str or Path
        With splits train and val; or where they lie, or "synthetic".
    out : str or Path, optional
        The new run folder; its parents are made. Default: ``runs/DATA-SYSTEM-PRESET-TIME``.
    system, preset : str
        As of ``ariigcn train``; default of `preset` is what the system is trained with there.
    settings : mapping of str to value, optional
        What differs from the preset, by the names of the options, as ``{"training.epochs": 20,
        "model.window.past": 5}``.
    seeds : sequence of int
        One training for each.
    targets : sequence of str, optional
        What is to be predicted, of data that are named by their path: as of ``ariigcn train``.
    device : str
        Where to train: cpu, cuda, cuda:1 ... What is returned computes on the CPU.
    cuda_graphs : bool, optional
        Capture the steps as CUDA graphs; default: where they can be.
    threads : int
        CPU threads for this training, and for what is returned.
    resume : bool
        Go on with `out`, if it is there, where an earlier call or command with the same data,
        settings and seeds was stopped, on the device and with the threads that it had; what is
        finished is not trained again.
    callbacks : sequence of callable
        Called with an `Epoch` after each; `StopTraining` ends the training of the seed. They have
        no part in what is computed.
    loggers : sequence of Logger
        As `TensorBoard`.

    Returns
    -------
    Ensemble
        The trained seeds.

    Raises
    ------
    InputError
        If the data or a setting cannot be trained with, the folder exists, or with `resume` is of
        another training.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ariigcn_dgl.data import SynthConfig, synthesise
    >>> dialogues = synthesise(SynthConfig(name="made", train=4, val=2, test=2))
    >>> with TemporaryDirectory() as folder:
    ...     run = fit(dialogues, f"{folder}/run", system="mlp", settings={"training.epochs": 2})
    >>> 0 <= run.score(dialogues).weighted_f1 <= 100
    True
    """
    check_threads(threads)
    check_device(device)
    seeds = check_seeds(seeds)
    with ExitStack() as stack:
        # What the caller draws at random afterwards is not the training's concern.
        stack.enter_context(torch.random.fork_rng(_cuda_devices(device)))
        stack.enter_context(torch_threads(threads))  # as the record of the environment says
        preset = preset or default_preset(system)
        config = changed(preset_config(system, preset), settings or {})
        dialogues, source, dataset_sha256 = _found(data, targets)
        prepared = prepare(dialogues, config, dataset_sha256=dataset_sha256)
        folder = Path(out or default_folder(dialogues.name, system, preset))
        if resume and folder.exists():
            spec = stack.enter_context(resumed_run(folder))
            _refuse_other(folder, spec, prepared, seeds)
            check_machine(spec, prepared)
        else:
            refuse_taken(folder, "choose another folder, or go on with it by resume=True")
            spec = new_spec(
                prepared,
                source or str(folder.resolve() / DATA_FOLDER),
                preset=preset,
                seeds=seeds,
                device=device,
                cuda_graphs=cuda_graphs,
                threads=threads,
                targets=None if targets is None else list(targets),
            )
            check_machine(spec, prepared)
            kept = None if source else dialogues
            stack.enter_context(new_run(folder, spec, prepared.config, kept))
        stack.enter_context(torch_threads(spec["threads"]))
        records = {
            seed: _fit_seed(prepared, seed, spec, folder, callbacks, loggers)
            for seed in spec["seeds"]
        }
        write_summary(folder, records)
        return Ensemble(folder)


def _found(
    data: Dialogues | str | Path, targets: Sequence[str] | None
) -> tuple[Dialogues, str | None, str | None]:
    """Return checked dialogues, where they lie, and their fingerprint where it was asked for.

    What is in memory alone lies nowhere.
    """
    if not isinstance(data, Dialogues):
        return load_source(str(data), targets=targets), absolute(str(data)), None
    if targets is not None:
        raise InputError("targets: are of a path; of dialogues take Dialogues.with_targets")
    if data.source is not None:
        sha256 = fingerprint(data)
        if sha256 == data.source_sha256:
            return data, data.source, sha256
    return prepare_dialogues(data, data.name), None, None


def _cuda_devices(device: str) -> list[torch.device]:
    return [torch.device(device)] if torch.device(device).type == "cuda" else []


def _refuse_other(folder: Path, spec: RunSpec, prepared: Prepared, seeds: Sequence[int]) -> None:
    """Raise `InputError` where a folder is of another training; warn of another environment."""
    ours = read_settings(folder)
    differ = {
        "data": spec["dataset_sha256"] != prepared.dataset_sha256,
        "settings": settings_sha256(ours) != settings_sha256(prepared.config),
        "seeds": spec["seeds"] != list(seeds),
    }
    other = [name for name, differs in differ.items() if differs]
    if other:
        raise InputError(
            f"{folder}: was begun with other {' and '.join(other)}: choose another folder, or call "
            "fit as it was called then"
        )
    sentence = begun_elsewhere(folder, spec)
    if sentence:
        warnings.warn(sentence, stacklevel=3)


def _fit_seed(
    prepared: Prepared,
    seed: int,
    spec: RunSpec,
    run: Path,
    callbacks: Sequence[Callback],
    loggers: Sequence[Logger],
) -> dict[str, Any]:
    folder = RunFolder(run / f"seed{seed}")
    report = _Reporting(folder, seed, prepared, callbacks, [] if folder.finished else loggers)
    record = None
    try:
        record = fit_seed(
            prepared,
            seed,
            folder.path,
            device=spec["device"],
            cuda_graphs=spec["cuda_graphs"],
            report=report,
        )
    finally:
        report.end(record)
    sentence = prepared.divergence(folder.read_metrics(), record["best_epoch"])
    if sentence:
        warnings.warn(f"seed {seed}: {sentence}", stacklevel=3)
    return record


class _Reporting:
    """Hands an epoch's record to callbacks and loggers."""

    def __init__(
        self,
        folder: RunFolder,
        seed: int,
        prepared: Prepared,
        callbacks: Sequence[Callback],
        loggers: Sequence[Logger],
    ) -> None:
        self.folder = folder
        self.seed = seed
        self.config: RunConfig = prepared.config
        self.epochs = prepared.config.epochs(len(prepared.dialogues.widths))
        self.callbacks = callbacks
        self.loggers = loggers
        self.begun = False

    def __call__(self, record: dict[str, Any]) -> None:
        epoch = self._epoch(record)
        self._begin(epoch.number - 1)
        for logger in self.loggers:
            logger.log(epoch)
        stops = [_stops(callback, self._epoch(record)) for callback in self.callbacks]
        if any(stops):
            raise StopTraining

    def end(self, record: Mapping[str, Any] | None) -> None:
        """End the loggers of the seed, of which there may have been no epoch to train any more."""
        if record is not None:
            self._begin(record["epochs"])
        if self.begun:
            for logger in self.loggers:
                logger.end(record)

    def _begin(self, trained: int) -> None:
        """Begin the loggers, where that has not been done, with the epochs of before."""
        if self.begun or not self.loggers:
            return
        # It is written before an epoch is reported.
        records = read_metrics(self.folder.path / METRICS_FILE)[:trained]
        for logger in self.loggers:
            logger.begin(self.folder.path, asdict(self.config), [self._epoch(r) for r in records])
        self.begun = True

    def _epoch(self, record: Mapping[str, Any]) -> Epoch:
        figures = {name: value for name, value in record.items() if name != "epoch"}
        return Epoch(self.seed, record["epoch"], self.epochs, figures)


def _stops(callback: Callback, epoch: Epoch) -> bool:
    try:
        callback(epoch)
    except StopTraining:
        return True
    return False
