"""Training from Python: its folder is the command line's, and who listens changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ariigcn_dgl.cli import main
from ariigcn_dgl.data import Dialogues, write_folder
from ariigcn_dgl.data.load import load_dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.callbacks import Epoch, StopTraining
from ariigcn_dgl.training.fit_run import fit
from ariigcn_dgl.training.run_folder import RunFolder
from ariigcn_dgl.training.trainer import Trainer

MLP = {"system": "mlp", "settings": {"training.epochs": 3, "training.batch_size": 4}}
FILES = ("model.safetensors", "metrics.jsonl", "metrics.csv", "predictions.jsonl")


def _bytes(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def _record(folder: Path) -> dict[str, Any]:
    """Return ``run.json`` without what differs from time to time."""
    record = json.loads((folder / "run.json").read_text())
    del record["seconds"]
    return record


@pytest.fixture(scope="module")
def run(dialogues: Dialogues, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of two seeds; copy it before changing it."""
    folder = tmp_path_factory.mktemp("python") / "runs" / "mlp"  # parents are made
    fit(dialogues, folder, seeds=[0, 1], **MLP)
    return folder


@pytest.mark.slow
def test_folder_is_accepted_by_every_command(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["evaluate", str(run)])
    assert "averaged" in capsys.readouterr().out
    data = str(run / "data")
    main(["predict", str(run), "--data", data, "--out", str(tmp_path / "labels.jsonl")])
    main(["report", str(run), "--out", str(tmp_path / "report.html")])
    assert (tmp_path / "labels.jsonl").exists()
    assert (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_folder_is_what_the_command_line_makes(
    dialogues: Dialogues, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_folder(dialogues, tmp_path / "data")
    fit(str(tmp_path / "data"), str(tmp_path / "ours"), **MLP)
    named = {"--system": "mlp", "--preset": "paper", "--data": str(tmp_path / "data")}
    changes = {"--training.epochs": "3", "--training.batch_size": "4"}
    options = {**named, **changes, "--out": str(tmp_path / "theirs")}
    main(["train", *(word for option in options.items() for word in option)])
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    assert _bytes(ours / "seed0") == _bytes(theirs / "seed0")
    for name in ("train.json", "config.yaml"):
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
    assert {file.name for file in ours.iterdir()} == {file.name for file in theirs.iterdir()}
    capsys.readouterr()


def test_what_was_loaded_is_not_copied(dialogues: Dialogues, tmp_path: Path) -> None:
    write_folder(dialogues, tmp_path / "data")
    fit(load_dialogues(tmp_path / "data"), tmp_path / "run", **MLP)
    assert json.loads((tmp_path / "run" / "train.json").read_text())["data"] == str(
        tmp_path / "data"
    )
    assert not (tmp_path / "run" / "data").exists()


def test_dialogues_of_memory_are_kept_with_the_run(run: Path, dialogues: Dialogues) -> None:
    spec = json.loads((run / "train.json").read_text())
    assert spec["data"] == str(run / "data")
    assert load_dialogues(run / "data").dialogue_ids == dialogues.dialogue_ids


def test_folder_that_exists_is_refused(dialogues: Dialogues, run: Path) -> None:
    with pytest.raises(InputError, match="choose another folder, or go on with it by resume=True"):
        fit(dialogues, run, seeds=[0, 1], **MLP)


def test_setting_that_does_not_exist_is_refused_before_anything_is_made(
    dialogues: Dialogues, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"training\.epoch: mlp has no such setting"):
        fit(dialogues, tmp_path / "run", system="mlp", settings={"training.epoch": 1})
    with pytest.raises(InputError, match="0 0: expected different numbers"):
        fit(dialogues, tmp_path / "run", seeds=[0, 0])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_torch_has_as_many_threads_as_before(dialogues: Dialogues, tmp_path: Path) -> None:
    before, seen = torch.get_num_threads(), []
    count = [lambda epoch: seen.append(torch.get_num_threads())]
    fit(dialogues, tmp_path / "run", threads=before + 1, callbacks=count, **MLP).score(dialogues)
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before


def test_callback_gets_every_epoch(dialogues: Dialogues, tmp_path: Path) -> None:
    epochs: list[Epoch] = []
    fit(dialogues, tmp_path / "run", seeds=[0, 5], callbacks=[epochs.append], **MLP)
    expected = [(seed, number, 3) for seed in (0, 5) for number in (1, 2, 3)]
    assert [(one.seed, one.number, one.of) for one in epochs] == expected
    history = RunFolder(tmp_path / "run" / "seed5").read_metrics()
    assert [{"epoch": e.number, **e.figures} for e in epochs[3:]] == history


def test_callbacks_change_nothing(dialogues: Dialogues, run: Path, tmp_path: Path) -> None:
    def meddle(epoch: Epoch) -> None:
        torch.manual_seed(7)
        np.random.seed(7)
        epoch.figures["val_weighted_f1"] = 100.0

    other = tmp_path / "run"
    fit(dialogues, other, seeds=[0, 1], callbacks=[meddle, meddle], loggers=[_Kept()], **MLP)
    for seed in ("seed0", "seed1"):
        assert _bytes(other / seed) == _bytes(run / seed)
        assert _record(other / seed) == _record(run / seed)


def _stop_after(number: int) -> Callable[[Epoch], None]:
    def stop(epoch: Epoch) -> None:
        if epoch.number >= number:
            raise StopTraining

    return stop


def test_caller_stops_the_training_of_a_seed(dialogues: Dialogues, tmp_path: Path) -> None:
    seen: list[Epoch] = []
    listeners = [_stop_after(2), seen.append]  # who comes after the one that stops hears it, too
    fitted = fit(dialogues, tmp_path / "run", callbacks=listeners, **MLP)
    record = fitted.runs[0].record
    assert (record["epochs"], record["stopped"], len(seen)) == (2, True, 2)
    assert record["test"]["weighted_f1"] == fitted.score(dialogues).weighted_f1


def test_run_that_nobody_stopped_does_not_say_so(run: Path) -> None:
    assert "stopped" not in _record(run / "seed0")


def test_who_stops_after_the_last_epoch_has_stopped_nothing(
    dialogues: Dialogues, tmp_path: Path
) -> None:
    fit(dialogues, tmp_path / "run", callbacks=[_stop_after(3)], **MLP)
    assert "stopped" not in _record(tmp_path / "run" / "seed0")


@pytest.mark.slow
def test_without_weights_to_keep_training_goes_on(dialogues: Dialogues, tmp_path: Path) -> None:
    small = {"model.hidden_dim": 8, "model.head_dim": 8, "model.adversarial": "staged"}
    lengths = {"training.epochs": 3, "training.adversarial_epochs": 2, "training.batch_size": 4}
    fitted = fit(dialogues, tmp_path / "run", settings=small | lengths, callbacks=[_stop_after(1)])
    assert fitted.runs[0].record["epochs"] == 3  # the first two trained the TGAN alone


def test_training_goes_on_where_it_was_interrupted(
    dialogues: Dialogues, run: Path, tmp_path: Path
) -> None:
    def interrupt(epoch: Epoch) -> None:
        if (epoch.seed, epoch.number) == (1, 2):
            raise KeyboardInterrupt

    other, seen = tmp_path / "run", []
    with pytest.raises(KeyboardInterrupt):
        fit(dialogues, other, seeds=[0, 1], callbacks=[interrupt], **MLP)
    fit(dialogues, other, seeds=[0, 1], callbacks=[seen.append], resume=True, **MLP)
    assert [(epoch.seed, epoch.number) for epoch in seen] == [(1, 3)]
    for seed in ("seed0", "seed1"):
        assert _bytes(other / seed) == _bytes(run / seed)


def test_command_line_goes_on_with_it_from_the_data_in_the_folder(
    dialogues: Dialogues, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(epoch: Epoch) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(dialogues, tmp_path / "run", seeds=[0, 1], callbacks=[interrupt], **MLP)
    main(["train", "--resume", str(tmp_path / "run")])
    capsys.readouterr()
    for seed in ("seed0", "seed1"):
        assert _bytes(tmp_path / "run" / seed) == _bytes(run / seed)


def test_training_that_was_stopped_is_not_gone_on_with(
    dialogues: Dialogues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Trainer) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            fit(dialogues, tmp_path / "run", callbacks=[_stop_after(1)], **MLP)
    fitted = fit(dialogues, tmp_path / "run", resume=True, **MLP)
    assert (fitted.runs[0].record["epochs"], fitted.runs[0].record["stopped"]) == (1, True)


def test_finished_run_is_returned_as_it_is(dialogues: Dialogues, run: Path, tmp_path: Path) -> None:
    copy, seen = tmp_path / "run", []
    shutil.copytree(run, copy)
    fit(dialogues, copy, seeds=[0, 1], resume=True, callbacks=[seen.append], **MLP)
    assert seen == []
    assert _bytes(copy / "seed1") == _bytes(run / "seed1")


def test_resume_begins_where_nothing_is(dialogues: Dialogues, tmp_path: Path) -> None:
    assert len(fit(dialogues, tmp_path / "new", resume=True, **MLP).runs) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seeds": [0]}, "begun with other seeds"),
        ({"settings": {"training.epochs": 4}}, "begun with other settings"),
    ],
)
def test_other_training_is_not_gone_on_with(
    dialogues: Dialogues, run: Path, changes: dict, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        fit(dialogues, run, resume=True, **{"seeds": [0, 1], **MLP, **changes})


def test_other_data_is_not_gone_on_with(dialogues: Dialogues, run: Path) -> None:
    with pytest.raises(InputError, match="begun with other data"):
        fit(dialogues.with_modalities(["text", "audio"]), run, seeds=[0, 1], resume=True, **MLP)


class _Kept:
    """A logger that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def begin(self, folder: Path, settings: Mapping[str, Any], history: Sequence[Epoch]) -> None:
        self.said.append((folder.name, settings["system"], [e.number for e in history]))

    def log(self, epoch: Epoch) -> None:
        self.said.append(epoch.number)

    def end(self, record: Mapping[str, Any] | None) -> None:
        self.said.append(record and record["epochs"])


def test_logger_hears_the_beginning_the_epochs_and_the_end(
    dialogues: Dialogues, tmp_path: Path
) -> None:
    kept = _Kept()
    fit(dialogues, tmp_path / "run", seeds=[0, 1], loggers=[kept], **MLP)
    assert kept.said == [("seed0", "mlp", []), 1, 2, 3, 3, ("seed1", "mlp", []), 1, 2, 3, 3]


def test_logger_of_a_resumed_training_hears_what_was_before(
    dialogues: Dialogues, tmp_path: Path
) -> None:
    def interrupt(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    before, after, nothing = _Kept(), _Kept(), _Kept()
    with pytest.raises(KeyboardInterrupt):
        fit(dialogues, tmp_path / "run", callbacks=[interrupt], loggers=[before], **MLP)
    assert before.said == [("seed0", "mlp", []), 1, 2, None]
    fit(dialogues, tmp_path / "run", loggers=[after], resume=True, **MLP)
    assert after.said == [("seed0", "mlp", [1, 2]), 3, 3]
    fit(dialogues, tmp_path / "run", loggers=[nothing], resume=True, **MLP)
    assert nothing.said == []


def test_dialogues_changed_after_reading_are_kept_with_the_run(
    dialogues: Dialogues, tmp_path: Path
) -> None:
    write_folder(dialogues, tmp_path / "data")
    loaded = load_dialogues(tmp_path / "data")
    loaded.features["text"][0, 0] += 1
    fit(loaded, tmp_path / "run", **MLP)
    assert (tmp_path / "run" / "data").exists()


@pytest.mark.parametrize("seeds", [[0.5], [True], "01", [], [0, 0], 3])
def test_odd_seeds_are_refused_before_anything_is_written(
    dialogues: Dialogues, tmp_path: Path, seeds: Any
) -> None:
    with pytest.raises(InputError, match="expected different numbers"):
        fit(dialogues, tmp_path / "run", seeds=seeds, **MLP)
    assert not (tmp_path / "run").exists()


def test_seeds_of_numpy_are_numbers_of_python(dialogues: Dialogues, tmp_path: Path) -> None:
    fit(dialogues, tmp_path / "run", seeds=np.arange(1), **MLP)
    assert json.loads((tmp_path / "run" / "train.json").read_text())["seeds"] == [0]


def test_what_the_caller_draws_is_left_alone(dialogues: Dialogues, tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    fit(dialogues, tmp_path / "run", **MLP)
    assert torch.rand(1) == expected
