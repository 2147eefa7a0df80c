"""What TensorBoard is shown of a training."""

from __future__ import annotations

from pathlib import Path

import pytest

from ariigcn_dgl import optional
from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training.callbacks import Epoch
from ariigcn_dgl.training.fit_run import fit
from ariigcn_dgl.training.tensorboard import TensorBoard

pytestmark = pytest.mark.slow  # TensorBoard takes seconds to import

MLP = {"system": "mlp", "settings": {"training.epochs": 3}}


def _scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard shows: of each tag its steps and values."""
    reading = optional.import_quietly("tensorboard.backend.event_processing.event_accumulator")
    found = reading.EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, round(event.value, 3)) for event in found.Scalars(tag)]
        for tag in found.Tags()["scalars"]
    }


def test_figures_of_every_epoch_and_the_kept_scores_are_shown(
    dialogues: Dialogues, tmp_path: Path
) -> None:
    epochs: list[Epoch] = []
    run = tmp_path / "run"
    fitted = fit(dialogues, run, callbacks=[epochs.append], loggers=[TensorBoard()], **MLP)
    shown = _scalars(run / "tensorboard" / "seed0")
    of_epochs = {
        tag: [(e.number, round(e.figures[name], 3)) for e in epochs]
        for tag, name in {
            "loss/classification": "classification",
            "val/weighted_f1": "val_weighted_f1",
            "val/accuracy": "val_accuracy",
            "val/macro_f1": "val_macro_f1",
        }.items()
    }
    assert {tag: shown[tag] for tag in of_epochs} == of_epochs
    record = fitted.runs[0].record
    kept = [(record["best_epoch"], round(record["test"]["accuracy"], 3))]
    assert shown["kept/test_accuracy"] == kept
    assert shown.keys() - of_epochs.keys() == {
        f"kept/{split}_{name}"
        for split in ("val", "test")
        for name in ("weighted_f1", "accuracy", "macro_f1")
    }


def test_resumed_training_is_shown_once_and_whole(dialogues: Dialogues, tmp_path: Path) -> None:
    def interrupt(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    run, board = tmp_path / "run", tmp_path / "board"
    with pytest.raises(KeyboardInterrupt):
        fit(dialogues, run, callbacks=[interrupt], loggers=[TensorBoard(board)], **MLP)
    fit(dialogues, run, resume=True, loggers=[TensorBoard(board)], **MLP)
    steps = [step for step, _ in _scalars(board / "run" / "seed0")["val/weighted_f1"]]
    assert steps == [1, 2, 3]


def test_without_tensorboard_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "is_installed", lambda package: False)
    with pytest.raises(InputError, match=r'pip install "ariigcn_dgl\[tensorboard\]"'):
        TensorBoard()
