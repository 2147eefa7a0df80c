"""Parts of an extraction on the nodes of a Ray cluster, which need to share no disk."""

from __future__ import annotations

import os
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ariigcn_dgl
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.parts import Found, Part, Task, Work
from ariigcn_dgl.files import passing_folder
from ariigcn_dgl.parcel import Files, packed, unpack
from ariigcn_dgl.plugins import agree, agreed
from ariigcn_dgl.ray_cluster import connected, room, why_lost

AHEAD = 2  # parts for each core: recordings that are on their way fill the memory
TRIES = 3


def work_on_cluster(name: str, work: Work, tasks: Sequence[Task]) -> Iterator[Found]:
    """Yield what is found in each part, in their order, as `ariigcn_dgl.extract.jobs.work_on`.

    Recordings are sent along, and what is found is kept here. A part whose node is lost is begun
    again on another.

    Parameters
    ----------
    name : str
        Of the cluster, as of `ariigcn_dgl.ray_cluster.connected`.
    work : Work
        Whose encoders compute on the CPU.
    tasks : sequence of Task

    Raises
    ------
    InputError
        If the cluster cannot be reached, a part cannot be worked on, or is lost `TRIES` times.
    """
    todo = deque(tasks)
    with connected(name) as ray:
        cluster = _Cluster(ray, work)
        waiting: deque[_Waiting] = deque()
        while todo or waiting:
            while todo and len(waiting) < AHEAD * room(ray):
                waiting.append(cluster.begin(todo.popleft()))
            yield cluster.found(waiting.popleft())


@dataclass
class _Waiting:
    """A part that is worked on, or has been."""

    task: Task
    found: Found | None
    reference: Any = None
    tries: int = 1


class _Cluster:
    def __init__(self, ray: Any, work: Work) -> None:
        self.ray = ray
        self.work = work
        self.work_there = ray.remote(num_cpus=1, max_retries=0)(work_there)
        try:
            self.sent = ray.put(replace(work, kept=None))
        except (TypeError, AttributeError) as error:  # of an encoder of others
            raise InputError(
                f"--engine: an encoder cannot be given to other machines ({error}): use --engine "
                "local"
            ) from error

    def begin(self, task: Task) -> _Waiting:
        found = self.work.stored(task)
        return _Waiting(task, found, None if found else self._sent(task.part))

    def _sent(self, part: Part) -> Any:
        files = [packed(path.parent, [path.name]) for path, _ in part.recordings]
        version = ariigcn_dgl.__version__
        return self.work_there.remote(version, agreed(), self.sent, part, files)

    def found(self, one: _Waiting) -> Found:
        """Wait for what is found in a part, and keep it."""
        if one.found is not None:
            return one.found
        while True:
            try:
                found = self.ray.get(one.reference)
            except self.ray.exceptions.RayError as error:
                if one.tries == TRIES:
                    names = ", ".join(path.name for path, _ in one.task.part.recordings)
                    raise InputError(
                        f"--engine: {names}: lost on the cluster {TRIES} times "
                        f"({why_lost(self.ray, error)}); the same command goes on"
                    ) from error
                one.tries += 1
                one.reference = self._sent(one.task.part)
                continue
            if isinstance(found, str):
                raise InputError(found)
            self.work.store(one.task, found)
            result: Found = found
            return result


def work_there(
    version: str, plugins: Sequence[str], work: Work, part: Part, files: Sequence[Files]
) -> Found | str:
    """Return what is found in a part whose recordings have come along, or why it cannot be.

    Parameters
    ----------
    version : str
        Of this package on the machine that steers.
    plugins : sequence of str
        Modules that the user has agreed to.
    work : Work
    part : Part
        With the paths that its recordings have on the machine that steers.
    files : sequence of dict of str to array
        Each recording.
    """
    if version != ariigcn_dgl.__version__:
        return (
            f"--engine: a node has ariigcn_dgl {ariigcn_dgl.__version__}, this machine {version}: "
            "install the same one"
        )
    agree(*plugins)
    with passing_folder(Path(tempfile.gettempdir()) / f"ariigcn-part-{os.getuid()}") as home:
        places = {}
        for number, ((path, _), content) in enumerate(zip(part.recordings, files, strict=True)):
            unpack(content, home / str(number))
            places[path] = home / str(number) / path.name
        here = Part(tuple((places[path], rows) for path, rows in part.recordings))

        def as_there(sentence: str) -> str:
            for path, place in places.items():
                sentence = sentence.replace(str(place), str(path))
            return sentence

        try:
            found = work.perceived(here)
        except InputError as error:
            return as_there(str(error))
        notes, skipped = map(as_there, found.notes), map(as_there, found.skipped)
        return Found(found.perceived, list(notes), list(skipped))
