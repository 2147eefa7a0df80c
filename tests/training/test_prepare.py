"""What is refused before anything is trained or written, and what goes on from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ariigcn_dgl.batch import Window
from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training import prepare as module
from ariigcn_dgl.training.prepare import check_config, prepare
from ariigcn_dgl.training.run_config import RunConfig


def test_prepared_settings_are_resolved_and_stay_so(dialogues: Dialogues) -> None:
    prepared = prepare(dialogues, RunConfig())
    assert prepared.config == RunConfig().resolved(dialogues)
    assert prepare(dialogues, prepared.config).config == prepared.config


def test_fingerprint_is_that_of_the_dialogues(dialogues: Dialogues, settings: Callable) -> None:
    assert prepare(dialogues, settings()).dataset_sha256 == fingerprint(dialogues)


def test_known_fingerprint_is_not_computed_again(
    dialogues: Dialogues, settings: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "fingerprint", None)
    assert prepare(dialogues, settings(), dataset_sha256="known").dataset_sha256 == "known"


def _without_labels(dialogues: Dialogues, split: str) -> Dialogues:
    return replace(dialogues, labels=np.where(dialogues.in_split(split), -1, dialogues.labels))


@pytest.mark.parametrize("split", ["train", "val"])
def test_split_without_labels_is_named(
    dialogues: Dialogues, settings: Callable, split: str
) -> None:
    with pytest.raises(InputError, match=f"small: the split '{split}' has no labelled utterance"):
        prepare(_without_labels(dialogues, split), settings())


def test_test_split_needs_labels_for_a_score_of_every_epoch_only(
    dialogues: Dialogues, settings: Callable
) -> None:
    mute = _without_labels(dialogues, "test")
    prepare(mute, settings())
    with pytest.raises(InputError, match="the split 'test' has no labelled utterance"):
        prepare(mute, settings(), test="every epoch")


def test_settings_in_range_pass(settings: Callable, dialogues: Dialogues) -> None:
    prepare(dialogues, settings())


def test_unknown_modality_is_named(settings: Callable, dialogues: Dialogues) -> None:
    with pytest.raises(InputError, match="is 'smell', expected some of text, audio, visual"):
        prepare(dialogues, settings(speaker_relative=("audio", "smell")))


def test_more_speakers_than_pairs_are_named(settings: Callable, crowded: Dialogues) -> None:
    config = settings(window=Window(relations="pairs"))
    with pytest.raises(InputError, match=r"num_speakers: is 2, but a dialogue of small has \d"):
        prepare(crowded, config)


def test_settings_that_cannot_be_built_are_one_sentence(dialogues: Dialogues) -> None:
    unresolved = RunConfig("ariigcn")
    with pytest.raises(InputError, match=r"^--model: .* got 'auto'"):
        check_config(unresolved, dialogues)


def test_system_without_its_modality_is_one_sentence(dialogues: Dialogues) -> None:
    mute = replace(
        dialogues,
        features={"audio": dialogues.features["audio"]},
        masks={"audio": dialogues.masks["audio"]},
    )
    with pytest.raises(InputError, match="textcnn: needs text, but the data set has audio only"):
        prepare(mute, RunConfig("textcnn"))
