"""The protocol: select on validation, score test once, nothing leaks, resuming changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from ariigcn_dgl.batch import collate
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.shown import Shown
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import ARIIGCN
from ariigcn_dgl.seal import unseal
from ariigcn_dgl.training import trainer as module
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.metrics import Scores
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.trainer import Learner, class_weight

RESULTS = (
    *("model.safetensors", "metrics.jsonl", "metrics.csv", "predictions.jsonl"),
    "uncalibrated.safetensors",
)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def _script_validation(monkeypatch: pytest.MonkeyPatch, scores: Iterable[float]) -> None:
    """Let the validations have these weighted F1, one after the other; then 0."""
    values = iter(scores)

    def scripted(*_: object) -> Scores:
        return Scores(next(values, 0.0), 0.0, 0.0, [{"label": "x"}], [])

    monkeypatch.setattr(module.Scoring, "score", scripted)
    monkeypatch.setattr(module.RunFolder, "write_test", lambda *_: None)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[torch.nn.Module, set[str]]]:
    """Record the model and the splits of each prediction."""
    seen = []
    original = module.predict

    def spy(model: torch.nn.Module, shown: Shown, chosen: np.ndarray) -> np.ndarray:
        seen.append((model, {shown.dialogues.splits[b] for b in chosen}))
        return original(model, shown, chosen)

    monkeypatch.setattr(module, "predict", spy)
    return seen


@pytest.mark.slow
def test_same_seed_same_bits(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    fit(prepare(dialogues, settings()), 0, tmp_path / "again")
    assert _bytes(tmp_path / "again") == _bytes(trained)


def test_other_seed_other_numbers(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    fit(prepare(dialogues, settings()), 1, tmp_path / "other")
    ours, theirs = _bytes(tmp_path / "other"), _bytes(trained)
    assert all(ours[name] != theirs[name] for name in RESULTS)


def test_test_split_is_scored_once_after_training(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, calls: list
) -> None:
    fit(prepare(dialogues, settings(epochs=3)), 0, tmp_path / "run")
    assert [splits for _, splits in calls] == [{"val"}] * 4 + [{"test"}]


def test_test_split_influences_neither_weights_nor_selection(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    test = dialogues.in_split("test")
    labels = np.where(test, (dialogues.labels + 1) % dialogues.num_classes, dialogues.labels)
    features = {m: np.where(test[:, None], 3 * x, x) for m, x in dialogues.features.items()}
    run = fit(
        prepare(replace(dialogues, labels=labels, features=features), settings()), 0, tmp_path / "x"
    )
    ours, theirs = _bytes(tmp_path / "x"), _bytes(trained)
    assert ours["model.safetensors"] == theirs["model.safetensors"]
    assert ours["metrics.jsonl"] == theirs["metrics.jsonl"]
    assert run["val"] == json.loads((trained / "run.json").read_text())["val"]


def test_temperature_is_of_validation_alone(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    test = dialogues.in_split("test")
    labels = np.where(test, (dialogues.labels + 1) % dialogues.num_classes, dialogues.labels)
    features = {m: np.where(test[:, None], 3 * x, x) for m, x in dialogues.features.items()}
    changed = replace(dialogues, labels=labels, features=features)
    found = fit(prepare(changed, settings()), 0, tmp_path / "x")["calibration"]
    expected = json.loads((trained / "run.json").read_text())["calibration"]
    assert (found["temperature"], found["val"]) == (expected["temperature"], expected["val"])
    assert found["test"] != expected["test"]


@pytest.mark.slow
def test_best_epoch_is_the_first_with_the_highest_validation_score(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script_validation(monkeypatch, [10, 30, 30, 20])
    assert fit(prepare(dialogues, settings(epochs=4)), 0, tmp_path / "run")["best_epoch"] == 2


@pytest.mark.slow
def test_weights_of_the_best_epoch_are_the_ones_kept(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script_validation(monkeypatch, [30, 10, 10])
    fit(prepare(dialogues, settings(epochs=3)), 0, tmp_path / "three")
    _script_validation(monkeypatch, [30])
    fit(prepare(dialogues, settings(epochs=1)), 0, tmp_path / "one")
    names = [tmp_path / run / "model.safetensors" for run in ("three", "one")]
    assert names[0].read_bytes() == names[1].read_bytes()


@pytest.mark.slow
def test_selection_of_the_last_epoch_keeps_the_last_and_never_stops_early(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script_validation(monkeypatch, [30, 20, 10])
    run = fit(
        prepare(dialogues, settings(epochs=3, patience=1, selection="last")), 0, tmp_path / "run"
    )
    assert (run["best_epoch"], run["epochs"]) == (3, 3)


@pytest.mark.slow
def test_stops_after_patience_epochs_without_a_better_one(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script_validation(monkeypatch, [10, 20, 20, 19, 99])
    run = fit(prepare(dialogues, settings(epochs=9, patience=2)), 0, tmp_path / "run")
    assert (run["best_epoch"], run["epochs"]) == (2, 4)


@pytest.mark.slow
def test_epochs_of_the_gan_alone_do_not_count_for_patience(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script_validation(monkeypatch, [10, 9, 9, 99])
    config = settings(adversarial="staged", adversarial_epochs=3, epochs=9, patience=2)
    run = fit(prepare(dialogues, config), 0, tmp_path / "run")
    assert (run["best_epoch"], run["epochs"]) == (4, 6)


def test_staged_schedule_begins_with_epochs_of_the_gan_alone(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    records: list[dict[str, Any]] = []
    config = settings(adversarial="staged", adversarial_epochs=2, epochs=1)
    fit(prepare(dialogues, config), 0, tmp_path / "run", report=records.append)
    assert [set(record) for record in records[:2]] == [{"epoch", "generator", "discriminator"}] * 2
    assert "classification" in records[2]
    assert not {"generator", "discriminator"} & set(records[2])


def test_one_modality_has_no_epochs_of_the_gan(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    text = replace(
        dialogues,
        features={"text": dialogues.features["text"]},
        masks={"text": dialogues.masks["text"]},
    )
    assert fit(prepare(text, settings(adversarial="staged")), 0, tmp_path / "run")["epochs"] == 2


def test_average_of_the_weights_is_validated_and_kept(
    dialogues: Dialogues,
    settings: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    calls: list,
) -> None:
    made = []

    def keep(*arguments: object, **options: object) -> Learner:
        made.append(Learner(*arguments, **options))
        return made[0]

    monkeypatch.setattr(module, "Learner", keep)
    fit(prepare(dialogues, settings(epochs=1, ema_decay=0.9)), 0, tmp_path / "run")
    assert calls[0][0] is made[0].ema
    kept = load_file(tmp_path / "run" / "model.safetensors")
    average = made[0].ema.state_dict()
    assert all(torch.equal(kept[name], average[name]) for name in average)


def test_unlabelled_utterances_are_not_in_the_classification_loss(
    dialogues: Dialogues, settings: Callable
) -> None:
    config = settings()
    torch.manual_seed(0)
    model = ARIIGCN(dialogues.widths, dialogues.num_classes, config.model).eval()
    batch = collate(dialogues, range(4), config.model.window)
    labelled = batch.labels >= 0
    assert 0 < labelled.sum() < len(labelled)
    expected = F.cross_entropy(model(batch)[labelled], batch.labels[labelled])
    torch.testing.assert_close(model.losses(batch)["classification"], expected)


def test_metrics_count_labelled_utterances_only(dialogues: Dialogues, trained: Path) -> None:
    run = json.loads((trained / "run.json").read_text())
    for split in ("val", "test"):
        labels = dialogues.labels[dialogues.in_split(split)]
        assert (labels < 0).any()
        supports = [row["support"] for row in run[split]["per_class"]]
        assert supports == np.bincount(labels[labels >= 0], minlength=6).tolist()


def test_class_weights_are_inverse_to_training_frequency(dialogues: Dialogues) -> None:
    train = dialogues.in_split("train")
    labels = np.where(train, -1, 5)  # those of other splits and unlabelled ones do not count
    labels[np.flatnonzero(train)[:8]] = [0, 0, 0, 0, 0, 0, 1, 1]
    weight = class_weight(replace(dialogues, labels=labels))
    assert weight.tolist() == pytest.approx([8 / 12, 2, 0, 0, 0, 0])


def test_class_weights_reach_the_loss(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    fit(prepare(dialogues, settings(class_weights=True)), 0, tmp_path / "run")
    assert _bytes(tmp_path / "run")["metrics.jsonl"] != _bytes(trained)["metrics.jsonl"]


def test_test_split_without_labels_is_predicted_but_not_scored(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    labels = np.where(dialogues.in_split("test"), -1, dialogues.labels)
    run = fit(prepare(replace(dialogues, labels=labels), settings()), 0, tmp_path / "run")
    assert run["test"] is None
    assert _bytes(tmp_path / "run")["metrics.jsonl"] == _bytes(trained)["metrics.jsonl"]
    lines = (tmp_path / "run" / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == dialogues.in_split("test").sum()
    assert not (tmp_path / "run" / "confusion.csv").exists()


def test_set_without_a_test_split_is_trained_on(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    learnt = dialogues.select(np.flatnonzero(np.array(dialogues.splits) != "test"))
    assert fit(prepare(learnt, settings()), 0, tmp_path / "run")["test"] is None
    assert (tmp_path / "run" / "predictions.jsonl").read_text() == ""


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished seed, to change."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


class _StoppedError(Exception):
    """Stands for whatever ends the process."""


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["staged", "alternate"])
def test_resumed_run_equals_an_uninterrupted_one(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, schedule: str
) -> None:
    config = settings(adversarial=schedule, epochs=3, ema_decay=0.9, cosine=True)
    fit(prepare(dialogues, config), 0, tmp_path / "whole")

    def stop(record: dict[str, Any]) -> None:
        raise _StoppedError

    for _ in range(3):  # after each epoch anew
        with pytest.raises(_StoppedError):
            fit(prepare(dialogues, config), 0, tmp_path / "resumed", report=stop)
    fit(prepare(dialogues, config), 0, tmp_path / "resumed")
    assert _bytes(tmp_path / "resumed") == _bytes(tmp_path / "whole")


def test_finished_run_is_not_trained_again(
    dialogues: Dialogues, settings: Callable, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ariigcn_dgl.training.fit.Trainer", None)
    run = fit(prepare(dialogues, settings()), 0, trained)
    assert run == json.loads((trained / "run.json").read_text())


def test_state_is_removed_after_training(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "confusion.csv",
        "metrics.csv",
        "metrics.jsonl",
        "model.safetensors",
        "per_class.csv",
        "predictions.jsonl",
        "run.json",
        "seal.json",
        "standardiser.safetensors",
        "uncalibrated.safetensors",
    ]


def test_state_that_a_killed_process_left_is_removed(
    dialogues: Dialogues, settings: Callable, copy: Path
) -> None:
    (copy / "state.pt").touch()
    fit(prepare(dialogues, settings()), 0, copy)
    assert not (copy / "state.pt").exists()


def test_scratch_files_that_a_killed_process_left_are_removed(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    left = tmp_path / f".state.pt.{'a' * 32}.tmp"
    left.touch()
    fit(prepare(dialogues, settings()), 0, tmp_path)
    assert not left.exists()


@pytest.mark.parametrize(
    ("changes", "seed", "words"),
    [({"learning_rate": 0.1}, 0, "another configuration"), ({}, 1, "another seed")],
)
def test_folder_of_another_run_is_refused(
    dialogues: Dialogues, settings: Callable, trained: Path, changes: dict, seed: int, words: str
) -> None:
    with pytest.raises(InputError, match=f"holds a run of {words}: delete it"):
        fit(prepare(dialogues, settings(**changes)), seed, trained)


def test_finished_run_that_lost_its_seal_is_not_trained_again(
    dialogues: Dialogues, settings: Callable, copy: Path
) -> None:
    unseal(copy)
    with pytest.raises(InputError, match=r"seal.json: no such file; put the right file there, or"):
        fit(prepare(dialogues, settings()), 0, copy)


def test_process_that_was_killed_before_the_seal_goes_on(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    fit(prepare(dialogues, settings()), 0, tmp_path / "run", test="never")
    unseal(tmp_path / "run")
    fit(prepare(dialogues, settings()), 0, tmp_path / "run")
    assert _bytes(tmp_path / "run") == _bytes(trained)


def test_weights_that_changed_during_training_are_named(
    dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    def damage(record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            path = tmp_path / "run" / "model.safetensors"
            path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(InputError, match=r"model.safetensors: is not what the best epoch wrote"):
        fit(prepare(dialogues, settings()), 0, tmp_path / "run", report=damage)


def test_search_never_touches_the_test_split(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, calls: list
) -> None:
    run = fit(prepare(dialogues, settings()), 0, tmp_path / "run", test="never")
    assert {"val"} == set().union(*(splits for _, splits in calls))
    assert "test" not in run
    assert set(run["calibration"]) == {"temperature", "val"}
    assert not (tmp_path / "run" / "predictions.jsonl").exists()


def test_finished_search_is_not_trained_again(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, calls: list
) -> None:
    run = fit(prepare(dialogues, settings()), 0, tmp_path / "run", test="never")
    calls.clear()
    assert fit(prepare(dialogues, settings()), 0, tmp_path / "run", test="never") == run
    assert calls == []


def test_test_scores_can_be_added_to_a_search_without_training(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    fit(prepare(dialogues, settings()), 0, tmp_path / "run", test="never")
    epochs: list[dict[str, Any]] = []
    run = fit(prepare(dialogues, settings()), 0, tmp_path / "run", report=epochs.append)
    assert epochs == []
    assert _bytes(tmp_path / "run") == _bytes(trained)
    assert run["test"] == json.loads((trained / "run.json").read_text())["test"]
    assert not (tmp_path / "run" / "state.pt").exists()


def test_test_scores_of_every_epoch_decide_nothing(
    dialogues: Dialogues, settings: Callable, trained: Path, tmp_path: Path
) -> None:
    run = fit(
        prepare(dialogues, settings(), test="every epoch"), 0, tmp_path / "run", test="every epoch"
    )
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    history = [json.loads(line) for line in lines]
    assert run["best_test_epoch"]["weighted_f1"] == max(r["test_weighted_f1"] for r in history)
    plain = json.loads((trained / "run.json").read_text())
    assert (run["best_epoch"], run["test"]) == (plain["best_epoch"], plain["test"])
    weights = "model.safetensors"
    assert (tmp_path / "run" / weights).read_bytes() == (trained / weights).read_bytes()
