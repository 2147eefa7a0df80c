"""``ariigcn experiment``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from rich.console import Group
from rich.text import Text

from ariigcn_dgl.cli.queue_display import QueueDisplay
from ariigcn_dgl.cli.say import Screen, note, say, show
from ariigcn_dgl.data import fingerprint
from ariigcn_dgl.data.folder import UNSEALED, lacks_seal
from ariigcn_dgl.data.folds import groups
from ariigcn_dgl.data.source import absolute, load_source
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.escape import command, file_name, visible
from ariigcn_dgl.experiments.completeness import Lacks, lacks
from ariigcn_dgl.experiments.conduct import Options, conduct
from ariigcn_dgl.experiments.engines import LOCAL, check_engine, engine_of
from ariigcn_dgl.experiments.figures import draw
from ariigcn_dgl.experiments.folder import alone, study_folder
from ariigcn_dgl.experiments.render import terminal, write_tables
from ariigcn_dgl.experiments.results import Results
from ariigcn_dgl.experiments.sampled_search import EXTRA
from ariigcn_dgl.experiments.study import Study
from ariigcn_dgl.experiments.study_file import STUDIES, load_study
from ariigcn_dgl.experiments.tables import seconds_text, tables
from ariigcn_dgl.experiments.write_results import write_results
from ariigcn_dgl.extract.manifest import learnt_of_labels
from ariigcn_dgl.optional import require
from ariigcn_dgl.plugins import option
from ariigcn_dgl.training.prepare import require_labels
from ariigcn_dgl.training.seeds import check_seeds

NOT_WHOLE = 1
NUM_SEEDS = 5
MOST_LISTED = 8
GRID, OPTUNA = "grid", "optuna:"


def experiment(
    study: str,
    data: str = "synthetic",
    seeds: list[int] | None = None,
    jobs: int | None = None,
    systems: list[str] | None = None,
    baseline: str | None = None,
    folds: int | None = None,
    protocol: Literal["standard", "literature"] = "standard",
    out: str | None = None,
    retry: bool = False,
    device: str = "cpu",
    search: str = GRID,
    targets: list[str] | None = None,
    engine: str = LOCAL,
    gpu_share: float = 1.0,
) -> None:
    """Compare systems or settings: search, many seeds, statistics, tables, figures.

    Studies: STUDIES; or a .yaml file of the same form as those of the package. Every setting gets
    the same search, on validation data; what it chooses is run with all seeds, each run a process
    of one thread. Stopped at any time, the same command goes on. The folder gets results.csv,
    results.json, table.md, table.tex, figures, and every run's own folder. Runs whose process was
    killed are tried again, and never chosen around; ends with code 1, and a line that says why,
    where nothing was scored, or runs are missing or have failed that the tables need.

    Parameters
    ----------
    study : str
        Name of a study, or a .yaml file.
    data : str
        A data set (see: ariigcn data check --help); "synthetic" is made on the spot.
    seeds : list of int
        One run of each chosen setting per seed; default: 0 1 2 3 4.
    jobs : int
        Runs at a time; default: 1, on a cluster as many as its nodes have room for.
    systems : list of str
        Only the settings of these systems.
    baseline : str
        Setting that the others are tested against; default: the study's own.
    folds : int
        Cross-validate: divide all dialogues into this many groups, each the test split once, with a
        search of its own, and score all of them together. Groups share no speaker where that is
        possible (5: the sessions of IEMOCAP). Default: the data set's own test split.
    protocol : {"standard", "literature"}
        "literature" adds a column with the best test epoch, chosen by looking at the test scores.
    out : str
        Folder, new or of the same study; default experiments/STUDY-DATA.
    retry : bool
        Try runs again that failed earlier.
    device : str
        Where to train: cpu, cuda, cuda:1 ... Several --jobs share a GPU, and its memory. Runs on
        the CPU and on a GPU are different runs: a folder keeps both, and shows those asked for.
    search : str
        "grid": every combination of a setting's choices; "optuna:N": N candidates of each setting,
        drawn by Optuna's TPE from choices and ranges, and pruned by the median of those before.
    targets : list of str
        What is predicted, as of ariigcn train: label vad, label:non-negative ...; default: what
        the data set declares.
    engine : str
        "local": processes of this machine, and of others where the folder is shared; "ray": the
        nodes of the Ray cluster that this machine is part of, "ray://HOST:PORT" of the one whose
        head that is (pip install "ariigcn_dgl[cluster]"); they need no shared disk.
    gpu_share : float
        What each run takes of a GPU of a Ray cluster, with --device cuda: 0.25 puts four on one.
    """
    trials = _trials(search)
    torch.set_num_threads(1)  # as of runs: what is tested once more is then rounded as they were
    seeds = list(range(NUM_SEEDS)) if seeds is None else seeds
    check_seeds(seeds)
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs: is {jobs}, expected at least 1")
    if folds is not None and (folds < 2 or protocol == "literature"):
        raise InputError(
            f"--folds: is {folds} with --protocol {protocol}, expected at least 2, with --protocol "
            "standard (the folds would have different best test epochs)"
        )
    check_engine(engine, device, gpu_share)
    chosen = load_study(study, trials)
    chosen = _selected(chosen, systems, baseline)
    dialogues = load_source(data, targets=targets)
    if lacks_seal(data):
        note(f"{data}: {UNSEALED}")
    require_labels(dialogues)
    if len(seeds) == 1 and seeds[0] > 0:  # of version 0.2 it was how many
        note(f"--seeds {seeds[0]}: the one seed {seeds[0]}; five seeds are --seeds 0 1 2 3 4")
    if folds:
        _refuse_learnt(data)
        groups(dialogues, folds)  # refuses before there is a folder
    dataset_sha256 = fingerprint(dialogues)
    chosen_targets = None if targets is None else tuple(targets)
    options = Options(
        absolute(data),
        tuple(seeds),
        jobs or 1,
        protocol,
        retry,
        folds,
        device,
        trials,
        chosen_targets,
    )
    path = Path(out or Path("experiments") / _folder_name(chosen.name, dialogues.name, options))
    on = _words_of(engine, jobs, gpu_share)
    again = _command(study, options, systems, baseline, path, on)
    display = QueueDisplay()
    try:
        # What Optuna proposes depends on all trials before; a cluster's nodes serve one process.
        shared = trials is None and engine == LOCAL
        home = study_folder(path, chosen.name, dialogues, dataset_sha256, folds, shared)
        there = engine_of(engine, options.data, device, gpu_share)
        with home as folder, there as (works, room), display:
            options = replace(options, jobs=jobs or room)
            results = conduct(chosen, dialogues, dataset_sha256, folder, options, display, works)
            with alone(folder) if shared else nullcontext():
                figures = _write(results, folder)
        _show(results, folder, figures)
    except KeyboardInterrupt:
        note(f"{display.summary()}, go on with: {again}")
        raise
    _conclude(lacks(results), again)
    if not any(row.done for row in results.rows):
        reasons = dict.fromkeys(row.problem for row in results.rows if row.problem)
        note(f"nothing was scored: {'; '.join(reasons)}")
        sys.exit(NOT_WHOLE)


experiment.__doc__ = (experiment.__doc__ or "").replace("STUDIES", ", ".join(STUDIES))


def _refuse_learnt(data: str) -> None:
    learnt = learnt_of_labels(Path(data))
    if learnt:
        raise InputError(
            f"--folds: the {' and '.join(learnt)} encoder{'s'[: len(learnt) > 1]} of {data} "
            "learnt from labels of the split 'train', which folds would test: extract with one "
            "that was not trained on this set, or leave --folds out"
        )


def _selected(study: Study, systems: list[str] | None, baseline: str | None) -> Study:
    """Return the part of a study that is asked for; a baseline that is not in it is replaced."""
    chosen = study.only(systems) if systems else study
    names = [setting.name for setting in chosen.settings]
    if systems and baseline is None and study.baseline not in names:
        baseline = next(one.name for one in chosen.settings if one.system == systems[0])
        note(f"compared with {baseline}: --systems leaves out {study.baseline}; --baseline chooses")
    return chosen.against(baseline)


def _command(
    study: str,
    options: Options,
    systems: list[str] | None,
    baseline: str | None,
    folder: Path,
    on: list[object],
) -> str:
    words = ["ariigcn", "experiment", study, "--data", options.data, "--seeds", *options.seeds]
    words += [*on, *(["--systems", *systems] if systems else [])]
    words += ["--baseline", baseline] if baseline else []
    words += ["--folds", options.folds] if options.folds else []
    words += ["--protocol", options.protocol] if options.protocol != "standard" else []
    words += ["--device", options.device] if options.device != "cpu" else []
    words += ["--search", f"{OPTUNA}{options.trials}"] if options.trials else []
    words += ["--targets", *options.targets] if options.targets else []
    return command([*map(str, words), *option(), "--out", str(folder)])


def _words_of(engine: str, jobs: int | None, gpu_share: float) -> list[object]:
    """Return the words of a command that say where it works."""
    words: list[object] = ["--jobs", jobs] if jobs else []
    words += ["--engine", engine] if engine != LOCAL else []
    return words + (["--gpu_share", gpu_share] if gpu_share != 1 else [])


def _folder_name(study: str, data: str, options: Options) -> str:
    cross = "" if options.folds is None else f"-{options.folds}-folds"
    sampled = "" if options.trials is None else "-optuna"
    return f"{file_name(study)}-{file_name(data)}{cross}{sampled}"


def _trials(search: str) -> int | None:
    """Return the number of trials that Optuna is to make; None of a grid."""
    if search == GRID:
        return None
    number = search.removeprefix(OPTUNA)
    if number == search or not number.isdecimal() or int(number) < 1:
        raise InputError(f"--search: is {search}, expected {GRID} or {OPTUNA}N, as {OPTUNA}20")
    require("optuna", EXTRA)  # before anything is read
    return int(number)


def _write(results: Results, folder: Path) -> str:
    """Write all that a study is read in; return which figures there are."""
    write_results(results, folder)
    write_tables(results, folder)
    return draw(results, folder)


def _conclude(found: Lacks, again: str) -> None:
    """Say what is not there, most urgent last, and end with code 1 where a table needs it."""
    if found.candidates:
        note(f"{_listed(found.candidates, 'failed')}; the searches chose among the others")
    if found.failed:
        note(f"{_listed(found.failed, 'failed')}; try again with: {again} --retry")
    if found.missing:
        note(f"incomplete: {_listed(found.missing, 'missing')}; go on with: {again}")
    if found.missing or found.failed:
        sys.exit(NOT_WHOLE)


def _listed(names: Sequence[str], how: str) -> str:
    """Return "2 runs failed: a, b"."""
    rest = [f"and {len(names) - MOST_LISTED} more"] if len(names) > MOST_LISTED else []
    shown = ", ".join([*names[:MOST_LISTED], *rest])
    return f"{len(names)} run{'s'[: len(names) > 1]} {how}: {shown}"


def _show(results: Results, folder: Path, figures: str) -> None:
    for table in tables(results):
        notes = [Text(visible(sentence), style="dim") for sentence in table.notes]
        show(Group(*terminal(table, Screen().width), *notes, ""))
    runs = {run.key: run for row in results.rows for run in row.trained}
    say(seconds_text(list(runs.values())))
    say(figures)
    say(f"results: {folder}")
