"""``ariigcn report``."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ariigcn_dgl.cli.say import say
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.device import check_device
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import refuse_existing, replacing
from ariigcn_dgl.report.report import report_html
from ariigcn_dgl.report.run_files import read_run, short_names
from ariigcn_dgl.training.seeds import seed_folders


def report(runs: list[str], out: str, data: str | None = None, device: str = "cpu") -> None:
    """Write one HTML file about runs, to be opened offline: scores, curves, dialogues.

    Without --data it holds aggregate figures only, so that it may be shown where the data may not.

    Parameters
    ----------
    runs : list of str
        Run folders, or folders of single seeds.
    out : str
        New HTML file.
    data : str
        The data set of the training: also show its test dialogues, what each modality is worth, and
        the spaces that the utterances lie in.
    device : str
        Where the runs are applied to these dialogues: cpu, cuda, cuda:1 ...
    """
    check_device(device)
    refuse_existing(Path(out))
    if not runs:
        raise InputError("name at least one run folder (see: ariigcn report --help)")
    paths = [Path(run) for run in runs]
    folders = [seed_folders(path) for path in paths]
    found = [read_run(*one) for one in zip(short_names(paths), folders, strict=True)]
    dialogues = None if data is None else load_source(data)
    with Console(stderr=True).status("looking at the runs (t-SNE takes a while)"):
        page = report_html(found, dialogues, device)
    with replacing(out) as scratch:
        scratch.write_text(page, encoding="utf-8")
    say(f"report: {out}")
