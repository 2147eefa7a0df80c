"""The runs of a study: each in a run folder of its own, named by what decides its numbers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypedDict

from ariigcn_dgl.data.folds import Fold
from ariigcn_dgl.environment import environment
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.worker import LOG_FILE
from ariigcn_dgl.files import make_folder, read_json, sweep, write_json
from ariigcn_dgl.schema import conform
from ariigcn_dgl.seal import refuse_lost
from ariigcn_dgl.training.prepare import TestUse
from ariigcn_dgl.training.run_config import RunConfig, identity, settings_sha256
from ariigcn_dgl.training.run_folder import METRICS_FILE, RunFolder, way_out
from ariigcn_dgl.training.run_record import RUN_FORMAT
from ariigcn_dgl.training.run_spec import FoldSpec, RunSpec, write_run_spec

FAILURE_FILE = "failure.json"
NOT_RUN = "not run"
Status = Literal["open", "done", "failed"]


class Failure(TypedDict):
    """Content of its file."""

    reason: str
    final: bool


@dataclass(frozen=True, eq=False)
class Run:
    """One training with one seed.

    Parameters
    ----------
    runs : Path
        Folder of all runs.
    name : str
        Name of the setting, to be shown.
    config : RunConfig
        Resolved for the data set.
    seed : int
        Of the one training.
    data : str
        Where the data set lies, or "synthetic".
    dataset_sha256 : str
        Fingerprint of the data set with these modalities and splits.
    modalities : tuple of str
        Those that are used of the data set.
    fold : Fold, optional
        Of a cross-validation.
    test : {"never", "once", "every epoch"}
        Use of the test split; see `ariigcn_dgl.training.fit.fit`.
    device : str
        Where to train.
    splits : str
        How the splits came about, for its record.
    targets : tuple of str, optional
        As of `Options`.
    """

    runs: Path
    name: str
    config: RunConfig
    seed: int
    data: str
    dataset_sha256: str
    modalities: tuple[str, ...]
    fold: Fold | None = None
    test: TestUse = "never"
    device: str = "cpu"
    splits: str = ""
    targets: tuple[str, ...] | None = None

    @cached_property
    def key(self) -> str:
        """Name of the folder: runs of the same key have the same numbers."""
        content = {
            "config": identity(self.config),
            "seed": self.seed,
            "dataset_sha256": self.dataset_sha256,
            "format": RUN_FORMAT,
            "test every epoch": self.test == "every epoch",
        }
        kind = self.device.partition(":")[0]
        if kind != "cpu":  # on a GPU sums are rounded otherwise; on which of them, does not matter
            content["device"] = kind
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Run folder, as of ``ariigcn train``."""
        return self.runs / self.key

    @property
    def seed_folder(self) -> RunFolder:
        """Folder of the seed in it."""
        return RunFolder(self.folder / f"seed{self.seed}")

    @property
    def status(self) -> Status:
        """Whether the run is finished, as far as `test` asks, has failed, or is still to do."""
        files = self.seed_folder
        if files.validated if self.test == "never" else files.finished:
            return "done"
        return "failed" if self._failure.get("final", False) else "open"

    @property
    def _failure(self) -> dict[str, Any]:
        path = self.folder / FAILURE_FILE
        return conform(read_json(path), Failure, str(path)) if path.exists() else {}

    @property
    def epochs(self) -> int:
        """Number of epochs, if none is saved by patience."""
        return self.config.epochs(len(self.modalities))

    @property
    def epochs_done(self) -> int:
        """Number of epochs that are trained already."""
        path = self.seed_folder.path / METRICS_FILE
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def prepare(self) -> None:
        """Write what the run is to do; forget an earlier failure.

        Raises
        ------
        InputError
            If the run had ended and was damaged, which is no failure of its setting.
        """
        self.seed_folder.refuse_lost_seal()
        self.folder.mkdir(parents=True, exist_ok=True)
        sweep(self.folder)
        fold: FoldSpec | None = None
        if self.fold is not None:
            fold = {"number": self.fold.number, "of": self.fold.of}
        spec: RunSpec = {
            "data": self.data,
            "preset": self.name,
            "seeds": [self.seed],
            "device": self.device,
            "modalities": list(self.modalities),
            "fold": fold,
            "dataset_sha256": self.dataset_sha256,
            "threads": 1,
            "environment": environment(),
            "splits": self.splits,
        }
        if self.targets is not None:
            spec["targets"] = list(self.targets)
        write_run_spec(self.folder, spec, self.config)
        (self.folder / FAILURE_FILE).unlink(missing_ok=True)

    @property
    def untidy(self) -> bool:
        """Whether a study that was killed when this run had just ended may have left something."""
        log = self.folder / LOG_FILE
        return log.exists() or any(self.folder.glob(".*.tmp"))

    def tidy(self) -> None:
        """Remove what was left by a study that was killed when this run had just ended."""
        sweep(self.folder)
        (self.folder / LOG_FILE).unlink(missing_ok=True)

    def fail(self, reason: str, final: bool = True) -> None:
        """Keep why the run failed; unless that is final, as of a killed process, it stays open."""
        make_folder(self.folder)
        write_json(self.folder / FAILURE_FILE, {"reason": reason, "final": final})

    @property
    def reason(self) -> str:
        """Why the run failed or was not finished."""
        return self._failure.get("reason", NOT_RUN)

    def read(self) -> dict[str, Any]:
        """Return the content of ``run.json``.

        Raises
        ------
        InputError
            If it is damaged, or another run's.
        """
        refuse_lost(self.folder, way_out(self.folder))
        record = self.seed_folder.read_run()
        asked = (self.seed, settings_sha256(self.config), self.dataset_sha256)
        if asked != (record["seed"], record["settings_sha256"], record["dataset_sha256"]):
            raise InputError(
                f"{self.seed_folder.path}: holds another run than its folder's name says; delete "
                f"{self.folder} to train again"
            )
        return record
