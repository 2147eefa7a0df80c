"""Parts of an extraction in several processes at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pickle import PicklingError

import torch

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.parts import Found, Task, Work

AHEAD = 4  # parts: what is found in all of an archive would fill the memory
_WORK: list[Work] = []  # of a process that works on parts


def work_on(work: Work, tasks: Sequence[Task], jobs: int) -> Iterator[Found]:
    """Yield what is found in each part, in their order.

    Where the encoders compute on the CPU the jobs are processes, which share its threads. Beside a
    GPU they are threads of this process, whose encoders they use: decoding holds up nobody.

    Parameters
    ----------
    work : Work
    tasks : sequence of Task
    jobs : int
        How many at once; 1: in this process.

    Raises
    ------
    InputError
        If a part cannot be worked on, or a process is killed.
    """
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        yield from map(work.do, tasks)
    elif work.device == "cpu":
        yield from _in_processes(work, tasks, jobs)
    else:
        yield from _in_threads(work, tasks, jobs)


def _in_threads(work: Work, tasks: Sequence[Task], jobs: int) -> Iterator[Found]:
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from _in_order([], lambda task: pool.submit(work.do, task), tasks, jobs)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_processes(work: Work, tasks: Sequence[Task], jobs: int) -> Iterator[Found]:
    ended, end = multiprocessing.Pipe(duplex=False)
    threads = max(1, torch.get_num_threads() // jobs)
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), _begin, (work, threads, ended)
    )
    with pool, end:  # the pipe is closed first: whoever still works then ends, as if this one died
        try:
            first = pool.submit(_do, tasks[0])
        except (TypeError, AttributeError, PicklingError) as error:  # of an encoder of others
            raise InputError(
                f"--jobs: an encoder cannot be given to other processes ({error}): use --jobs 1"
            ) from error
        try:
            yield from _in_order([first], lambda task: pool.submit(_do, task), tasks[1:], jobs)
        except BrokenProcessPool as error:
            raise InputError(
                "a process that decodes was killed (out of memory?): the same command goes on; "
                "with fewer --jobs it needs less memory"
            ) from error


def _in_order(
    begun: Sequence[Future[Found]],
    begin: Callable[[Task], Future[Found]],
    tasks: Sequence[Task],
    jobs: int,
) -> Iterator[Found]:
    """Yield what is found, in order; no more than `AHEAD` of each job's waits for its turn."""
    waiting = deque(begun)
    for task in tasks:
        waiting.append(begin(task))
        if len(waiting) > AHEAD * jobs:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _begin(work: Work, threads: int, ended: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began this one
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with, args=(ended,), daemon=True).start()
    _WORK.append(work)


def _end_with(ended: Connection) -> None:
    ended.poll(None)
    os._exit(1)


def _do(task: Task) -> Found:
    return _WORK[0].do(task)
