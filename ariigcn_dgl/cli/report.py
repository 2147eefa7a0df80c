"""``ariigcn report``."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.report_follow import follow_training
from ariigcn_dgl.cli.say import say
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.device import check_device
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.folder import is_study
from ariigcn_dgl.experiments.read_results import read_results
from ariigcn_dgl.files import refuse_existing, write_text
from ariigcn_dgl.report.report import report_html
from ariigcn_dgl.report.run_files import RunFiles, read_run, short_names
from ariigcn_dgl.report.study import study_html
from ariigcn_dgl.training.seeds import seed_folders


def report(
    runs: list[str],
    out: str,
    data: str | None = None,
    device: str = "cpu",
    follow: bool = False,
) -> None:
    """Write one HTML file to be opened offline: about runs, a study, or a training that goes on.

    Of runs it shows scores, curves, confusions; runs that were tested on the same utterances are
    compared. Without --data it holds aggregate figures only, so that it may be shown where the data
    may not; with --data also dialogues, and what was said in them, where the data set has words.

    Parameters
    ----------
    runs : list of str
        Run folders, or folders of single seeds, or one folder of ariigcn experiment.
    out : str
        New HTML file.
    data : str
        The data set of the training: also show its test dialogues, what each modality is worth, and
        the spaces that the utterances lie in.
    device : str
        Where the runs are applied to these dialogues: cpu, cuda, cuda:1 ...
    follow : bool
        Of one run that is still training: write the file now and after each epoch, to be left open
        in a browser, where it reads itself again; at the end it is the report.
    """
    check_device(device)
    refuse_existing(Path(out))
    if not runs:
        raise InputError("name at least one run folder (see: ariigcn report --help)")
    paths = [Path(run) for run in runs]
    studies = [path for path in paths if is_study(path)]
    if studies:
        _refuse_beside_a_study(studies[0], runs, data, follow)
        page = study_html(read_results(studies[0]))
    else:
        if follow:
            _follow(paths, out)
        page = _page(paths, data, device)
    write_text(out, page)
    say(f"report: {out}")


def _page(paths: list[Path], data: str | None, device: str) -> str:
    folders = [seed_folders(path) for path in paths]
    found = [read_run(*one) for one in zip(short_names(paths), folders, strict=True)]
    with shown("report"):
        dialogues = None if data is None else load_source(data, targets=_targets(found))
        return report_html(found, dialogues, device)


def _targets(runs: list[RunFiles]) -> list[str] | None:
    """Return what the runs were told to learn, where all were told the same: else all there is."""
    told = [run.plan["targets"] for run in runs]
    return told[0] if all(one == told[0] for one in told) else None


def _refuse_beside_a_study(study: Path, runs: list[str], data: str | None, follow: bool) -> None:
    if len(runs) > 1:
        raise InputError(f"{study}: is the folder of a study: name it alone, or runs of it")
    for option, given in (("--data", data is not None), ("--follow", follow)):
        if given:
            raise InputError(
                f"{option}: goes with runs, and {study} is the folder of a study; its runs are in "
                f"{study / 'runs'}"
            )


def _follow(paths: list[Path], out: str) -> None:
    if len(paths) > 1:
        raise InputError(f"--follow: goes with one run, not {len(paths)}")
    follow_training(paths[0], Path(out))
