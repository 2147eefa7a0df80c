"""Help, information, commands on data, and bad command lines."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from ariigcn_dgl.cli import info
from ariigcn_dgl.cli.commands import COMMANDS, Command
from ariigcn_dgl.config import TrainingConfig
from ariigcn_dgl.data import fingerprint, load_dialogues
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.metrics import spread


@pytest.mark.parametrize("command", COMMANDS)
def test_help_mentions_every_option(ariigcn: Callable, command: str) -> None:
    outcome = ariigcn(*command.split(), "--help")
    assert (outcome.code, outcome.err) == (0, "")
    function = COMMANDS[command].load()
    for name in inspect.signature(function).parameters:
        assert name in outcome.out
    assert inspect.getdoc(function).splitlines()[0] in outcome.out


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_line_in_the_list_is_the_first_of_the_help(command: Command) -> None:
    first = inspect.getdoc(command.load()).splitlines()[0]
    assert command.help == first[0].lower() + first[1:].removesuffix(".")


def test_help_of_train_lists_the_systems(ariigcn: Callable) -> None:
    text = "".join(ariigcn("train", "--help").out.split())  # it is broken at hyphens, too
    assert f"Oneof{','.join(SYSTEMS)},ormodule:Class." in text


@pytest.mark.parametrize("system", SYSTEMS)
def test_help_of_train_mentions_every_setting(ariigcn: Callable, system: str) -> None:
    out = ariigcn("train", "--system", system, "--help").out
    for name in (f"--model.{field.name}" for field in fields(SYSTEMS[system].Config)):
        assert name in out
    for name in (f"--training.{field.name}" for field in fields(TrainingConfig)):
        assert name in out


@pytest.mark.parametrize("arguments", [["--help"], ["data", "--help"]])
def test_help_lists_the_commands(ariigcn: Callable, arguments: list[str]) -> None:
    out = ariigcn(*arguments).out
    prefix = "data " if arguments[0] == "data" else ""
    for command in COMMANDS:
        if command.startswith(prefix):
            assert command.removeprefix(prefix).split()[0] in out


def test_help_keeps_the_lines_of_the_description(ariigcn: Callable) -> None:
    line = "A first run needs no data:     ariigcn train"
    assert line in ariigcn("--help").out.splitlines()


def test_version_is_that_of_the_package(ariigcn: Callable) -> None:
    assert version("ariigcn_dgl") in ariigcn("--version").out


def test_info_shows_what_is_installed(ariigcn: Callable) -> None:
    outcome = ariigcn("info")
    assert outcome.code == 0
    for name in ("torch", "dgl", "native library", "cuda devices"):
        assert name in outcome.out
    assert version("torch") in outcome.out


def test_info_says_how_to_get_what_is_missing(
    ariigcn: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(name: str) -> str:
        if name in ("dgl", "av"):
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr("ariigcn_dgl.optional.version", found)
    lines = [" ".join(line.split()) for line in ariigcn("info").out.splitlines()]
    assert f"dgl missing: {info.INSTALL}" in lines
    assert 'av missing: pip install "ariigcn_dgl[extract]"' in lines
    assert "torch_geometric 1.0" in lines
    assert not any(line.startswith("pytest ") for line in lines)


@pytest.mark.parametrize(
    ("built", "torch_has", "words"),
    [
        ("13.0", "13.0", "for 9.0"),
        ("13.0", None, "for 9.0; this torch has no CUDA"),
        ("", "13.0", "missing: torch has CUDA 13.0; install nvcc 13.0, then build again: pip"),
        ("", None, "none; this torch has no CUDA"),
    ],
)
def test_info_says_what_cuda_kernels_lack(
    ariigcn: Callable,
    monkeypatch: pytest.MonkeyPatch,
    built: str,
    torch_has: str | None,
    words: str,
) -> None:
    monkeypatch.setattr(info, "build_info", lambda: {"cuda": built, "cuda_archs": "9.0"})
    monkeypatch.setattr("torch.version.cuda", torch_has)
    assert f"cuda kernels {words}" in " ".join(ariigcn("info").out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name a command: train, evaluate, predict, "),
        (["bake"], "invalid choice: 'bake'"),
        (["data"], "name a command: check, convert, join, import, synth (ariigcn data --help "),
        (["data", "bake"], "invalid choice: 'bake'"),
        (["info", "--loud"], "unrecognized arguments: --loud (see: ariigcn info --help)"),
        (["evaluate"], "are required: run (see: ariigcn evaluate --help)"),
        (["predict"], "are required: run (see: ariigcn predict --help)"),
        (["predict", "a"], "give one of --data, --media, --transcript and --stream"),
        (["predict", "a", "--data", "b", "--stream"], "give one of --data, --media, --tr"),
        (["predict", "a", "--data", "b"], "--data: needs --out, what to write"),
        (["predict", "a", "--media", "b"], "a: no such run folder or bundle; expected what --o"),
        (
            ["data", "convert", "--data", "a"],
            "are required: --out (see: ariigcn data convert --help)",
        ),
        (["train", "--data"], "argument --data: expected one argument"),
        (
            ["data", "synth", "--out", "a", "--like", "b"],
            "--like: is b, expected one of ['synthetic', ",
        ),
        (["data", "synth", "--out", "a", "--seed", "-1"], "seed is -1, expected at least 0"),
        (["data", "synth", "--out", "a", "--seed", "b"], "--seed: is b, expected an integer"),
    ],
)
def test_bad_command_line_is_one_sentence(
    refused: Callable[..., str],
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert words in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_check_shows_splits_classes_and_the_hash(ariigcn: Callable, data: Path) -> None:
    outcome = ariigcn("data", "check", "--data", data)
    assert outcome.code == 0
    for word in ("train", "val", "test", "text", "audio", "visual"):
        assert word in outcome.out
    assert f"sha256 {fingerprint(load_dialogues(data))}" in outcome.out


def test_converted_data_is_the_same(ariigcn: Callable, data: Path, tmp_path: Path) -> None:
    outcome = ariigcn("data", "convert", "--data", data, "--out", tmp_path / "copy")
    dialogues = load_dialogues(data)
    assert f"{dialogues.num_utterances} utterances of 14 dialogues" in outcome.out
    assert fingerprint(load_dialogues(tmp_path / "copy")) == fingerprint(dialogues)


def test_synthetic_data_depends_on_its_seed(ariigcn: Callable, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert ariigcn("data", "synth", "--out", tmp_path / name, "--seed", seed).code == 0
    a, b, c = (fingerprint(load_dialogues(tmp_path / name)) for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("command", ["convert", "synth"])
def test_folder_that_exists_is_refused_and_left_alone(
    refused: Callable[..., str], data: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "out").mkdir()
    source = ["--data", data] if command == "convert" else []
    sentence = refused("data", command, *source, "--out", tmp_path / "out")
    assert "out: exists already; choose another name" in sentence
    assert list((tmp_path / "out").iterdir()) == []


def test_spread_of_one_value_is_the_value() -> None:
    assert spread([61.234]) == "61.23"
