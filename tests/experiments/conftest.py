"""A small data set on disk, a study of small systems, and a monitor that remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ariigcn_dgl.data import fingerprint, synthesise, write_folder
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.training.run_config import RunConfig, changed
from tests.small_sets import small_config

STUDY = """
title: Small systems
baseline: mlp
defaults:
  set: {training.epochs: 2, training.batch_size: 4, model.hidden_dim: 8}
  search: {training.learning_rate: [0.003, 0.03]}
settings:
  - {name: mlp, system: mlp}
  - {name: bigru, system: bigru, modalities: [text, audio]}
"""


class Memory:
    """Remembers what a queue reported."""

    def __init__(self) -> None:
        self.todo: list[list[Run]] = []
        self.finished: list[Run] = []
        self.retried: list[Run] = []
        self.pruned: dict[Run, str] = {}
        self.later = 0
        self.most_at_once = 0

    def began(self, title: str, runs: Sequence[Run], todo: Sequence[Run], later: int = 0) -> None:
        self.todo.append(list(todo))
        self.later = later

    def tick(self, running: Sequence[Run]) -> None:
        self.most_at_once = max(self.most_at_once, len(running))

    def again(self, run: Run) -> None:
        self.retried.append(run)

    def stopped(self, run: Run, why: str) -> None:
        self.pruned[run] = why

    def ended(self, run: Run) -> None:
        self.finished.append(run)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 16 dialogues of two speakers, partly unlabelled."""
    folder = tmp_path_factory.mktemp("data") / "talk"
    config = small_config("talk", train=8, val=3, test=5, unlabelled=0.2)
    write_folder(synthesise(config), folder)
    return folder


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return the file of a study of two small systems with a search."""
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def make_run(data: Path, tmp_path: Path) -> Callable[..., Run]:
    """Make a small run; keywords are fields of `Run`, `changes` those of its settings."""

    def make(changes: dict | None = None, **fields: object) -> Run:
        small = {"training.epochs": 2, "model.hidden_dim": 8, "training.batch_size": 4}
        dialogues = load_source(str(data))
        values = {
            "runs": tmp_path / "runs",
            "name": "small",
            "config": changed(RunConfig("mlp"), small | (changes or {})),
            "seed": 0,
            "data": str(data),
            "dataset_sha256": fingerprint(dialogues),
            "modalities": tuple(dialogues.features),
        }
        return Run(**values | fields)

    return make
