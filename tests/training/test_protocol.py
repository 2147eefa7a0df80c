"""What is said of a run's selection, test, splits and seeds is what its record says."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from ariigcn_dgl.training.protocol import Protocol, conducted, protocol_of, run_protocol
from ariigcn_dgl.training.run_config import RunConfig, preset_config

SPEC: dict[str, Any] = {"preset": "tuned", "splits": "as the data set has them"}
RECORD: dict[str, Any] = {"epochs": 12, "test": {"weighted_f1": 50.0}}


def _of(preset: str = "tuned", searched: tuple[str, ...] = (), **changes: object) -> Protocol:
    training = asdict(preset_config("ariigcn", "tuned").training) | changes
    return protocol_of("ariigcn", preset, training, training["epochs"], "once", searched)


def test_a_length_of_the_preset_is_told_as_chosen_earlier() -> None:
    assert _of().kept == (
        "the last of 12 epochs is kept, a number of the preset tuned, chosen earlier on validation"
    )


def test_a_length_that_was_given_is_not_told_as_chosen() -> None:
    assert _of(epochs=3).kept == "the last of 3 epochs is kept, a number that was set beforehand"


def test_a_length_that_a_search_chose_is_told_so() -> None:
    assert "the search chose on validation" in _of(searched=("training.epochs",)).kept


@pytest.mark.parametrize("stopped", [False, True])
def test_epochs_of_the_gan_alone_are_not_counted_as_the_models(stopped: bool) -> None:
    record = RECORD | {"epochs": 22, **({"stopped": True} if stopped else {})}
    kept = run_protocol(preset_config("ariigcn", "tuned"), SPEC, record).kept
    assert kept == (
        "the last of 22 epochs is kept, after which a callback ended the training"
        if stopped
        else "the last of 12 epochs is kept, after 10 of the TGAN alone, a number of the preset "
        "tuned, chosen earlier on validation"
    )


def test_an_end_by_a_callback_is_told_so() -> None:
    record = RECORD | {"epochs": 5, "stopped": True}
    kept = run_protocol(preset_config("ariigcn", "tuned"), SPEC, record).kept
    assert kept == "the last of 5 epochs is kept, after which a callback ended the training"


def test_the_name_of_a_studys_setting_is_no_preset() -> None:
    assert "that was set beforehand" in _of(preset="base - graph").kept


def test_the_best_epoch_is_told_as_chosen_on_validation() -> None:
    found = _of(selection="best").kept
    assert found == "the epoch with the best weighted F1 on validation is kept"


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (RECORD, "test is scored once, with the weights that are kept"),
        (RECORD | {"best_test_epoch": {"epoch": 1}}, "after every epoch, which decides nothing"),
        (RECORD | {"test": None}, "test is not scored"),
    ],
)
def test_how_test_was_used_is_read_off_the_record(record: dict[str, Any], words: str) -> None:
    config = preset_config("ariigcn", "tuned")
    assert words in conducted(config, SPEC, {0: record})[1]


def test_splits_and_seeds_are_those_of_the_record() -> None:
    said = conducted(RunConfig("mlp"), SPEC, {3: RECORD, 5: RECORD})
    assert said[2:] == ["splits: as the data set has them", "2 seeds (3, 5)"]


def test_splits_of_an_older_run_are_not_made_up() -> None:
    said = conducted(RunConfig("mlp"), SPEC | {"splits": ""}, {0: RECORD})
    assert said[2] == "splits: not recorded"


def test_another_training_of_the_same_length_as_the_preset_is_told_alike() -> None:
    config = preset_config("ariigcn", "tuned")
    other = replace(config, training=replace(config.training, batch_size=4))
    assert conducted(other, SPEC, {0: RECORD})[0] == conducted(config, SPEC, {0: RECORD})[0]
