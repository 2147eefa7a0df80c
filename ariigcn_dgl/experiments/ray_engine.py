"""Runs on the nodes of a Ray cluster, which need to share no disk."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ariigcn_dgl
from ariigcn_dgl.data.shards import SHARDS
from ariigcn_dgl.data.source import SYNTHETIC
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.engine import GRACE_SECONDS, Ending, Engine, Work
from ariigcn_dgl.experiments.leases import Lease
from ariigcn_dgl.experiments.ray_node import LARGEST_SENT, Report, Shipment, work_there
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.files import remove_file
from ariigcn_dgl.parcel import packed, sizes, unpack
from ariigcn_dgl.plugins import agreed
from ariigcn_dgl.ray_cluster import connected, room, why_lost


@contextlib.contextmanager
def ray_engine(name: str, data: str, gpus: float) -> Iterator[RayEngine]:
    """Yield an engine that works on the nodes of a cluster.

    Parameters
    ----------
    name : str
        Of the cluster, as `connected` has it.
    data : str
        Where the data set lies, or "synthetic": sent to the nodes unless it is larger than
        `LARGEST_SENT` or one of shards; then it must lie there on every node.
    gpus : float
        What each run takes of a GPU; 0: it computes on the CPU.

    Raises
    ------
    InputError
        If Ray is not installed, cannot be reached, or knows no GPU and one is asked for.
    """
    with connected(name) as ray:
        if gpus and not ray.cluster_resources().get("GPU"):
            raise InputError("--device cuda: no node of the Ray cluster has a GPU; use cpu")
        yield RayEngine(ray, data, gpus)


class RayEngine(Engine):
    """Works on each run on a node of a cluster; its files come back to the study's folder.

    A node that is lost takes with it what its runs have done since the last report (`ray_node`).
    Ray itself tries nothing again.

    Parameters
    ----------
    ray : module
        Connected.
    data, gpus
        As of `ray_engine`.
    """

    def __init__(self, ray: Any, data: str, gpus: float) -> None:
        self.ray = ray
        self.share = gpus or 1.0
        self.kind = "GPU" if gpus else "CPU"
        remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0, num_returns="streaming")
        self.work_there = remote(work_there)
        shipment = _shipment(data)
        self.data = None if shipment is None else ray.put(shipment)

    @property
    def room(self) -> int:
        """How many runs the cluster can work on at a time, as it is now; 1 at least."""
        return room(self.ray, self.kind, self.share)

    def begin(self, run: Run, lease: Lease | None) -> OnNode:
        """Send a run to the cluster, which begins it where and when there is room.

        The lease stays with this process: a folder whose runs are sent is its own.
        """
        run.prepare()
        before = packed(run.seed_folder.path) if run.seed_folder.path.exists() else {}
        named = self.work_there.options(name=f"{run.name} seed {run.seed}")
        stream = named.remote(run, ariigcn_dgl.__version__, agreed(), before, self.data)
        return OnNode(self.ray, run, stream)

    def stop(self, works: Sequence[Work]) -> None:
        """Tell the nodes to end what they work on, and wait for a moment until they have."""
        there = [one for one in works if isinstance(one, OnNode)]
        for one in there:
            self.ray.cancel(one.stream)
        deadline = time.monotonic() + GRACE_SECONDS
        for one in there:
            one.wait(deadline)


class OnNode(Work):
    """A run on a node, or on its way to one.

    Parameters
    ----------
    ray : module
    run : Run
    stream : ObjectRefGenerator
        Of `Report`.
    """

    def __init__(self, ray: Any, run: Run, stream: Any) -> None:
        self.ray = ray
        self.run = run
        self.stream = stream
        self.report: Any = None  # on its way here
        self.begun = False

    def ended(self) -> Ending | None:
        """Write what has come; return how the run ended, if that is said or its node is lost."""
        try:
            report = self.received()
        except self.ray.exceptions.RayError as error:
            return Ending(f"lost on the cluster: {why_lost(self.ray, error)}")
        except StopIteration:
            return Ending("lost on the cluster: its node ended without a word")
        if report is None:
            return None
        self.write(report)
        return report.ending

    def wait(self, deadline: float) -> None:
        """Wait until its node has nothing more to say, but for no longer than until a moment."""
        with contextlib.suppress(StopIteration, self.ray.exceptions.RayError):
            while (left := deadline - time.monotonic()) > 0:
                if self.ray.wait([self.stream], timeout=left)[0]:
                    self.ray.get(next(self.stream), timeout=left)

    def received(self) -> Report | None:
        """Return the next report, if all of it is here; this waits for nothing."""
        if self.report is None and self.ray.wait([self.stream], timeout=0)[0]:
            self.report = next(self.stream)
        if self.report is None or not self.ray.wait([self.report], timeout=0)[0]:
            return None
        report: Report = self.ray.get(self.report)
        self.report = None
        return report

    def write(self, report: Report) -> None:
        """Write a report's files, so that this process may be killed at any time."""
        folder = self.run.seed_folder
        if report.files and not self.begun:
            folder.begin()
            self.begun = True
        unpack(report.files, folder.path)
        if report.kept:
            for name in sizes(folder.path).keys() - set(report.kept):
                remove_file(folder.path / name)


def _shipment(data: str) -> Shipment | None:
    path = Path(data)
    if data == SYNTHETIC or (path / SHARDS).exists() or sum(sizes(path).values()) > LARGEST_SENT:
        return None
    files = packed(path if path.is_dir() else path.parent, list(sizes(path)))
    return Shipment(path.name, path.is_dir(), files)
