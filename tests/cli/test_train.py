"""``ariigcn train``: what it writes, where options come from, what it refuses, how it goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from ariigcn_dgl.data import load_dialogues, write_folder
from ariigcn_dgl.environment import environment
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.lock import locked
from ariigcn_dgl.seal import seal, unseal
from ariigcn_dgl.training import prepare
from ariigcn_dgl.training.prepare import captures_steps
from ariigcn_dgl.training.run_config import RunConfig, changed, preset_config, read_config

RESULTS = ("model.safetensors", "metrics.jsonl", "predictions.jsonl")


@pytest.fixture
def train(ariigcn: Callable, data: Path, tmp_path: Path, small: tuple[str, ...]) -> Callable:
    """Train into the folder `run` with options on top of the small ones."""

    def run(*options: object) -> Path:
        outcome = ariigcn("train", "--data", data, "--out", tmp_path / "run", *small, *options)
        assert outcome.code == 0, outcome.err
        return tmp_path / "run"

    return run


@pytest.fixture
def refused_train(
    refused: Callable[..., str], data: Path, tmp_path: Path, small: tuple[str, ...]
) -> Callable[..., str]:
    """Train with options that must be refused before anything is written."""

    def run(*options: object) -> str:
        before = set(tmp_path.iterdir())
        sentence = refused("train", "--data", data, "--out", tmp_path / "run", *small, *options)
        assert set(tmp_path.iterdir()) == before
        return sentence

    return run


def test_a_number_of_thousands_of_digits_is_refused(refused_train: Callable[..., str]) -> None:
    sentence = refused_train("--training", "1" * 5000)
    assert f"{'1' * 40}...: has 5000 characters: Exceeds the limit" in sentence


def test_a_file_of_settings_that_is_no_text_is_named(
    refused_train: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY")
    sentence = refused_train(f"--model={tmp_path / 'a.npy'}")
    assert "a.npy: byte 0 is not UTF-8 text; save the file as UTF-8" in sentence


def test_both_seeds_are_trained_and_summarised(trained: Path) -> None:
    summary = json.loads((trained / "summary.json").read_text())
    assert set(summary) == {"0", "1"}
    for seed, scores in summary.items():
        record = json.loads((trained / f"seed{seed}" / "run.json").read_text())
        assert record["seed"] == int(seed)
        for split in ("val", "test"):
            assert scores[split] == {name: record[split][name] for name in scores[split]}


@pytest.mark.slow
def test_epochs_go_to_stderr_and_results_to_stdout(
    ariigcn: Callable, data: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    outcome = ariigcn("train", "--data", data, "--out", tmp_path / "run", *small)
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == [
        "seed 0 epoch 1",
        "seed 0 epoch 2",
    ]
    assert "val_weighted_f1" in outcome.err
    assert "ariigcn (tuned) on raw" in outcome.out
    assert f"run folder: {tmp_path / 'run'}" in outcome.out.replace("\n", "")


@pytest.mark.slow
def test_terminal_gets_a_progress_bar(
    ariigcn: Callable,
    data: Path,
    tmp_path: Path,
    small: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    options = ("--preset", "paper", *small)
    outcome = ariigcn("train", "--data", data, "--out", tmp_path / "run", *options)
    assert outcome.code == 0
    assert "3/3" in outcome.err  # one epoch of the TGAN alone and two of the rest
    assert "epoch 1:" not in outcome.err


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "tuned", "tuned-meld", "graph"])
def test_presets_train_with_their_values(train: Callable, preset: str) -> None:
    folder = train("--preset", preset)
    written = yaml.safe_load((folder / "config.yaml").read_text())
    values = preset_config("ariigcn", preset)
    changed = {"hidden_dim", "head_dim", "projection_dim", "window", "speaker_relative"}
    for name, value in asdict(values.model).items():
        assert name in changed or written["model"][name] == value
    assert written["training"]["learning_rate"] == values.training.learning_rate
    assert written["model"]["window"]["relations"] != "auto"


@pytest.mark.slow
def test_preset_then_config_then_option(train: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("training:\n  grad_clip: 3.5\n  patience: 7\n")
    folder = train("--preset=paper", "--config", tmp_path / "mine.yaml", "--training.patience=9")
    training = read_config(folder / "config.yaml").training
    assert training.patience == 9
    assert training.grad_clip == 3.5
    assert training.learning_rate == preset_config("ariigcn", "paper").training.learning_rate


@pytest.mark.slow
def test_preset_may_come_from_the_config_file(train: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("preset: paper\n")
    folder = train("--config", tmp_path / "mine.yaml")
    config = read_config(folder / "config.yaml")
    assert config.model.adversarial == preset_config("ariigcn", "paper").model.adversarial
    assert json.loads((folder / "train.json").read_text())["preset"] == "paper"


@pytest.mark.slow
def test_settings_of_a_run_can_be_used_again(
    ariigcn: Callable, trained: Path, data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "again"
    ariigcn("train", "--data", data, "--out", out, "--config", trained / "config.yaml")
    assert (out / "config.yaml").read_bytes() == (trained / "config.yaml").read_bytes()
    ours, theirs = out / "seed0", trained / "seed0"
    assert [(ours / n).read_bytes() for n in RESULTS] == [
        (theirs / n).read_bytes() for n in RESULTS
    ]


@pytest.mark.slow
def test_prototypes_are_given_by_label(train: Callable) -> None:
    options = ("--model.sccl_weight=0.8", "--model.prototypes.sad=[0.1,0.2,0.3]")
    found = read_config(train(*options) / "config.yaml").model.prototypes
    assert found["sad"] == (0.1, 0.2, 0.3)
    assert len(found) == 6


@pytest.mark.slow
def test_modalities_are_given_as_a_list(train: Callable) -> None:
    folder = train("--model.speaker_relative=[text,visual]")
    assert read_config(folder / "config.yaml").model.speaker_relative == ("text", "visual")


def test_cuda_graphs_are_refused_on_the_cpu(refused_train: Callable) -> None:
    sentence = refused_train("--cuda_graphs", "true")
    assert sentence == "--cuda_graphs: needs a CUDA device, got --device cpu"


def test_cuda_graphs_are_refused_where_edges_come_and_go_with_modalities() -> None:
    changes = {"model.cross_modal": "window", "training.modality_dropout": 0.3}
    config = changed(preset_config("ariigcn", "graph"), changes)
    with pytest.raises(InputError, match="--cuda_graphs: edges across modalities come and go"):
        captures_steps(True, "cuda", config)
    assert captures_steps(True, "cuda", changed(config, {"training.modality_dropout": 0.0}))


@pytest.mark.parametrize(
    ("device", "system", "processes", "captured"),
    [("cuda:1", "ariigcn", 1, True), ("cpu", "ariigcn", 1, False), ("cuda", "ariigcn", 2, False),
     ("cuda", "sdt", 1, False)],
)  # fmt: skip
def test_steps_are_captured_by_default_where_they_can_be(
    device: str, system: str, processes: int, captured: bool
) -> None:
    assert captures_steps(None, device, RunConfig(system), processes) is captured
    assert not captures_steps(False, device, RunConfig(system), processes)


def test_any_system_can_be_trained_scored_again_and_applied(
    ariigcn: Callable, data: Path, tmp_path: Path
) -> None:
    run, out = tmp_path / "run", tmp_path / "labels.jsonl"
    options = ("--system", "mlp", "--model.hidden_dim=9", "--training.epochs=1")
    outcome = ariigcn("train", "--data", data, "--out", run, *options)
    assert outcome.code == 0, outcome.err
    assert "mlp (paper) on raw" in outcome.out
    config = read_config(run / "config.yaml")
    assert (config.system, config.model.hidden_dim) == ("mlp", 9)
    assert json.loads((run / "seed0" / "run.json").read_text())["system"] == "mlp"
    assert "mlp (" in " ".join(ariigcn("evaluate", run).out.split())  # a long path wraps
    assert ariigcn("predict", run, "--data", data, "--out", out).code == 0
    assert len(out.read_text().splitlines()) == load_dialogues(data).num_utterances


@pytest.mark.slow
def test_interrupted_training_of_another_system_goes_on(
    ariigcn: Callable, data: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    options = ("--system=bigru", "--model.hidden_dim=8", "--training.epochs=1", "--seeds", 0, 1)
    ariigcn("train", "--data", data, "--out", run, *options)
    before = (run / "seed1" / "model.safetensors").read_bytes()
    shutil.rmtree(run / "seed1")
    assert ariigcn("train", "--resume", run).code == 0
    assert (run / "seed1" / "model.safetensors").read_bytes() == before


def test_system_may_come_from_the_config_file(
    ariigcn: Callable, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text("system: mlp\nmodel:\n  hidden_dim: 9\n")
    options = ("--config", tmp_path / "mine.yaml", "--training.epochs=1")
    assert ariigcn("train", "--data", data, "--out", tmp_path / "run", *options).code == 0
    config = read_config(tmp_path / "run" / "config.yaml")
    assert (config.system, config.model.hidden_dim) == ("mlp", 9)


@pytest.mark.parametrize("order", [["config", "system"], ["system", "config"]])
def test_of_several_systems_the_last_counts(
    ariigcn: Callable, data: Path, tmp_path: Path, order: list[str]
) -> None:
    (tmp_path / "mine.yaml").write_text("system: mlp\n")
    options = {"config": f"--config={tmp_path / 'mine.yaml'}", "system": "--system=textcnn"}
    arguments = [options[name] for name in order]
    ariigcn("train", "--data", data, "--out", tmp_path / "run", *arguments, "--training.epochs=1")
    found = read_config(tmp_path / "run" / "config.yaml").system
    assert found == {"config": "mlp", "system": "textcnn"}[order[-1]]


@pytest.mark.slow
def test_default_folder_has_the_names_of_data_system_and_preset(
    ariigcn: Callable,
    data: Path,
    tmp_path: Path,
    small: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ariigcn("train", "--data", data, *small).code == 0
    [folder] = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("raw-ariigcn-tuned-2")


@pytest.mark.slow
def test_number_of_threads_is_set(train: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    train("--threads", 1)
    assert asked == [1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--training.epochs=0"], "--training.epochs: is 0, expected at least 1"),
        (["--training.epochs=many"], "--training.epochs: is many, expected an integer"),
        (["--training.learning_rate=-1"], "--training.learning_rate: is -1.0, expected a positive"),
        (["--model.context=lstm"], "--model.context: is lstm, expected one of ['none', 'gru']"),
        (
            ["--model.speaker_relative=[smell]"],
            "--model.speaker_relative: is 'smell', expected some of text, audio, visual",
        ),
        (["--system=best"], "--system: unknown system 'best', expected one of ariigcn, "),
        (["--system=mlp"], "unrecognized arguments: --model.head_dim=8"),
        (
            ["--system=mlp", "--preset=tuned"],
            "--preset tuned: was chosen for ariigcn; --system mlp",
        ),
        (["--sys=mlp"], "unrecognized arguments: --sys; did you mean '--system'?"),
        (["--system"], "argument --system: expected one argument"),
        (["--model.window.relations=pairs", "--model.window.num_speakers=1"], "has 2 speakers"),
        (
            ["--preset=best"],
            "unknown preset 'best', expected one of paper, tuned, tuned-meld, graph",
        ),
        (
            ["--model.sccl_weight=1", "--model.prototypes.glad=[0.1,0.2,0.3]"],
            "--model.prototypes: 'glad' is none of the labels (happy, sad, ",
        ),
        (["--nonsense=1"], "unrecognized arguments: --nonsense (see: "),
        (["--seeds", "0", "0"], "--seeds 0 0: expected different numbers"),
        (["--seeds", "-1"], "--seeds -1: expected different numbers from 0"),
        (["--seeds", "4294967296"], "expected different numbers from 0 to 4294967295"),
        (["--seeds=x"], "--seeds: is x, expected an integer"),
        (["--threads=0"], "--threads: is 0, expected at least 1"),
        (["--device=abacus"], "--device abacus: not usable here"),
        (["--device=meta"], "--device meta: not usable here"),
        (["--config=/nowhere.yaml"], "File does not exist: '/nowhere.yaml'"),
    ],
)
def test_bad_option_is_named(
    refused_train: Callable[..., str], options: list[str], words: str
) -> None:
    assert words in refused_train(*options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about a machine without CUDA")
def test_device_that_is_not_there_is_named(refused_train: Callable[..., str]) -> None:
    assert "--device cuda: not usable here" in refused_train("--device=cuda")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense: 1\n", "Option 'nonsense' is not accepted"),
        ("training:\n  nonsense: 1\n", "Group 'training' does not accept option 'nonsense'"),
        ("training:\n  epochs: many\n", "--training.epochs: is many, expected an integer"),
        ("model: [\n", "parsing"),
        ("seeds: []\n", "--seeds"),
    ],
)
def test_bad_config_file_is_named(
    refused: Callable[..., str], data: Path, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    options = ("--config", tmp_path / "mine.yaml")
    assert words in refused("train", "--data", data, "--out", tmp_path / "run", *options)
    assert not (tmp_path / "run").exists()


def test_folder_that_exists_is_refused_and_left_alone(
    refused: Callable[..., str], data: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    (tmp_path / "run").mkdir()
    sentence = refused("train", "--data", data, "--out", tmp_path / "run", *small)
    assert "run: exists already; choose another name with --out" in sentence
    assert list((tmp_path / "run").iterdir()) == []


def test_divergence_names_the_loss(
    ariigcn: Callable, data: Path, tmp_path: Path, small: tuple[str, ...]
) -> None:
    rate = "--training.learning_rate=1e30"
    outcome = ariigcn("train", "--data", data, "--out", tmp_path / "run", *small, rate)
    assert outcome.code == 2
    assert "training diverged: the " in outcome.err
    assert "lower --training.learning_rate" in outcome.err


def test_data_and_settings_are_checked_once_for_all_seeds(
    ariigcn: Callable,
    data: Path,
    tmp_path: Path,
    small: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    for name in ("require_labels", "check_config", "fingerprint"):
        original = getattr(prepare, name)

        def spy(*arguments: object, name: str = name, original: Callable = original) -> object:
            calls.append(name)
            return original(*arguments)

        monkeypatch.setattr(prepare, name, spy)
    seeds = ("--seeds", "0", "1")
    outcome = ariigcn("train", "--data", data, "--out", tmp_path / "run", *small, *seeds)
    assert outcome.code == 0, outcome.err
    assert calls == ["require_labels", "check_config", "fingerprint"]


def test_resuming_a_finished_run_trains_nothing(
    ariigcn: Callable, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (copy / "summary.json").read_bytes()
    (copy / "summary.json").unlink()
    monkeypatch.setattr("ariigcn_dgl.training.fit.Trainer", None)
    assert ariigcn("train", "--resume", copy).code == 0
    assert (copy / "summary.json").read_bytes() == before


def test_resuming_a_finished_run_says_so(ariigcn: Callable, copy: Path) -> None:
    outcome = ariigcn("train", "--resume", copy)
    assert f"{copy}: 2 seeds (0, 1) finished before: not trained again\n" in outcome.err
    assert "ariigcn (tuned) on raw, finished before" in outcome.out


@pytest.mark.slow
def test_a_run_with_a_seed_to_train_is_not_said_to_have_finished_before(
    train: Callable, ariigcn: Callable
) -> None:
    copy = train()
    shutil.rmtree(copy / "seed0")
    outcome = ariigcn("train", "--resume", copy)
    assert "finished before" not in outcome.out + outcome.err


@pytest.mark.slow
def test_resuming_trains_the_seed_that_is_missing(
    ariigcn: Callable, copy: Path, trained: Path
) -> None:
    shutil.rmtree(copy / "seed1")
    outcome = ariigcn("train", "--resume", copy)
    assert "seed 1 epoch 2" in outcome.err
    assert "seed 0 epoch" not in outcome.err
    for name in RESULTS:
        assert (copy / "seed1" / name).read_bytes() == (trained / "seed1" / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "does not exist, expected a run folder: what --out named"),
        ("empty", "not a run folder (no train.json): expected what --out named"),
    ],
)
def test_folder_that_is_no_run_cannot_be_resumed(
    refused: Callable[..., str], tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "empty").mkdir()
    assert refused("train", "--resume", tmp_path / name) == f"{tmp_path / name}: {words}"


def _edit_plan(folder: Path, **changes: object) -> None:
    plan = json.loads((folder / "train.json").read_text())
    (folder / "train.json").write_text(json.dumps(plan | changes))
    seal(folder, ["train.json"])


def test_damaged_plan_is_named(refused: Callable[..., str], copy: Path) -> None:
    (copy / "train.json").write_text("{}")
    seal(copy, ["train.json"])
    assert "train.json: damaged: lacks '" in refused("train", "--resume", copy)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": []}, "data: expected text, found list"),
        ({"seeds": {}}, "seeds: expected a list, found dict"),
        ({"seeds": [0, True]}, "seeds.1: expected an integer, found True"),
        ({"seeds": [-1]}, "seeds.0: expected 0 to 4294967295, found -1"),
        ({"seeds": []}, "seeds: expected different numbers, found list"),
        ({"device": 3}, "device: expected text, found 3"),
        ({"fold": {"number": 0}}, "lacks 'fold.of'"),
        ({"modalities": ["Smell"]}, "modalities.0: expected the name of a modality, found 'Smell'"),
        ({"threads": 0}, "threads: expected at least 1, found 0"),
    ],
)
def test_plan_with_something_else_in_it_is_named(
    refused: Callable[..., str], copy: Path, changes: dict[str, object], words: str
) -> None:
    _edit_plan(copy, **changes)
    assert f"train.json: damaged: {words}" in refused("train", "--resume", copy)


@pytest.mark.parametrize("name", ["train.json", "config.yaml"])
def test_decision_that_was_changed_is_not_trained_on(
    refused: Callable[..., str], copy: Path, name: str
) -> None:
    path = copy / name
    path.write_text(path.read_text().replace("2", "3"))
    assert f"{name}: changed or truncated since it was written" in refused(
        "train", "--resume", copy
    )


def test_damaged_settings_are_named(refused: Callable[..., str], copy: Path) -> None:
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(text[: len(text) // 2])
    seal(copy, ["config.yaml"])
    assert "config.yaml: " in refused("train", "--resume", copy)


def test_folder_of_an_earlier_version_is_named(refused: Callable[..., str], copy: Path) -> None:
    unseal(copy)
    assert f"{copy}: has no seal.json: another version" in refused("train", "--resume", copy)


@pytest.mark.parametrize("option", ["--out=elsewhere", "--config=some.yaml"])
def test_option_that_only_a_new_run_has_is_refused_beside_resume(
    refused: Callable[..., str],
    copy: Path,
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.yaml").write_text("threads: 1\n")
    sentence = refused("train", "--resume", copy, option)
    assert sentence.startswith(f"{option.partition('=')[0]}: a run that is resumed keeps the")


@pytest.mark.parametrize(
    ("option", "asked", "had"),
    [
        ("--training.epochs=5", "5", "2"),
        ("--model.hidden-dim=9", "9", "8"),
        ("--threads=2", "2", "1"),
        ("--seeds=1", "1", "0 1"),
        ("--preset=graph", "graph", "tuned"),
        ("--cuda-graphs=true", "true", "null"),
        ("--targets=vad", "vad", "null"),
        ("--modalities=text", "text", "null"),
        ("--device=cuda", "cuda", "cpu"),
    ],
)
def test_changed_option_beside_resume_is_refused_with_both_values(
    refused: Callable[..., str], copy: Path, option: str, asked: str, had: str
) -> None:
    name = option.partition("=")[0].replace("-", "_").replace("__", "--")
    sentence = refused("train", "--resume", copy, option)
    assert sentence.startswith(f"{name}: is {asked}, but {copy} was begun with {had}, which a run")


def test_option_that_a_resumed_run_has_anyway_is_taken(
    ariigcn: Callable, copy: Path, data: Path
) -> None:
    options = ("--training.epochs=2", "--data", data, "--seeds", "0", "1")
    assert ariigcn("train", "--resume", copy, *options).code == 0


def test_threads_of_a_resumed_run_are_those_that_it_began_with(
    ariigcn: Callable, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _edit_plan(copy, threads=3)
    asked = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    ariigcn("train", "--resume", copy)
    assert asked == [3]


def test_resuming_says_what_has_changed_since(ariigcn: Callable, copy: Path) -> None:
    _edit_plan(copy, environment=environment() | {"torch": "0.1"})
    outcome = ariigcn("train", "--resume", copy)
    assert f"{copy}: was begun with torch 0.1, now {torch.__version__}: the nu" in outcome.err
    assert outcome.code == 0


def test_run_that_another_process_trains_is_not_resumed(
    refused: Callable[..., str], copy: Path
) -> None:
    with locked(copy, "mine"):
        sentence = refused("train", "--resume", copy)
    assert sentence == f"{copy}: another process is training in it; wait for it"


def test_scratch_files_that_a_killed_process_left_are_removed(
    ariigcn: Callable, copy: Path
) -> None:
    left = copy / f".summary.json.{'a' * 32}.tmp"
    left.touch()
    ariigcn("train", "--resume", copy)
    assert not left.exists()


@pytest.mark.slow
def test_folder_that_a_killed_process_was_making_is_removed(
    train: Callable, tmp_path: Path
) -> None:
    left = tmp_path / f".run.{'a' * 32}.tmp"
    left.mkdir()
    train()
    assert not left.exists()


@pytest.mark.slow
def test_environment_gives_no_option(train: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    monkeypatch.setenv("ARIIGCN_TRAIN__TRAINING__PATIENCE", "7")
    monkeypatch.setenv("TRAINING__PATIENCE", "7")
    folder = train()
    assert read_config(folder / "config.yaml").training.patience != 7


def test_data_that_changed_cannot_be_resumed(
    refused: Callable[..., str], copy: Path, plain: Path
) -> None:
    table = plain / "utterances.csv"
    table.write_text(table.read_text().replace(",happy,", ",sad,"))
    _edit_plan(copy, data=str(plain))
    assert f"was trained on another version of {plain}" in refused("train", "--resume", copy)


def test_device_of_the_run_is_checked_before_it_goes_on(
    refused: Callable[..., str], copy: Path
) -> None:
    _edit_plan(copy, device="abacus")
    assert "--device abacus: not usable here" in refused("train", "--resume", copy)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model:\n  hidden_dim: null\n", "model.hidden_dim has no value"),
        ("training:\n  epochs: null\n", "training.epochs has no value"),
        ("model:\n  window: null\n", "model.window has no value"),
        ("model:\n  speaker_relative: null\n", "model.speaker_relative has no value"),
        ("seeds: null\n", "seeds has no value"),
        ("model: null\n", "model has no value"),
        ("training: []\n", "training is [], expected settings by name"),
        ("a: &a [*a]\n", "a value that holds itself"),
        ("model: [1\n", "not YAML: while parsing"),
    ],
)
def test_file_of_options_without_a_value_is_named(
    refused: Callable, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    assert words in refused("train", "--config", tmp_path / "mine.yaml")


@pytest.mark.slow
def test_set_whose_test_split_has_no_labels_is_trained_on(
    ariigcn: Callable,
    refused: Callable,
    data: Path,
    trained: Path,
    tmp_path: Path,
    small: tuple[str, ...],
) -> None:
    dialogues = load_dialogues(data)
    labels = np.where(dialogues.in_split("test"), -1, dialogues.labels)
    unlabelled = replace(dialogues, labels=labels)
    write_folder(unlabelled, tmp_path / "data")
    options = ("--data", tmp_path / "data", "--seeds", 0, 1, "--out", tmp_path / "run", *small)
    of_training = ariigcn("train", *options)
    scored = ariigcn("evaluate", tmp_path / "run")
    for outcome in (of_training, scored):
        assert outcome.code == 0, outcome.err
        assert "the test split has no labels: nothing could be scored on it" in outcome.out
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert set(summary["0"]) == {"best_epoch", "seconds", "val"}
    report = ("report", tmp_path / "run", "--out", tmp_path / "r.html")
    assert ariigcn(*report).code == 0
    page = (tmp_path / "r.html").read_text()
    assert f">{summary['0']['val']['weighted_f1']:.2f}<" in page
    assert "<h2>Learning curves</h2>" in page
    with_data = ("report", tmp_path / "run", "--data", tmp_path / "data")
    assert "leave --data out" in refused(*with_data, "--out", tmp_path / "d.html")
    beside = ("report", tmp_path / "run", trained, "--out", tmp_path / "b.html")
    assert "report them apart" in refused(*beside)


def test_calibration_is_shown(ariigcn: Callable, trained: Path) -> None:
    out = ariigcn("train", "--resume", trained).out  # shows it again, and trains nothing
    for seed in (0, 1):
        found = json.loads((trained / f"seed{seed}" / "run.json").read_text())["calibration"]
        assert f" {found['test']['before']:.2f} │" in out
        assert f" {found['test']['after']:.2f} │" in out
    assert "test ECE before" in out


def test_few_dialogues_are_warned_of_beside_the_scores(ariigcn: Callable, trained: Path) -> None:
    for command in (("train", "--resume", trained), ("evaluate", trained)):
        lines = ariigcn(*command).out.splitlines()
        warned = [line.split(":")[0] for line in lines if " in 3 dialogues say little: " in line]
        assert warned == ["val", "test"]
