"""Options as people type them: short forms, hyphens, typos, and the forms of before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.cli.commands import COMMANDS
from ariigcn_dgl.cli.option_names import option_names
from ariigcn_dgl.cli.parser import command_parser
from ariigcn_dgl.cli.spelling import SHORT, with_names
from ariigcn_dgl.training.run_spec import read_run_spec, read_settings


@pytest.mark.parametrize("command", COMMANDS)
def test_options_read_from_the_source_are_those_of_the_parser(command: str) -> None:
    arguments = ["--system", "mlp"] if command == "train" else []
    found = command_parser(command, arguments).long_options()
    of_system = {"--past", "--future"}  # which mlp lacks
    expected = {name for name in found if not name.startswith("--model.")}
    assert set(option_names(command)) - of_system == expected


def test_short_forms_stand_for_settings(ariigcn: Callable, data: Path, tmp_path: Path) -> None:
    options = ("--seed", 3, "--epochs", 2, "--lr=0.01", "--batch-size", 5, "--hidden-dim=6")
    run = ("train", "--system", "bigru", "--data", data, "--out", tmp_path / "run", *options)
    assert ariigcn(*run).code == 0
    settings = read_settings(tmp_path / "run")
    assert read_run_spec(tmp_path / "run")["seeds"] == [3]
    assert (settings.training.epochs, settings.training.learning_rate) == (2, 0.01)
    assert (settings.training.batch_size, settings.model.hidden_dim) == (5, 6)


def test_help_of_train_lists_the_short_forms(ariigcn: Callable) -> None:
    shown = ariigcn("train", "--help").out
    for short, whole in SHORT.items():
        assert f"{short} " in shown
        assert whole in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "; did you mean 'train'? (see: ariigcn --help)"),
        (["data", "chek"], "; did you mean 'check'? (see: ariigcn data --help)"),
        (["train", "--ephocs", "3"], "arguments: --ephocs; did you mean '--epochs'? (see: "),
        (["train", "--training.epoch=3"], "; did you mean '--training.epochs'?"),
        (["train", "--model.hiden_dim", "3"], "; did you mean '--model.hidden_dim'?"),
        (["train", "--config", "{model: {hiden_dim: 3}}"], "; did you mean 'model.hidden_dim'?"),
        (["train", "--training.selection=bst"], "; did you mean 'best'?"),
        (["train", "--system", "DialogueGCN"], "; did you mean 'dialogue-gcn'?"),
        (["train", "--preset", "tune"], "; did you mean 'tuned'?"),
        (["train", "--modalities", "txt"], "; did you mean 'text'?"),
        (["experiment", "mian"], "or a .yaml file; did you mean 'main'?"),
        (["experiment", "main", "--systems", "mpl"], "; did you mean 'mlp'?"),
        (
            ["predict", "friends-text", "a.srt"],
            "named by --data a.srt, a chat or subtitles by --transcript a.srt, a recording by",
        ),
        (["train", "iemocap"], "iemocap; a data set is named by --data iemocap (see: ariigcn "),
        (["experiment", "main", "a"], "arguments: a; a data set is named by --data a (see: "),
        (["info", "--loud"], "unrecognized arguments: --loud (see: ariigcn info --help)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_typo_is_answered_with_what_was_meant(
    refused: Callable[..., str], arguments: list[str], words: str
) -> None:
    assert words in refused(*arguments)


def test_data_without_its_name_works_in_this_version_and_says_so(
    ariigcn: Callable, data: Path, tmp_path: Path
) -> None:
    outcome = ariigcn("data", "convert", data, tmp_path / "out")
    assert outcome.code == 0
    assert f"by name only: ariigcn data convert --data {data} --out {tmp_path}/out\n" in outcome.err
    assert (tmp_path / "out" / "dataset.json").is_file()


def test_options_may_follow_what_has_no_name() -> None:
    assert with_names("data synth", ["a", "--seed=1"]) == ["--out", "a", "--seed=1"]
    assert with_names("train", ["a"]) == ["a"]
