"""A training while it goes on: what its files say so far, as a page that reads itself again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ariigcn_dgl.data.targets import classes_spec
from ariigcn_dgl.files import read_text
from ariigcn_dgl.report import curves
from ariigcn_dgl.report.page import render
from ariigcn_dgl.report.run_files import NO_PREDICTIONS, RunFiles, Seed
from ariigcn_dgl.training.protocol import protocol_of
from ariigcn_dgl.training.run_config import CONFIG_FILE
from ariigcn_dgl.training.run_folder import METRICS_FILE, RUN_FILE, RunFolder
from ariigcn_dgl.training.run_record import read_metrics, read_run
from ariigcn_dgl.training.run_spec import read_run_spec, read_settings
from ariigcn_dgl.training.scoring import Scoring

REFRESH = 3  # seconds after which the page is read again


@dataclass(frozen=True)
class Progress:
    """How far one seed is.

    Parameters
    ----------
    seed : int
    epochs : int
        That have been trained.
    best : (int, float) or None
        Epoch and value of the best score on validation so far, weighted F1 of classes.
    last : float or None
        The latest such score.
    finished : bool
        Whether it has been trained and scored.
    """

    seed: int
    epochs: int
    best: tuple[int, float] | None
    last: float | None
    finished: bool


@dataclass(frozen=True)
class Training:
    """What the files of a run folder say so far.

    Parameters
    ----------
    run : RunFiles
        With the epochs that there are; without scores.
    most : int or None
        Epochs that each seed may take; None before the first has begun.
    seeds : sequence of Progress
    """

    run: RunFiles
    most: int | None
    seeds: Sequence[Progress]

    @property
    def finished(self) -> bool:
        """Whether all seeds are."""
        return all(seed.finished for seed in self.seeds)

    @property
    def state(self) -> tuple[Progress, ...]:
        """What changes while it goes on."""
        return tuple(self.seeds)


def read_training(folder: Path) -> Training:
    """Read the folder of a run that may still be training.

    Raises
    ------
    InputError
        If it is no run folder, or a file is damaged.
    """
    spec = read_run_spec(folder)
    config = read_settings(folder)
    seeds, progress, most = [], [], None
    scoring = Scoring([classes_spec([])])  # before the first seed has said what it learns
    for number in spec["seeds"]:
        one = RunFolder(folder / f"seed{number}")
        metrics = one.path / METRICS_FILE
        history = read_metrics(metrics) if metrics.is_file() else []
        finished = one.finished
        if (one.path / RUN_FILE).is_file():
            begun = read_run(one.path / RUN_FILE, trained=False)
            most = config.epochs(len(begun["widths"]))
            scoring = Scoring.of_run(begun, config.training.metric)
        column, metric = f"val_{scoring.metric}", scoring.columns[scoring.metric]
        scores = [(r["epoch"], r[column]) for r in history if column in r]
        best = max(scores, key=lambda point: metric.merit(point[1]), default=None)
        kept = one.read_run()["best_epoch"] if finished else best[0] if best else 0
        seeds.append(Seed(one.path, {"seed": number, "best_epoch": kept}, history, NO_PREDICTIONS))
        last = scores[-1][1] if scores else None
        progress.append(Progress(number, len(history), best, last, finished))
    epochs = most or config.training.epochs
    protocol = protocol_of(config.system, spec["preset"], asdict(config.training), epochs, "never")
    text = read_text(folder / CONFIG_FILE)
    run = RunFiles(folder.resolve().name, spec, text, protocol, seeds, scoring)
    return Training(run, most, progress)


def live_html(training: Training, ended: str = "") -> str:
    """Return a page about a training; one that reads itself again unless it has ended.

    Parameters
    ----------
    training : Training
    ended : str
        A sentence, where nobody will write the page again.
    """
    scores = curves.validation_scores([training.run])
    return render(
        "live.html",
        title=f"{training.run.name}, {'stopped' if ended else 'training'}",
        training=training,
        panels=curves.panels(training.run, scores),
        ended=ended,
        refresh=None if ended else REFRESH,
        runs=[training.run],
        browser=None,
    )
