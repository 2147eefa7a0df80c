"""The files of a run: they parse, agree with each other, and damage is named."""

from __future__ import annotations

import csv
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.seal import seal
from ariigcn_dgl.training.checkpoint import read_checkpoint, write_checkpoint
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.predict import write_predictions
from ariigcn_dgl.training.prepare import prepare
from ariigcn_dgl.training.run_folder import RunFolder
from tests.full_disk import largest_file


def _csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _stop(record: dict) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def stopped(dialogues: Dialogues, settings: Callable, tmp_path: Path) -> Path:
    """Return the folder of a seed that was interrupted after its first epoch."""
    with pytest.raises(KeyboardInterrupt):
        fit(prepare(dialogues, settings()), 0, tmp_path / "seed0", report=_stop)
    return tmp_path / "seed0"


def test_metrics_have_the_same_numbers_as_json_lines_and_csv(trained: Path) -> None:
    header, *rows = _csv(trained / "metrics.csv")
    records = _lines(trained / "metrics.jsonl")
    assert [record["epoch"] for record in records] == [1, 2]
    assert [dict(zip(header, map(float, row), strict=True)) for row in rows] == records


def test_metrics_of_staged_epochs_leave_the_other_columns_empty(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_metrics([{"epoch": 1, "a": 1.5}, {"epoch": 2, "b": 2.5}])
    assert _csv(tmp_path / "metrics.csv") == [
        ["epoch", "a", "b"],
        ["1", "1.5", ""],
        ["2", "", "2.5"],
    ]


def test_per_class_scores_are_those_of_the_record(trained: Path) -> None:
    header, *rows = _csv(trained / "per_class.csv")
    expected = RunFolder(trained).read_run()["test"]["per_class"]
    assert header == ["label", "precision", "recall", "f1", "support"]
    assert rows == [[str(row[name]) for name in header] for row in expected]


def test_confusion_rows_sum_to_the_support(trained: Path) -> None:
    header, *rows = _csv(trained / "confusion.csv")
    support = [row["support"] for row in RunFolder(trained).read_run()["test"]["per_class"]]
    assert header[1:] == [row[0] for row in rows]
    assert [sum(map(int, row[1:])) for row in rows] == support


def test_predictions_are_distributions_with_their_argmax(
    dialogues: Dialogues, trained: Path
) -> None:
    test = dialogues.split("test")
    lines = _lines(trained / "predictions.jsonl")
    assert [line["utterance"] for line in lines] == list(test.utterance_ids)
    for line in lines:
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert line["prediction"] == max(line["probabilities"], key=line["probabilities"].get)


def test_predictions_carry_the_label_or_null(dialogues: Dialogues, trained: Path) -> None:
    test = dialogues.split("test")
    names = [*dialogues.label_names, None]
    labels = [line["label"] for line in _lines(trained / "predictions.jsonl")]
    assert labels == [names[label] for label in test.labels]
    assert None in labels


def test_accuracy_of_the_predictions_is_that_of_the_record(trained: Path) -> None:
    lines = [line for line in _lines(trained / "predictions.jsonl") if line["label"]]
    correct = np.mean([line["label"] == line["prediction"] for line in lines])
    assert RunFolder(trained).read_run()["test"]["accuracy"] == pytest.approx(100 * correct)


def test_names_beyond_ascii_are_written_as_they_are(dialogues: Dialogues, tmp_path: Path) -> None:
    one = dialogues.select([0])
    probabilities = np.full((one.num_utterances, 2), 0.5)
    one.labels[:] = 1
    write_predictions(tmp_path / "p.jsonl", one, probabilities, ("glücklich", "悲しい"))
    assert '"label": "悲しい", "prediction": "glücklich"' in (tmp_path / "p.jsonl").read_text(
        "utf-8"
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"\x80\x02}q\x00."])
def test_damaged_state_is_named_with_the_way_out(
    stopped: Path, dialogues: Dialogues, settings: Callable, content: bytes
) -> None:
    (stopped / "state.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"seed0/state.pt: damaged .* delete .*seed0 to start"):
        fit(prepare(dialogues, settings()), 0, stopped)


def test_truncated_state_is_named(stopped: Path, dialogues: Dialogues, settings: Callable) -> None:
    state = (stopped / "state.pt").read_bytes()
    (stopped / "state.pt").write_bytes(state[: len(state) // 2])
    with pytest.raises(InputError, match=r"seed0/state.pt: damaged"):
        fit(prepare(dialogues, settings()), 0, stopped)


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_one_bit_of_the_state_is_noticed(
    stopped: Path, dialogues: Dialogues, settings: Callable, place: float
) -> None:
    state = bytearray((stopped / "state.pt").read_bytes())
    state[int(place * len(state))] ^= 0x40
    (stopped / "state.pt").write_bytes(state)
    with pytest.raises(InputError, match=r"seed0/state.pt: damaged"):
        fit(prepare(dialogues, settings()), 0, stopped)


@pytest.mark.parametrize(("changes", "seed"), [({"learning_rate": 0.02}, 0), ({}, 1)])
def test_state_of_other_settings_or_another_seed_is_named(
    stopped: Path, dialogues: Dialogues, settings: Callable, changes: dict, seed: int
) -> None:
    with pytest.raises(InputError, match=r"seed0/state.pt: damaged or of other settings"):
        fit(prepare(dialogues, settings(**changes)), seed, stopped)


def test_metrics_that_changed_are_written_again(
    stopped: Path, dialogues: Dialogues, settings: Callable, trained: Path
) -> None:
    (stopped / "metrics.jsonl").write_text("")
    fit(prepare(dialogues, settings()), 0, stopped)
    assert (stopped / "metrics.jsonl").read_bytes() == (trained / "metrics.jsonl").read_bytes()


def test_state_of_another_model_is_named(
    stopped: Path, dialogues: Dialogues, settings: Callable
) -> None:
    with pytest.raises(InputError, match=r"seed0/state.pt: damaged or of other settings"):
        fit(prepare(dialogues, settings(hidden_dim=16)), 0, stopped)


@pytest.mark.parametrize("content", [None, [1, 2], {}, {"history": []}])
def test_state_with_something_else_in_it_is_named(
    stopped: Path, dialogues: Dialogues, settings: Callable, content: object
) -> None:
    write_checkpoint(stopped / "state.pt", content)
    with pytest.raises(InputError, match=r"seed0/state.pt: damaged"):
        fit(prepare(dialogues, settings()), 0, stopped)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("history", "x"),
        ("history", ["x"]),
        ("history", [[]]),
        ("history", [{"epoch": "1"}]),
        ("best", {"epoch": 1, "weighted_f1": None, "sha256": ""}),
        ("best", {}),
        ("seconds", "1"),
        ("step_count", None),
        ("stopped", "no"),
    ],
)
def test_state_with_another_value_in_it_is_named(
    stopped: Path, dialogues: Dialogues, settings: Callable, name: str, value: object
) -> None:
    state = read_checkpoint(stopped / "state.pt")
    assert name in state
    write_checkpoint(stopped / "state.pt", state | {name: value})
    with pytest.raises(InputError, match=r"seed0/state.pt: damaged"):
        fit(prepare(dialogues, settings()), 0, stopped)


def test_state_of_a_version_without_callbacks_is_gone_on_from(
    stopped: Path, dialogues: Dialogues, settings: Callable
) -> None:
    state = read_checkpoint(stopped / "state.pt")
    del state["stopped"]
    write_checkpoint(stopped / "state.pt", state)
    assert "stopped" not in fit(prepare(dialogues, settings()), 0, stopped)


class _Bomb:
    """Its pickle runs code when it is opened."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("a pickle was loaded",)


def test_state_runs_no_code(stopped: Path, dialogues: Dialogues, settings: Callable) -> None:
    write_checkpoint(stopped / "state.pt", {"history": _Bomb()})
    with pytest.raises(InputError, match=r"seed0/state.pt: damaged"):
        fit(prepare(dialogues, settings()), 0, stopped)


def test_damaged_record_is_named(stopped: Path, dialogues: Dialogues, settings: Callable) -> None:
    (stopped / "run.json").write_text('{"dataset": ')
    with pytest.raises(InputError, match=r"run.json: not valid JSON"):
        fit(prepare(dialogues, settings()), 0, stopped)


@pytest.mark.parametrize("size", [100, 20_000, 1_000_000])
def test_full_disk_is_one_sentence_and_leaves_no_part_of_a_file(
    dialogues: Dialogues, settings: Callable, tmp_path: Path, size: int
) -> None:
    with largest_file(size), pytest.raises(InputError, match="cannot be written: "):
        fit(prepare(dialogues, settings()), 0, tmp_path / "seed0")
    assert not [path for path in (tmp_path / "seed0").iterdir() if path.suffix == ".tmp"]


def test_full_disk_in_the_second_epoch_leaves_the_first_to_go_on_from(
    stopped: Path, dialogues: Dialogues, settings: Callable, trained: Path
) -> None:
    before = (stopped / "state.pt").read_bytes()
    with largest_file(1_000_000), pytest.raises(InputError, match="cannot be written"):
        fit(prepare(dialogues, settings()), 0, stopped)
    assert (stopped / "state.pt").read_bytes() == before
    fit(prepare(dialogues, settings()), 0, stopped)
    names = ("model.safetensors", "metrics.jsonl", "predictions.jsonl")
    assert [(stopped / n).read_bytes() for n in names] == [
        (trained / n).read_bytes() for n in names
    ]


def test_state_on_a_full_disk_names_the_file(tmp_path: Path) -> None:
    with largest_file(100), pytest.raises(InputError, match=r"state\.pt: cannot be written: File"):
        RunFolder(tmp_path).write_checkpoint({"weights": torch.ones(100)})
    assert list(tmp_path.iterdir()) == []


def test_weights_on_a_full_disk_leave_the_old_ones(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "model.safetensors", tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    with largest_file(100), pytest.raises(InputError, match="safetensors: cannot be written"):
        RunFolder(tmp_path).write_weights(torch.nn.Linear(100, 100))
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("part", "value", "expected"),
    [
        ("std", 0.0, "positive numbers"),
        ("std", -1.0, "positive numbers"),
        ("std", np.nan, "positive numbers"),
        ("std", np.inf, "positive numbers"),
        ("mean", np.nan, "finite numbers"),
        ("mean", np.inf, "finite numbers"),
    ],
)
def test_statistics_that_scale_nothing_are_refused(
    part: str, value: float, expected: str, tmp_path: Path
) -> None:
    arrays = {"mean": np.zeros(2, np.float32), "std": np.ones(2, np.float32)}
    arrays[part][1] = value
    folder = RunFolder(tmp_path)
    folder.write_standardiser(Standardiser({"text": arrays["mean"]}, {"text": arrays["std"]}))
    seal(tmp_path, ["standardiser.safetensors"])
    with pytest.raises(InputError, match=rf"damaged: text\.{part}: expected {expected}"):
        folder.read_standardiser({"text": 2})


def test_files_are_readable_by_whom_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        RunFolder(tmp_path).write_weights(torch.nn.Linear(2, 2))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model.safetensors").stat().st_mode) == 0o640
