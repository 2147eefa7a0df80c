"""``ariigcn report --follow``: a page about a training, written again after each epoch."""

from __future__ import annotations

import time
from pathlib import Path

from ariigcn_dgl.cli.say import note
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import write_text
from ariigcn_dgl.lock import is_locked
from ariigcn_dgl.report.live import Training, live_html, read_training
from ariigcn_dgl.training.run_folder import resume_command

SECONDS = 1.0  # between two looks at the files
UNFOLLOWED = "Nobody writes this page any more: ariigcn report --follow was interrupted."


def follow_training(folder: Path, out: Path) -> None:
    """Write a page about a training whenever its files have changed; return when it has ended.

    Each page is whole or not there, and what stops this command leaves one that says so and no
    longer reads itself again.

    Parameters
    ----------
    folder : Path
        Of a run.
    out : Path
        The page.

    Raises
    ------
    InputError
        If it is no run folder, a file is damaged, or the training stopped before its end.
    """
    training = read_training(folder)
    if training.finished:
        return
    write_text(out, live_html(training))
    note(f"following {folder}: open {out} in a browser; Ctrl-C ends it, not the training")
    try:
        while not training.finished:
            going = is_locked(folder)  # before its files are read: it may end in between
            before, training = training, _read(folder)
            if training.state != before.state:
                write_text(out, live_html(training))
            elif not going:
                _stopped(folder, out, training)
            else:
                time.sleep(SECONDS)
    except KeyboardInterrupt:
        write_text(out, live_html(training, UNFOLLOWED))
        raise


def _read(folder: Path) -> Training:
    try:
        return read_training(folder)
    except InputError:  # perhaps of two files one had been replaced, the other not yet
        time.sleep(SECONDS)
        return read_training(folder)


def _stopped(folder: Path, out: Path, training: Training) -> None:
    again = resume_command(folder)
    sentence = f"the training is not finished and nobody trains; go on with: {again}"
    write_text(out, live_html(training, f"{sentence[0].upper()}{sentence[1:]}"))
    raise InputError(f"{folder}: {sentence}")
