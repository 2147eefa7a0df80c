"""The completion script, in a real bash and a real fish."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ariigcn_dgl.cli import main
from ariigcn_dgl.experiments.study_file import STUDIES

# Does what TAB does: calls the function that is registered for the command.
ASK = """
source "$1"; shift
words="$(complete -p ariigcn)"
[[ $words =~ -F\\ ([^ ]+) ]]
COMP_WORDS=(ariigcn "$@"); COMP_CWORD=$#
"${BASH_REMATCH[1]}" ariigcn "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the script for bash."""
    path = tmp_path_factory.mktemp("completion") / "ariigcn"
    with pytest.MonkeyPatch.context() as patch, path.open("w") as file:
        patch.setattr("sys.stdout", file)
        with pytest.raises(SystemExit):
            main(["--print-completion", "bash"])
    return path


@pytest.fixture
def complete(script: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Return the completions of the last word in a folder with the file ``mine.yaml``."""
    (tmp_path / "mine.yaml").touch()

    def run(*words: str) -> list[str]:
        command = ["bash", "--norc", "--noprofile", "-c", ASK, "bash", script, *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.split()

    return run


@needs_bash
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tr"], ["train", "transcribe"]),
        (["e"], ["evaluate", "extract", "experiment", "embed", "export"]),
        (["data", "im"], ["import"]),
        (["train", "--sy"], ["--system"]),
        (["train", "--model.fu"], ["--model.fusion"]),
        (["data", "import", "a.pkl", "--val"], ["--val_fraction"]),
        (["train", "--system", "bc"], ["bc-lstm", "bc-lstm-att"]),
        (["train", "--preset", "p"], ["paper"]),
        (["predict", "run", "--modalities", "text", "a"], ["audio"]),
        (["evaluate", "run", "--device", "cu"], ["cuda"]),
        (["evaluate", "mi"], ["mine.yaml"]),
        (["train", "--config", "mi"], ["mine.yaml"]),
        (["train", "--data", "mi"], ["mine.yaml"]),
        (["report", "a", "b", "mi"], ["mine.yaml"]),
        (["experiment", "min"], ["mine.yaml"]),
        (["experiment", "main", "--baseline", "mi"], []),
        (["--print_completion", "z"], ["zsh"]),
    ],
    ids=" ".join,
)
def test_word_is_completed(complete: Callable, words: list[str], expected: list[str]) -> None:
    assert complete(*words) == expected


@needs_bash
def test_studies_are_listed(complete: Callable) -> None:
    assert set(complete("experiment", "")) == {*STUDIES, "mine.yaml"}


def test_script_for_zsh_knows_the_commands(ariigcn: Callable) -> None:
    outcome = ariigcn("--print_completion", "zsh")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("#compdef ariigcn\n")
    assert "--val_fraction" in outcome.out


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tr", ["train"]),
        ("data im", ["import"]),
        ("train --lr", ["--lr"]),
        ("train --system bc", ["bc-lstm", "bc-lstm-att"]),
        ("experiment ma", ["main", "margin"]),
        ("experiment min", ["mine.yaml"]),
        ("evaluate mi", ["mine.yaml"]),
    ],
)
def test_word_is_completed_in_fish(
    ariigcn: Callable, tmp_path: Path, words: str, expected: list[str]
) -> None:
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "script").write_text(ariigcn("--print_completion", "fish").out)
    ask = f"source script; complete -C 'ariigcn {words}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert [line.partition("\t")[0] for line in done.stdout.splitlines()] == expected


def test_script_for_fish_knows_commands_and_short_forms(ariigcn: Callable) -> None:
    outcome = ariigcn("--print_completion", "fish")
    assert (outcome.code, outcome.err) == (0, "")
    assert "-a experiment -d 'Compare systems" in outcome.out
    assert "-l training.learning_rate -l lr -x" in outcome.out


def test_other_shells_are_refused(refused: Callable[..., str]) -> None:
    assert "invalid choice: 'tcsh'" in refused("--print_completion", "tcsh")
