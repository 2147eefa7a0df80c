"""The command line in this process, a small data set on disk, and runs that were trained on it."""

from __future__ import annotations

import csv
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.cli import main
from ariigcn_dgl.cli.guarded import BUG
from ariigcn_dgl.data import load_dialogues, synthesise, write_folder
from tests.extract.conftest import cache, gone, hub  # noqa: F401  # fixtures
from tests.small_sets import small_config

SMALL = (
    "--model.hidden_dim=8",
    "--model.head_dim=8",
    "--model.projection_dim=0",
    "--training.epochs=2",
    "--training.batch_size=4",
    "--training.adversarial_epochs=1",
)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no line of progress come in between, however slow the machine is."""
    monkeypatch.setattr("ariigcn_dgl.cli.progress.LINE_SECONDS", 1e6)


@pytest.fixture
def ariigcn(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command; an error of the program itself fails the test."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        assert code != BUG, captured.err
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def refused(ariigcn: Callable[..., Outcome]) -> Callable[..., str]:
    """Run a command that must end with code 2 and one sentence on stderr; return the sentence."""

    def run(*arguments: object) -> str:
        outcome = ariigcn(*arguments)
        assert outcome.code == 2, outcome
        assert outcome.out == ""
        assert outcome.err.startswith("ariigcn: ")
        assert outcome.err.count("\n") == 1
        return outcome.err.removeprefix("ariigcn: ").rstrip("\n")

    return run


@pytest.fixture
def foreground() -> Iterator[None]:
    """Let commands started here heed SIGINT: a shell has its background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def small() -> tuple[str, ...]:
    """Return options that make training take a blink."""
    return SMALL


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 14 dialogues of two speakers, partly unlabelled."""
    folder = tmp_path_factory.mktemp("data")
    config = small_config("raw", train=8, val=3, test=3, unlabelled=0.2)
    write_folder(synthesise(config), folder / "raw")
    main(["data", "convert", "--data", str(folder / "raw"), "--out", str(folder / "talk")])
    return folder / "talk"


@pytest.fixture(scope="session")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of seeds 0 and 1; copy it before changing it."""
    folder = tmp_path_factory.mktemp("runs") / "two"
    main(["train", "--data", str(data), "--out", str(folder), "--seeds", "0", "1", *SMALL])
    return folder


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """Return a copy of the run folder, to damage."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


@pytest.fixture
def plain(data: Path, tmp_path: Path) -> Path:
    """Return the data set as a user would bring it: utterances.csv and one .npy per modality."""
    dialogues = load_dialogues(data)
    folder = tmp_path / "mine"
    folder.mkdir()
    splits = dict(zip(dialogues.dialogue_ids, dialogues.splits, strict=True))
    lines = (data / "utterances.jsonl").read_text(encoding="utf-8").splitlines()
    with (folder / "utterances.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["dialogue", "utterance", "speaker", "label", "split"])
        writer.writeheader()
        for record in map(json.loads, lines):
            writer.writerow(record | {"split": splits[record["dialogue"]]})
    for modality, array in dialogues.features.items():
        np.save(folder / f"{modality}.npy", array)
    return folder


@pytest.fixture(scope="session")
def bundled(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle of both seeds, in float32."""
    out = tmp_path_factory.mktemp("bundles") / "talk.ariigcn"
    main(["bundle", str(trained), "--out", str(out), "--licence", "CC0 *1*"])
    return out
