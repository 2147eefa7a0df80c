"""A node's side of `RayEngine`: one run, in a folder of the node's own. Ray is not imported here.

A run comes with the files that its folder has, is worked on by `Processes` as on a single machine,
and its files are sent back: the epochs as they end, what training goes on from every
`SEND_SECONDS`, and all of it when it has ended.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ariigcn_dgl
from ariigcn_dgl.data.source import SYNTHETIC
from ariigcn_dgl.experiments.engine import Ending
from ariigcn_dgl.experiments.processes import Processes
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.files import passing_folder
from ariigcn_dgl.parcel import Files, packed, sizes, unpack
from ariigcn_dgl.plugins import agree
from ariigcn_dgl.seal import SEAL_FILE
from ariigcn_dgl.training.run_folder import CHECKPOINT, METRICS_FILE

LOOK_SECONDS = 0.2  # from one look at what a run has written to the next
LARGEST_SENT = 1 << 30  # bytes; a larger data set no node should have to write for each run
NO_DATA = (
    "no such file or folder on this node; data sets of more than 1 GiB, or of shards, are not "
    "sent: put it there on every node"
)
SEND_SECONDS = 10.0  # a node that is lost takes no more than this and an epoch with it


@dataclass(frozen=True)
class Report:
    """What a node says of a run.

    Parameters
    ----------
    files : dict of str to array
        Of the seed's folder, those that are new since the report before; in the order in which they
        are to be written.
    ending : Ending, optional
        In the last report.
    kept : tuple of str
        In the last report: all files that the folder is to have.
    """

    files: Files
    ending: Ending | None = None
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shipment:
    """A data set as files, for nodes that do not have it.

    Parameters
    ----------
    name : str
        Of the file or folder.
    is_folder : bool
    files : dict of str to array
    """

    name: str
    is_folder: bool
    files: Files

    def unpack(self, home: Path) -> Path:
        """Write it into a folder; return where the data set lies then."""
        place = home / self.name
        unpack(self.files, place if self.is_folder else home)
        return place


def work_there(
    run: Run, version: str, plugins: Sequence[str], before: Files, data: Shipment | None
) -> Iterator[Report]:
    """Work on a run; yield what it has written, and at last how it ended.

    Parameters
    ----------
    run : Run
        As the study's machine has it: of the folder's path the last part counts alone.
    version : str
        Of this package on the study's machine.
    plugins : sequence of str
        Modules that the user has agreed to.
    before : dict of str to array
        What the seed's folder holds already.
    data : Shipment or None
        The data set; None: it lies where `run` says on every node.
    """
    if version != ariigcn_dgl.__version__:
        found = ariigcn_dgl.__version__
        yield _nothing(f"has ariigcn_dgl {found}, the study {version}: install the same one")
        return
    agree(*plugins)
    last: Report | None = None
    with passing_folder(Path(tempfile.gettempdir()) / f"ariigcn-run-{os.getuid()}") as home:
        for report in _worked_on_in(home, run, before, data):
            if report.ending is None:
                yield report
            last = report
    if last is not None:  # nothing is left here when it is known elsewhere that the run has ended
        yield last


def _worked_on_in(home: Path, run: Run, before: Files, data: Shipment | None) -> Iterator[Report]:
    place = run.data if data is None else str(data.unpack(home / "data"))
    if place != SYNTHETIC and not Path(place).exists():
        yield _nothing(f"{place}: {NO_DATA}")
        return
    here = replace(run, runs=home / "runs", data=place)
    unpack(before, here.seed_folder.path)
    for report in _worked_on(here):
        ending = report.ending
        if ending is not None and ending.reason:
            reason = ending.reason.replace(str(here.folder), str(run.folder))
            reason = reason.replace(place, run.data)
            named = reason if ending.final and data is not None else _here(reason)
            report = replace(report, ending=Ending(named, ending.final))
        yield report


def _worked_on(run: Run) -> Iterator[Report]:
    processes = Processes()
    work = processes.begin(run, None)
    changes = _Changes(run.seed_folder.path)
    sent = time.monotonic()
    try:
        while (ending := work.ended()) is None:
            whole = time.monotonic() - sent >= SEND_SECONDS
            files = changes.take() if whole else changes.take([METRICS_FILE])
            if files:
                yield Report(files)
            if whole:
                sent = time.monotonic()
            time.sleep(LOOK_SECONDS)
    finally:
        processes.stop([work])
    yield Report(changes.take(), ending, tuple(sizes(run.seed_folder.path)))


class _Changes:
    """The files of a seed's folder that have changed since they were last taken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known = self.now()

    def now(self) -> dict[str, tuple[int, int]]:
        """Return what tells a file from the one that it replaced."""
        found = {}
        for name in sizes(self.folder) if self.folder.exists() else ():
            try:
                state = (self.folder / name).stat()
            except FileNotFoundError:
                continue
            found[name] = (state.st_ino, state.st_mtime_ns)
        return found

    def take(self, names: Sequence[str] | None = None) -> Files:
        """Return those that are new, or have changed, in the order in which they can be written."""
        now = self.now()
        new = [x for x in now if now[x] != self.known.get(x) and (names is None or x in names)]
        # Read first: whoever goes on from it finds weights that are no older than it says.
        files = packed(self.folder, sorted(new, key=lambda name: name != CHECKPOINT))
        self.known |= {name: now[name] for name in files}
        last = (CHECKPOINT, SEAL_FILE)  # written when all that they speak of is there
        order = sorted(files, key=lambda name: last.index(name) + 1 if name in last else 0)
        return {name: files[name] for name in order}


def _nothing(reason: str) -> Report:
    return Report({}, Ending(_here(reason)))


def _here(reason: str) -> str:
    return f"node {platform.node()}: {reason}"
