"""Who works on which run, where several machines share a study's folder.

A run is taken by creating a file, which one process alone can do: ``leases/KEY.N``. Its holder
writes a higher number into it every `BEAT_SECONDS`. Who sees no new number for `LOST_SECONDS` of
their own clock takes the run over by creating ``KEY.N+1``; no clock is compared with another one,
and no file's time is read. On the same machine a holder that is dead is known to be so at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypedDict

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import make_folder, parse_json
from ariigcn_dgl.schema import conform

BEAT_SECONDS = 10.0
# Longer than what a network's file system may show of before (NFS: 60 s).
LOST_SECONDS = 120.0
_SIZE = 512  # bytes of a lease: each is written over the one before in place
_NAME = re.compile(r"(.+)\.(\d+)")


class _Content(TypedDict, total=False):
    """What a lease says."""

    host: str
    machine: str
    holders: dict[str, str]
    token: str
    beat: int
    lost: int
    free: bool


@dataclass
class Lease:
    """A run that nobody else works on.

    Parameters
    ----------
    path : Path
        Its file.
    token : str
        Tells it from every other lease.
    lost : int
        How many of its holders before were lost without an end.
    beats : int
        How often `beat` was called.
    holders : dict of str to str
        Numbers of processes, and when they began: who starts the run's process, and that.
    """

    path: Path
    token: str
    lost: int = 0
    beats: int = 0
    holders: dict[str, str] = field(default_factory=dict)

    def join(self) -> bool:
        """Let this process hold it, beside those that do; return as `beat`."""
        self.holders[str(os.getpid())] = _started(os.getpid())
        return self.beat()

    def beat(self) -> bool:
        """Say that a holder is alive; return whether it still holds the run.

        Where the file cannot be written just now, it may still be held.
        """
        self.beats += 1
        number = _generation(self.path)
        try:
            if _highest(self.path.parent, _key(self.path)) > number:
                return False
            _write(self.path, self._content())
        except FileNotFoundError:  # who takes it over removes it
            return False
        except OSError:
            return True
        return True

    def release(self) -> None:
        """Let others have it. The file stays: a lower number than its own could be taken twice.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        try:
            _write(self.path, {**self._content(), "free": True})
        except FileNotFoundError:  # taken over meanwhile
            return
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from error

    def _content(self) -> _Content:
        return {
            "host": platform.node(),
            "machine": _machine(),
            "holders": self.holders,
            "token": self.token,
            "beat": self.beats,
            "lost": self.lost,
        }


class Leases:
    """The leases of a study's runs.

    Parameters
    ----------
    folder : Path
        Of the leases; made when the first is taken.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     ours, theirs = Leases(Path(name)), Leases(Path(name))
    ...     lease = ours.acquire("a")
    ...     before = theirs.acquire("a")
    ...     lease.release()
    ...     before, theirs.acquire("a").lost
    (None, 0)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen: dict[Path, tuple[bytes, float]] = {}  # what a lease said, and since when

    def acquire(self, key: str) -> Lease | None:
        """Return a lease of a run; None while somebody else holds it.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        make_folder(self.folder)
        try:
            number = _highest(self.folder, key)
            lost = 0
            if number:
                before = self._over(self.folder / f"{key}.{number}")
                if before is None:
                    return None
                lost = int(before.get("lost", 0)) + ("free" not in before)
            lease = Lease(self.folder / f"{key}.{number + 1}", secrets.token_hex(8), lost)
            lease.holders[str(os.getpid())] = _started(os.getpid())
            with lease.path.open("xb") as file:
                file.write(_bytes(lease._content()))
            # Somebody may have had this number and be followed by another by now.
            if _highest(self.folder, key) > number + 1:
                lease.path.unlink(missing_ok=True)
                return None
            (self.folder / f"{key}.{number}").unlink(missing_ok=True)
        except FileExistsError:  # somebody was faster
            return None
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be written: {error.strerror}") from error
        return lease

    def _over(self, path: Path) -> _Content | None:
        """Return what a lease said, if it is given back or its holder is lost."""
        raw, now = _read(path), time.monotonic()
        found = _parsed(raw)
        if "free" in found or _is_dead(found):
            return found
        before, since = self._seen.get(path, (None, now))
        if raw != before:
            self._seen[path] = (raw, now)
            return None
        return found if now - since > LOST_SECONDS else None


@contextlib.contextmanager
def held(leases: Leases, key: str) -> Iterator[bool]:
    """Hold a run for a moment, if nobody else does; yield whether it is held."""
    lease = leases.acquire(key)
    try:
        yield lease is not None
    finally:
        if lease is not None:
            lease.release()


def _is_dead(content: _Content) -> bool:
    """Whether all holders are processes of this machine, and have ended."""
    machine = _machine()
    if not machine or content.get("machine") != machine:
        return False
    holders = content.get("holders", {})
    return bool(holders) and all(_started(one) != since for one, since in holders.items())


@cache
def _machine() -> str:
    """Return what no other machine, and no other container of this one, is called; "" unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(process: int | str) -> str:
    """Return when a process began, by the count of its machine's clock; "" of one that ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]  # a zombie has ended


def _highest(folder: Path, key: str) -> int:
    """Return the number of a run's newest lease; 0 without any."""
    found = (_NAME.fullmatch(name) for name in os.listdir(folder))
    return max((int(match[2]) for match in found if match and match[1] == key), default=0)


def _key(path: Path) -> str:
    return path.name.rpartition(".")[0]


def _generation(path: Path) -> int:
    return int(path.name.rpartition(".")[2])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # given back just now, or not to be read just now
        return b""


def _parsed(raw: bytes) -> _Content:
    """Return what a lease says; nothing where it is just being written, or damaged."""
    try:
        return conform(parse_json(raw.decode(), ""), _Content, "")
    except (InputError, UnicodeDecodeError):
        return {}


def _bytes(content: _Content) -> bytes:
    return json.dumps(content).encode().ljust(_SIZE - 1) + b"\n"


def _write(path: Path, content: _Content) -> None:
    descriptor = os.open(path, os.O_WRONLY)  # never made anew: whoever removed it holds the run
    try:
        os.pwrite(descriptor, _bytes(content), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
