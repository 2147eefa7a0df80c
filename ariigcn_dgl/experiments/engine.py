"""What works on runs: the seam between a queue, which decides, and processes, which compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ariigcn_dgl.experiments.leases import Lease
from ariigcn_dgl.experiments.runs import Run

GRACE_SECONDS = 10.0  # to finish writing a file


@dataclass(frozen=True)
class Ending:
    """How the work on a run ended.

    Parameters
    ----------
    reason : str
        Why it is not done, one sentence; "" where it is.
    final : bool
        Whether that is the run's own failure: it would fail again. A lost process or machine says
        nothing about its run, which is tried again.
    """

    reason: str = ""
    final: bool = False


class Work(Protocol):
    """A run that is being worked on."""

    def ended(self) -> Ending | None:
        """Return how it ended, with the run's folder as it then is; None while it goes on.

        Called many times a second, and not again after an ending.
        """


class Engine(Protocol):
    """Works on runs: in processes of this machine (`Processes`), or elsewhere (`RayEngine`).

    The queue decides what is begun, stopped and tried again; an engine tries nothing twice.
    """

    def begin(self, run: Run, lease: Lease | None) -> Work:
        """Begin to work on a run, from where its folder has come to.

        Parameters
        ----------
        run : Run
            Nobody else works on it.
        lease : Lease or None
            To be kept by whoever works on it, where others may share the folder.

        Raises
        ------
        InputError
            If the run had ended and was damaged (`Run.prepare`).
        """

    def stop(self, works: Sequence[Work]) -> None:
        """End what is worked on, within `GRACE_SECONDS`; its folder can be gone on with."""
