"""One run in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing import connection, parent_process
from pathlib import Path

import torch

from ariigcn_dgl.device import check_device
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.leases import BEAT_SECONDS, Lease
from ariigcn_dgl.out_of_memory import ADVICE, is_out_of_memory
from ariigcn_dgl.plugins import agree
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.prepare import TestUse, prepare
from ariigcn_dgl.training.run_spec import read_run_spec, read_settings, unchanged_data

BAD_INPUT, TRY_AGAIN, INTERRUPTED = 2, 75, 130  # 75: EX_TEMPFAIL of sysexits.h
LOG_FILE = "worker.log"


class NotHereError(InputError):
    """What a run needs is not here, as data on a disk that is gone: no property of the model."""


def work(folder: Path, test: TestUse) -> None:
    """Train what the spec of a run folder says, where it says, with one thread.

    Raises
    ------
    NotHereError
        If the data set is not there, or no longer the one that the spec was written for, or the
        device is not there.
    InputError
        If the settings do not fit, or training fails.
    """
    torch.set_num_threads(1)
    spec = read_run_spec(folder)
    try:
        # Again, though the study's own process has read them: it may have been hours ago.
        dialogues = unchanged_data(spec, f"{spec['data']}: has changed since the study began")
        check_device(spec["device"])
    except InputError as error:
        raise NotHereError(str(error)) from error
    config, sha256 = read_settings(folder), spec["dataset_sha256"]
    prepared = prepare(dialogues, config, test=test, dataset_sha256=sha256)
    for seed in spec["seeds"]:
        fit(prepared, seed, folder / f"seed{seed}", device=spec["device"], test=test)


def work_alone(
    folder: Path, test: TestUse, plugins: Sequence[str] = (), lease: Lease | None = None
) -> None:
    """Work in a new process: what it has to say goes to a file, Ctrl-C is for the queue only.

    Parameters
    ----------
    folder, test
        As of `work`.
    plugins : sequence of str
        Modules that the user has agreed to.
    lease : Lease, optional
        Of the run; the process ends where it is lost.
    """
    os.setsid()
    # By SIGINT the queue ends what it started; a study in a shell's background inherits deafness.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(folder / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    threading.Thread(target=_end_with_queue, daemon=True).start()
    if lease is not None:
        threading.Thread(target=_hold, args=(lease,), daemon=True).start()
    try:
        agree(*plugins)
        work(folder, test)
    except InputError as error:
        print(error, file=sys.stderr)
        # A full disk is no property of the model either.
        passing = isinstance(error, NotHereError) or isinstance(error.__cause__, OSError)
        sys.exit(TRY_AGAIN if passing else BAD_INPUT)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        print(ADVICE, file=sys.stderr)
        sys.exit(TRY_AGAIN)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _hold(lease: Lease) -> None:
    """Keep a run for this process; end where another one has taken it for lost."""
    kept = lease.join()
    while kept:
        time.sleep(BEAT_SECONDS)
        kept = lease.beat()
    print("another process has taken the run over: this one was silent for long", file=sys.stderr)
    sys.stderr.flush()
    os._exit(TRY_AGAIN)


def _end_with_queue() -> None:
    """End when the queue does, even if it was killed: its next process may want this folder."""
    queue = parent_process()
    if queue is None:
        return
    connection.wait([queue.sentinel])
    os._exit(INTERRUPTED)
