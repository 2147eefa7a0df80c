"""``ariigcn train``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ariigcn_dgl.cli.say import note, say, show
from ariigcn_dgl.cli.tables import (
    calibration_table,
    classes_table,
    seeds_table,
    targets_table,
)
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.folder import UNSEALED, lacks_seal
from ariigcn_dgl.data.source import absolute, load_source
from ariigcn_dgl.device import check_device
from ariigcn_dgl.distributed import attempt, by_torchrun, joined, leads, size, told
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import command
from ariigcn_dgl.plugins import option
from ariigcn_dgl.training.fit import fit, follow
from ariigcn_dgl.training.floors import floors
from ariigcn_dgl.training.prepare import Prepared, captures_steps, check_processes, prepare
from ariigcn_dgl.training.protocol import conducted, seeds_in_words
from ariigcn_dgl.training.run_config import PresetName, RunConfig
from ariigcn_dgl.training.run_folder import RunFolder, resume_command
from ariigcn_dgl.training.run_spec import (
    RunSpec,
    begun_elsewhere,
    check_machine,
    default_folder,
    new_run,
    new_spec,
    prepare_run,
    read_run_spec,
    resumed_run,
)
from ariigcn_dgl.training.scoring import Scoring
from ariigcn_dgl.training.seeds import check_seeds, write_summary
from ariigcn_dgl.training.small_sample import split_warning
from ariigcn_dgl.training.threads import check_threads


def train(
    model: Any,
    training: TrainingConfig,
    seeds: list[int],
    system: str = "ariigcn",
    preset: PresetName = "tuned",
    data: str = "synthetic",
    modalities: list[str] | None = None,
    targets: list[str] | None = None,
    out: str | None = None,
    resume: str | None = None,
    device: str = "cpu",
    cuda_graphs: bool | None = None,
    threads: int = 1,
) -> None:
    """Train a system with one or more seeds, and score the test split once.

    Each system has options of its own: see them with --system NAME --help. Values come from the
    preset, then from --config, then from the options. The run folder gets everything that was
    decided and measured.

    Parameters
    ----------
    model : dataclass
        The model, of the system's type `Config`.
    training : TrainingConfig
        The training.
    seeds : list of int
        One training per seed; several give mean and spread.
    system : str
        What is trained: AR-IIGCN or a system it is compared with.
    preset : {"paper", "tuned", "tuned-meld", "graph"}
        "paper": the published settings (of ariigcn the most literal reading that trains); the
        others are for ariigcn only and were chosen on validation data, "tuned" for long two-speaker
        dialogues (IEMOCAP), "tuned-meld" for short ones of many speakers (MELD); "graph" is "tuned"
        without recurrence, half the time: other utterances are seen through the graph alone.
    data : str
        A data set (see: ariigcn data check --help); "synthetic" is made on the spot.
    modalities : list of {"text", "audio", "visual"}
        Use these only; default: all that the data set has.
    targets : list of str
        What is predicted: label, and others that the data set has (docs/data.md), as label vad; a
        score around 0 can be taken as classes: label:non-negative, label:positive, label:3,
        label:5, label:7. Default: what the data set declares.
    out : str
        New run folder; default runs/DATA-SYSTEM-PRESET-TIME.
    resume : str
        Run folder of an interrupted training to go on with, with the options that it began with:
        others are refused. Of a finished one the scores are shown again.
    device : str
        Where to train: cpu, cuda, cuda:1 ...
    cuda_graphs : bool
        On a CUDA device, ariigcn only: capture the steps as CUDA graphs and replay them, one launch
        a step. Default: where they can be captured. Proven in emulation; no measurement on a GPU
        is recorded.
    threads : int
        CPU threads. More help wide models only, and hurt where other programs share the cores.
    """
    if resume is not None:
        with joined(read_run_spec(Path(resume))["device"] if by_torchrun() else "cpu") as here:
            _go_on(Path(resume), here)
        return
    _set_threads(threads)
    with joined(device) as here:
        if _begun_before(out):
            _go_on(Path(str(out)), here)
            return
        check_device(here)
        check_seeds(seeds)
        dialogues = load_source(data, modalities, targets=targets)
        prepared = prepare(dialogues, RunConfig(system, model, training))
        folder = Path(out or default_folder(prepared.dialogues.name, system, preset))
        if size() > 1:
            check_processes(prepared.config, prepared.dialogues, size())
            captures_steps(cuda_graphs, here, prepared.config, size())  # before they part
        if not leads():
            _follow(prepared, seeds, folder, here)
            return
        if lacks_seal(data):
            note(f"{data}: {UNSEALED}")
        spec = new_spec(
            prepared,
            absolute(data),
            preset=preset,
            seeds=seeds,
            device=here,
            cuda_graphs=cuda_graphs,
            threads=threads,
            modalities=modalities,
            targets=targets,
        )
        check_machine(spec, prepared)
        with _saying_how_to_go_on(folder), new_run(folder, spec, prepared.config):
            _train_and_show(prepared, spec, folder)


def _begun_before(out: str | None) -> bool:
    """Whether processes that `torchrun` has started again are to go on with their run folder."""
    if not by_torchrun():
        return False
    if out is None:
        raise InputError("torchrun: needs --out, so that all processes know the run folder")
    return told(attempt() > 0 and Path(out).exists())


def _follow(prepared: Prepared, seeds: Sequence[int], folder: Path, device: str) -> None:
    """Train beside the process that leads, which writes and says everything."""
    for seed in seeds:
        follow(prepared, seed, folder / f"seed{seed}", device)


def _go_on(folder: Path, device: str) -> None:
    if not leads():
        spec = read_run_spec(folder)
        _set_threads(spec["threads"])
        _follow(_prepared_again(folder, spec), spec["seeds"], folder, device)
        return
    with _saying_how_to_go_on(folder), resumed_run(folder) as spec:
        check_device(spec["device"])
        _set_threads(spec["threads"])
        sentence = begun_elsewhere(folder, spec)
        if sentence:
            note(sentence)
        prepared = _prepared_again(folder, spec)
        if size() > 1:
            check_processes(prepared.config, prepared.dialogues, size())
        _train_and_show(prepared, spec, folder)


def _prepared_again(folder: Path, spec: RunSpec) -> Prepared:
    changed = (
        f"{folder}: was trained on another version of {spec['data']}: the data set has changed "
        "since, start a new run"
    )
    return prepare_run(folder, spec, changed)


@contextlib.contextmanager
def _saying_how_to_go_on(folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if folder.is_dir():
            again = resume_command(folder)
            print(file=sys.stderr)  # behind the terminal's ^C
            note(f"finished epochs are kept, go on with: {again}")
        raise


def _train_and_show(prepared: Prepared, spec: RunSpec, folder: Path) -> None:
    dialogues = prepared.dialogues
    before = [s for s in spec["seeds"] if RunFolder(folder / f"seed{s}").finished]
    if before:
        note(f"{folder}: {seeds_in_words(before)} finished before: not trained again")
    runs = _train_seeds(prepared, spec, folder)
    write_summary(folder, runs)
    for seed, run in runs.items():
        history = RunFolder(folder / f"seed{seed}").read_metrics()
        sentence = prepared.divergence(history, run["best_epoch"])
        if sentence:
            note(f"seed {seed}: {sentence}")
    title = f"{prepared.config.system} ({spec['preset']}) on {dialogues.name}"
    if before == spec["seeds"]:
        title += ", finished before"
    warnings = _size_warnings(dialogues, runs, folder)
    table = seeds_table(
        runs,
        title,
        conducted(prepared.config, spec, runs),
        metric=prepared.config.training.metric,
    )
    _print_results(table, runs, warnings, prepared, spec, folder)


def _size_warnings(
    dialogues: Dialogues, runs: dict[int, dict[str, Any]], folder: Path
) -> list[str]:
    """Say of validation and test where their scores mean little."""
    kept = [RunFolder(folder / f"seed{s}").read_uncalibrated(run) for s, run in runs.items()]
    found = [one for one in kept if one is not None]  # None: of a version that kept none
    bare = dialogues.without_features()
    parts = {split: bare.part(split) for split in ("val", "test")}
    return [split_warning(s, part, [one[s] for one in found]) for s, part in parts.items() if found]


def _train_seeds(prepared: Prepared, spec: RunSpec, folder: Path) -> dict[int, dict[str, Any]]:
    runs, config, dialogues = {}, prepared.config, prepared.dialogues
    epochs = config.epochs(len(dialogues.widths))
    for seed in spec["seeds"]:
        with _EpochDisplay(seed, epochs, prepared.scoring) as display:
            runs[seed] = fit(
                prepared,
                seed,
                folder / f"seed{seed}",
                device=spec["device"],
                cuda_graphs=spec["cuda_graphs"],
                report=display,
            )
    return runs


class _EpochDisplay:
    """A progress bar of epochs; one plain line an epoch where there is no terminal."""

    def __init__(self, seed: int, epochs: int, scoring: Scoring) -> None:
        self.seed = seed
        self.scoring = scoring
        self.console = Console(stderr=True)
        self.progress = Progress(
            TextColumn(f"seed {seed}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task("epochs", total=epochs, state="")

    def __enter__(self) -> _EpochDisplay:
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def __call__(self, record: dict[str, Any]) -> None:
        state = " ".join(f"{k} {v:.3f}" for k, v in record.items() if k != "epoch")
        if self.console.is_terminal:
            score = f"val_{self.scoring.metric}"
            decimals = self.scoring.columns[self.scoring.metric].decimals
            brief = (
                f"val {self.scoring.title} {record[score]:.{decimals}f}"
                if score in record
                else "TGAN"
            )
            self.progress.update(self.task, completed=record["epoch"], state=brief)
        else:
            print(f"seed {self.seed} epoch {record['epoch']}: {state}", file=sys.stderr)


def _print_results(
    table: Table,
    runs: dict[int, dict[str, Any]],
    warnings: Sequence[str],
    prepared: Prepared,
    spec: RunSpec,
    folder: Path,
) -> None:
    show(table)
    for sentence in filter(None, warnings):
        say(sentence)
    tests = [run["test"] for run in runs.values()]
    scoring = prepared.scoring
    if all(tests):
        if spec.get("targets") or not scoring.plain:
            share = prepared.config.training.label_share
            found = floors(prepared.dialogues, scoring, share)
            show(targets_table(scoring, tests, "test, all scores", found))
        if scoring.classes is not None:
            show(classes_table(tests, "test, per class"))
        calibrated = {seed: run for seed, run in runs.items() if "calibration" in run}
        if calibrated:  # a seed of a resumed run may be of a version that chose no temperature
            show(calibration_table(calibrated, "test, calibration"))
    else:
        print("the test split has no labels: nothing could be scored on it")
    seconds = sum(run["seconds"] for run in runs.values())
    parameters = next(iter(runs.values()))["parameters"]
    print(f"{parameters:,} parameters, {seconds:.0f} s of training")
    again = command(["ariigcn", "evaluate", str(folder), *option()])
    say(f"run folder: {folder}    scores again: {again}")


def _set_threads(threads: int) -> None:
    check_threads(threads)
    torch.set_num_threads(threads)
