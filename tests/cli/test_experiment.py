"""``ariigcn experiment``: end to end, refused input, killed and interrupted studies."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.cli.queue_display import QueueDisplay
from ariigcn_dgl.data import load_dialogues, synthesise, write_folder
from ariigcn_dgl.data.folds import groups
from ariigcn_dgl.experiments import folder
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.extract.manifest import FORMAT as MANIFEST_FORMAT
from tests.small_sets import small_config

pytestmark = pytest.mark.slow  # whole studies are trained

STUDY = """
title: Small systems
baseline: mlp
defaults:
  set: {training.epochs: 25, training.patience: 25, training.batch_size: 1, model.hidden_dim: 8}
  search: {training.learning_rate: [0.003, 0.03]}
settings:
  - {name: mlp, system: mlp}
  - {name: bigru, system: bigru}
"""
TABLES = ("results.csv", "results.json", "table.md", "table.tex")
FIGURES = ("scores.png", "scores.pdf", "confusion.png", "confusion.pdf")
FILES = TABLES + FIGURES
TABLES = ("table.md", "table.tex")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return the file of a study of two small systems with a search."""
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def options(data: Path, study: Path) -> tuple[object, ...]:
    return (study, "--data", data, "--seeds", "0", "1", "--jobs", "2")


@pytest.fixture
def whole(ariigcn: Callable, options: tuple[object, ...], tmp_path: Path) -> Path:
    """Return the folder of a study that nothing disturbed."""
    outcome = ariigcn("experiment", *options, "--out", tmp_path / "whole")
    assert outcome.code == 0, outcome.err
    return tmp_path / "whole"


def _start(folder: Path, options: tuple[object, ...]) -> subprocess.Popen[str]:
    """Start a study; return it after its first run, in the middle of others."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ariigcn_dgl", "experiment", *options, "--out", folder],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stderr.readline().startswith("runs 1 of 8: mlp seed 0: validation weighted")
    return process


def _epochs(folder: Path) -> int:
    return sum(len(p.read_bytes().splitlines()) for p in folder.glob("runs/*/*/metrics.jsonl"))


def test_study_ends_with_tables_figures_and_ordinary_run_folders(
    ariigcn: Callable, options: tuple[object, ...], tmp_path: Path
) -> None:
    out = tmp_path / "study"
    outcome = ariigcn("experiment", *options, "--out", out)
    assert outcome.code == 0
    for name in FILES:
        assert (out / name).stat().st_size > 0
    lines = outcome.err.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        f"runs {n} of 8"
        for n in range(1, 9)  # the searches, and two seeds of what each of them chose
    ]
    assert "Small systems: raw" in outcome.out
    content = json.loads((out / "results.json").read_text())
    assert content["environment"]["torch"]
    assert content["data"]["dialogues"] == {"train": 8, "val": 3, "test": 3}
    run = content["rows"][1]["runs"][1]
    assert run["seconds"] > 0
    assert ariigcn("evaluate", out / "runs" / run["key"]).code == 0


@pytest.mark.exhaustive
def test_killed_study_ends_with_the_same_table(
    ariigcn: Callable, options: tuple[object, ...], whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    with _start(out, options) as process:
        process.kill()
    time.sleep(1)  # more than the processes need to find out that they are alone
    before = _epochs(out)
    time.sleep(1)
    assert _epochs(out) == before < 4 * 25
    assert not (out / "table.md").exists()
    outcome = ariigcn("experiment", *options, "--out", out)
    assert outcome.code == 0
    assert re.match(r"runs: [1-7] of 8 runs are there already\n", outcome.err)
    for name in TABLES:
        assert (out / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.exhaustive
def test_study_that_is_interrupted_at_its_tables_says_how_to_go_on(
    ariigcn: Callable,
    options: tuple[object, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ariigcn_dgl.cli.experiment.write_tables", interrupt)
    stopped = ariigcn("experiment", *options, "--out", tmp_path / "out")
    assert stopped.code == 130
    assert " runs are done and kept, go on with: ariigcn experiment " in stopped.err


@pytest.mark.usefixtures("foreground")
@pytest.mark.exhaustive
def test_interrupted_study_says_how_to_go_on(
    ariigcn: Callable, options: tuple[object, ...], data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "interrupted"
    with _start(out, options) as process:
        process.send_signal(signal.SIGINT)
        message = process.stderr.read()
    assert process.returncode == 130
    command = f"ariigcn experiment {options[0]} --data {data} --seeds 0 1 --jobs 2 --out {out}"
    assert f"of 8 runs are done and kept, go on with: {command}\n" in message
    assert message.count("\ninterrupted\n") == 1
    assert "Traceback" not in message
    assert ariigcn(*command.split()[1:]).code == 0


def test_a_baseline_that_systems_leave_out_is_replaced(
    ariigcn: Callable, data: Path, study: Path, tmp_path: Path
) -> None:
    text = study.read_text()
    assert "baseline: mlp" in text
    options = ("--systems", "bigru", "--data", data, "--seeds", "0", "--out", tmp_path / "out")
    outcome = ariigcn("experiment", study, *options)
    assert outcome.code == 0
    assert "compared with bigru: --systems leaves out mlp; --baseline chooses\n" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mian"], "study 'mian': expected one of ablation"),
        (["main", "--seeds", "1", "1"], "--seeds 1 1: expected different numbers"),
        (["main", "--jobs", "0"], "--jobs: is 0, expected at least 1"),
        (["main", "--systems", "lstm"], "--systems: the study main has no system 'lstm'"),
        (["main", "--baseline", "lstm"], "--baseline: 'lstm' is not compared here"),
        (["main", "--data", "no.npz"], "no.npz: no such file"),
        (["no.yaml"], "no.yaml: cannot be read: No such file"),
        (["main", "--search", "random"], "--search: is random, expected grid or optuna:N, as"),
        (["main", "--search", "optuna:0"], "--search: is optuna:0, expected grid or optuna:N, as"),
    ],
)
def test_bad_options_are_refused(refused: Callable, arguments: list[str], message: str) -> None:
    assert message in refused("experiment", *arguments)


def test_too_many_folds_leave_no_folder(
    refused: Callable, study: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = refused("experiment", study, "--data", data, "--folds", "5000", "--out", out)
    assert "cannot be divided into 5000 folds: choose fewer" in said
    assert not out.exists()


def test_folds_do_not_test_what_an_encoder_learnt_from(
    refused: Callable, study: Path, data: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(data, own)
    encoders = {"audio": {"name": "convolutions"}, "text": {"name": "a", "learnt": {}}}
    content = {"format": MANIFEST_FORMAT, "encoders": encoders, "libraries": {}}
    (own / "extraction.json").write_text(json.dumps(content))
    out = tmp_path / "out"
    said = refused("experiment", study, "--data", own, "--folds", "3", "--out", out)
    assert said.startswith(f"--folds: the text and audio encoders of {own} learnt from labels")
    assert not out.exists()


def test_a_fold_without_labels_is_refused_before_anything_is_trained(
    refused: Callable, study: Path, tmp_path: Path
) -> None:
    config = small_config("talk", train=8, val=2, test=2)
    dialogues = synthesise(config)
    fold = groups(dialogues, 4)[dialogues.row_dialogues]
    labels = np.where(fold == 1, -1, dialogues.labels)
    write_folder(replace(dialogues, labels=labels), tmp_path / "talk")
    out = tmp_path / "out"
    said = refused("experiment", study, "--data", tmp_path / "talk", "--folds", "4", "--out", out)
    assert said.startswith("fold 1 (from 0) of 4: talk: the split 'test' has no labelled utterance")
    assert not list(out.glob("runs/*/seed*"))


def test_settings_of_other_metrics_have_no_best_test_epoch_to_compare(
    refused: Callable, study: Path, data: Path, tmp_path: Path
) -> None:
    other = "{name: bigru, system: bigru, set: {training.metric: accuracy}}"
    study.write_text(STUDY.replace("{name: bigru, system: bigru}", other))
    options = ("--data", data, "--protocol", "literature", "--out", tmp_path / "out")
    said = refused("experiment", study, *options)
    assert said.startswith("bigru: is trained by accuracy and mlp by weighted_f1: --search optuna")


def test_a_folder_of_something_else_is_refused(
    refused: Callable, study: Path, data: Path, tmp_path: Path
) -> None:
    message = refused("experiment", study, "--data", data, "--out", tmp_path)
    assert message == f"{tmp_path}: holds something else; choose another folder with --out"


def test_a_folder_of_another_study_or_of_other_data_is_refused(
    refused: Callable, study: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    content = {"study": "other", "dataset": "x", "dataset_sha256": "0"}
    (out / "experiment.json").write_text(json.dumps(content))
    message = refused("experiment", study, "--data", data, "--out", out)
    assert message == f"{out}: holds the study other; choose another folder with --out"
    (out / "experiment.json").write_text(json.dumps(content | {"study": "small", "folds": 3}))
    message = refused("experiment", study, "--data", data, "--out", out)
    assert message == f"{out}: holds a study of 3 folds; choose another folder with --out"
    (out / "experiment.json").write_text(json.dumps(content | {"study": "small"}))
    message = refused("experiment", study, "--data", data, "--out", out)
    assert message.startswith(f"{out}: holds a study of x, with other data than raw has now")


@pytest.mark.parametrize("values", [("--folds", "1"), ("--folds", "3", "--protocol", "literature")])
def test_folds_that_make_no_sense_are_refused(
    refused: Callable, study: Path, data: Path, values: tuple[str, ...]
) -> None:
    message = refused("experiment", study, "--data", data, *values)
    assert message.startswith(f"--folds: is {values[1]} with --protocol")


@pytest.mark.exhaustive
def test_cross_validation_ends_with_a_table_and_runs_that_evaluate_again(
    ariigcn: Callable, options: tuple[object, ...], tmp_path: Path
) -> None:
    out = tmp_path / "folds"
    outcome = ariigcn("experiment", *options, "--folds", "2", "--out", out)
    assert outcome.code == 0, outcome.err
    assert "on the test splits of all 2 folds together" in (out / "table.md").read_text()
    results = json.loads((out / "results.json").read_text())
    for part in results["rows"][0]["runs"][0]["folds"]:
        again = tmp_path / "again.json"
        assert ariigcn("evaluate", out / "runs" / part["key"], "--json", again).code == 0
        scores = json.loads(again.read_text())[str(part["seed"])]["test"]
        assert scores["weighted_f1"] == part["test"]["weighted_f1"]


def test_two_processes_do_not_work_in_one_folder(
    refused: Callable, study: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PATIENCE", 0)
    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        message = refused("experiment", study, "--data", data, "--out", out)
    assert message.startswith(f"{out}: another ariigcn experiment is working in it")


@pytest.mark.exhaustive
def test_two_processes_share_a_study_and_one_is_killed(
    options: tuple[object, ...], whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "shared"
    command = [sys.executable, "-m", "ariigcn_dgl", "experiment", *options, "--out", out]
    with (
        _start(out, options) as first,
        subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True) as second,
    ):
        assert second.stderr.readline().startswith("runs")  # both are at it
        first.kill()
        said = second.communicate()[1]
    assert second.returncode == 0, said
    for name in TABLES:
        assert (out / name).read_bytes() == (whole / name).read_bytes()


SHORT = """
title: Short
baseline: mlp
defaults:
  set: {training.epochs: 2, training.batch_size: 4, model.hidden_dim: 8}
  search: {training.learning_rate: [0.003, RATE]}
settings:
  - {name: mlp, system: mlp}
"""


@pytest.fixture
def short(data: Path, tmp_path: Path) -> Callable[[str], tuple[object, ...]]:
    """Return the options of a study of one small system, with a second learning rate."""

    def options(rate: str) -> tuple[object, ...]:
        path = tmp_path / "short.yaml"
        path.write_text(SHORT.replace("RATE", rate))
        return (path, "--data", data, "--seeds", "0", "--jobs", "2", "--out", tmp_path / "out")

    return options


def test_a_search_without_optuna_says_how_to_install_it(
    refused: Callable, short: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ariigcn_dgl.optional.is_installed", lambda name: name != "optuna")
    message = refused("experiment", *short("0.03"), "--search", "optuna:2")
    assert message == (
        'this needs optuna, which is not installed: pip install "ariigcn_dgl[search]"'
    )


@pytest.mark.exhaustive
def test_a_killed_search_by_optuna_ends_with_the_same_table(
    ariigcn: Callable, short: Callable, tmp_path: Path
) -> None:
    pytest.importorskip("optuna")
    options = [*short("0.03")[:-4], "--search", "optuna:2", "--out"]
    assert ariigcn("experiment", *options, tmp_path / "whole").code == 0
    command = [sys.executable, "-m", "ariigcn_dgl", "experiment", *options, tmp_path / "killed"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr.readline().startswith("search 1 of 2: mlp seed 0: validation")
        process.kill()
    assert ariigcn("experiment", *options, tmp_path / "killed").code == 0
    for name in TABLES:
        tables = [(tmp_path / folder / name).read_bytes() for folder in ("whole", "killed")]
        assert tables[0] == tables[1]


def test_a_study_with_a_killed_worker_ends_with_code_1_and_is_mended_by_the_command_it_says(
    ariigcn: Callable, short: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(display: QueueDisplay, running: list[Run]) -> None:
        for process in multiprocessing.active_children():
            process.kill()  # not os.kill: it may have ended by itself

    with monkeypatch.context() as patch:
        patch.setattr(QueueDisplay, "tick", kill)
        outcome = ariigcn("experiment", *short("0.03"))
    reason = "the process was killed by SIGKILL (out of memory?)"
    command = f"ariigcn experiment {' '.join(map(str, short('0.03')))}"
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1] == (
        f"incomplete: 3 runs missing: mlp: candidate learning_rate 0.003 ({reason}), "
        f"mlp: candidate learning_rate 0.03 ({reason}), "
        f"mlp: all seeds (its search is not finished); go on with: {command}"
    )
    assert "## Short: raw (incomplete)" in (tmp_path / "out" / "table.md").read_text()
    again = ariigcn(*command.split()[1:])
    assert (again.code, "missing" in again.err) == (0, False)
    assert "## Short: raw\n" in (tmp_path / "out" / "table.md").read_text()


def test_a_candidate_that_diverged_is_named_last_and_the_study_is_whole(
    ariigcn: Callable, short: Callable
) -> None:
    outcome = ariigcn("experiment", *short("1.0e+30"))
    assert outcome.code == 0
    last = outcome.err.splitlines()[-1]
    assert last.startswith("1 run failed: mlp: candidate learning_rate 1e+30 (training diverged: ")
    assert last.endswith("; the searches chose among the others")


def test_a_setting_of_which_all_failed_ends_the_study_with_code_1(
    ariigcn: Callable, short: Callable, tmp_path: Path
) -> None:
    options = short("1.0e+30")
    options[0].write_text(options[0].read_text().replace("0.003", "1.0e+31"))
    outcome = ariigcn("experiment", *options)
    assert outcome.code == 1
    last = outcome.err.splitlines()[-1]
    assert last.startswith("2 runs failed: mlp: candidate learning_rate 1e+31 (training diverged: ")
    assert last.endswith(f" --out {tmp_path / 'out'} --retry")


def test_a_study_of_which_nothing_can_be_trained_ends_with_code_1_and_says_why(
    ariigcn: Callable, data: Path, tmp_path: Path
) -> None:
    study = tmp_path / "visual.yaml"
    study.write_text(
        "title: T\nbaseline: a\ndefaults: {system: mlp, preset: paper, modalities: [visual]}\n"
        "settings:\n  - {name: a, set: {model.hidden_dim: 8}}\n"
    )
    two = tmp_path / "two"
    write_folder(load_dialogues(data).with_modalities(["text", "audio"]), two)
    outcome = ariigcn("experiment", study, "--data", two, "--out", tmp_path / "out")
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].startswith("nothing was scored: ")


def test_the_name_of_a_data_set_leads_to_no_other_folder(
    ariigcn: Callable, short: Callable, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = replace(load_dialogues(data), name="x/../../../escaped")
    write_folder(hostile, tmp_path / "hostile")
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    options = list(short("0.03"))[:-2]
    options[2] = tmp_path / "hostile"
    assert ariigcn("experiment", *options).code == 0
    assert [path.name for path in inside.iterdir()] == ["experiments"]
    assert [p.name for p in (inside / "experiments").iterdir()] == ["short-x_.._.._.._escaped"]
