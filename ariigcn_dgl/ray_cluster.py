"""A Ray cluster: the one that an option names, and what it says of work that it has lost."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
from collections.abc import Iterator
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.optional import require

EXTRA = "cluster"
LOCAL, RAY = "local", "ray"
# It would tell its makers of its use, and wait many minutes for a head that is not there.
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_NUM_REDIS_GET_RETRIES": "2"}
CONNECT_SECONDS = 10.0
LACKING = ": every node needs ariigcn_dgl, of the same version, and the modules of --plugins"
_ADDRESS = re.compile(rf"(?:{RAY}://)?([\w.\-]+|\[[0-9a-fA-F:]+\]):(\d+)")


def check_name(name: str) -> None:
    """Raise `InputError` unless an engine can have this name.

    Parameters
    ----------
    name : str
        "local", "ray", "ray://HOST:PORT" or "HOST:PORT".

    Examples
    --------
    >>> check_name("spark")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: --engine: is spark, expected local, ray or ray://HOST:PORT
    """
    if name not in (LOCAL, RAY) and not _ADDRESS.fullmatch(name):
        raise InputError(f"--engine: is {name}, expected {LOCAL}, {RAY} or {RAY}://HOST:PORT")


def imported_ray() -> Any:
    """Import Ray, which reads some of its settings then; InputError where it is not installed."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    return require("ray", EXTRA)


@contextlib.contextmanager
def connected(name: str) -> Iterator[Any]:
    """Yield Ray, connected to a cluster; without an address one of this machine alone if need be.

    Parameters
    ----------
    name : str
        Of the engine, as `check_name` accepts it. "ray": the cluster that this machine is a node
        of, or else one of this machine alone, which ends with the block.

    Raises
    ------
    InputError
        If Ray is not installed or the cluster cannot be reached.
    """
    ray = imported_ray()
    ends = signal.getsignal(signal.SIGTERM)
    try:
        _connect(ray, None if name == RAY else name.removeprefix(f"{RAY}://"))
        signal.signal(signal.SIGTERM, ends)  # Ray's own ends without a word
        yield ray
    finally:
        ray.shutdown()
        signal.signal(signal.SIGTERM, ends)


def _connect(ray: Any, address: str | None) -> None:
    try:
        if address is not None:
            host, _, port = address.rpartition(":")
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
        ray.init(
            address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
    except (OSError, RuntimeError, ValueError, TimeoutError, ray.exceptions.RayError) as error:
        reason = _first_line(str(error)) or type(error).__name__
        raise InputError(
            f"--engine: Ray cannot be reached at {address or 'this machine'} ({reason}): this "
            "machine must be a node of the cluster, if only of no cores (ray start "
            "--address=HOST:PORT --num-cpus=0), with the same RAY_AUTH_MODE as the others"
        ) from error


def room(ray: Any, kind: str = "CPU", share: float = 1.0) -> int:
    """Return how many works of a share of a core, or GPU, a cluster has room for; at least 1."""
    return max(1, int(ray.cluster_resources().get(kind, 0) / share))


def why_lost(ray: Any, error: Any) -> str:
    """Return in a few words what Ray says of work that it has lost."""
    errors, said = ray.exceptions, str(error)
    if isinstance(error, errors.OutOfMemoryError):
        return "its node ran out of memory"
    if isinstance(error, (errors.NodeDiedError, errors.WorkerCrashedError)):
        return "its node, or its process there, died"
    if isinstance(error, errors.RayTaskError):  # an exception on the node
        return _last_line(str(error.cause)) + (LACKING if "ModuleNotFoundError" in said else "")
    return f"{type(error).__name__}: {_first_line(said)}"


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
