"""The engine that an option names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ariigcn_dgl.device import check_device
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.engine import Engine
from ariigcn_dgl.experiments.processes import Processes
from ariigcn_dgl.experiments.ray_engine import ray_engine
from ariigcn_dgl.ray_cluster import LOCAL, check_name, imported_ray


def check_engine(name: str, device: str, gpu_share: float) -> None:
    """Raise `InputError` unless the options of an engine are known and fit together.

    Parameters
    ----------
    name : str
        As of `ariigcn_dgl.ray_cluster.check_name`.
    device : str
        Where runs are trained.
    gpu_share : float
        What a run takes of a GPU.

    Examples
    --------
    >>> check_engine("spark", "cpu", 1.0)
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --engine: is spark, expected local, ray or ray://HOST:PORT
    """
    if not 0 < gpu_share <= 1:
        raise InputError(f"--gpu_share: is {gpu_share}, expected more than 0 and at most 1")
    if name == LOCAL:
        if gpu_share != 1:
            raise InputError("--gpu_share: goes with --engine ray; here several --jobs share a GPU")
        check_device(device)
        return
    check_name(name)
    if device not in ("cpu", "cuda"):
        raise InputError(
            f"--device {device}: expected cpu or cuda: Ray chooses which GPU a run has"
        )
    if device == "cpu" and gpu_share != 1:
        raise InputError("--gpu_share: goes with --device cuda")
    imported_ray()  # before anything is read


@contextlib.contextmanager
def engine_of(name: str, data: str, device: str, gpu_share: float) -> Iterator[tuple[Engine, int]]:
    """Yield an engine, and how many runs it works on at a time if nobody says.

    Parameters
    ----------
    name, device, gpu_share
        As of `check_engine`, which has accepted them.
    data : str
        Where the data set lies, or "synthetic".

    Raises
    ------
    InputError
        If it cannot be reached.
    """
    if name == LOCAL:
        yield Processes(), 1
        return
    with ray_engine(name, data, gpu_share if device == "cuda" else 0.0) as engine:
        yield engine, engine.room
