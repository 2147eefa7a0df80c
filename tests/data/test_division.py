"""How a data set came to be divided, in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, examine, load_dialogues, write_folder
from ariigcn_dgl.data.community.published import MELD
from ariigcn_dgl.data.division import official_test, splits_in_words
from ariigcn_dgl.data.folds import Fold, with_fold
from ariigcn_dgl.data.split import with_val_split

RANDOM = "at random, 80 % train, 10 % val, 10 % test, seed 0"


def _undivided(folder: Path) -> Path:
    """Write six labelled dialogues of one utterance that name no split."""
    folder.mkdir()
    rows = "".join(f"d{number},Ann,joy\n" for number in range(6))
    (folder / "utterances.csv").write_text("dialogue,speaker,label\n" + rows)
    np.save(folder / "text.npy", np.arange(12, dtype=np.float32).reshape(6, 2))
    return folder


def test_splits_that_the_set_came_with(tiny: Dialogues) -> None:
    assert splits_in_words(tiny) == "as the data set has them"


def test_a_random_division_names_its_seed(tmp_path: Path) -> None:
    assert splits_in_words(load_dialogues(_undivided(tmp_path / "mine"))) == RANDOM


def test_a_random_division_is_told_by_the_check(tmp_path: Path) -> None:
    found = [one.what for one in examine(load_dialogues(_undivided(tmp_path / "mine")))]
    assert f"made by this program: {RANDOM}" in found


def test_a_random_division_is_kept_when_the_set_is_written(tmp_path: Path) -> None:
    write_folder(load_dialogues(_undivided(tmp_path / "mine")), tmp_path / "written")
    assert splits_in_words(load_dialogues(tmp_path / "written")) == RANDOM


def test_val_that_was_taken_from_train_names_its_share_and_seed(many: Dialogues) -> None:
    assert splits_in_words(with_val_split(many, seed=7, fraction=0.2)) == (
        "as the data set has them; val at random, 20 % of the labelled training dialogues, seed 7"
    )


def test_a_fold_names_its_number_and_what_folds_share(many: Dialogues) -> None:
    alone = replace(
        many,
        speakers=many.row_dialogues,
        speaker_names=many.dialogue_ids,
    )
    said = splits_in_words(with_fold(alone, Fold(1, 3)))
    assert said.startswith("fold 1 (from 0) of 3 folds that share no speaker; val at random")


def test_folds_of_speakers_who_are_in_all_dialogues_are_random(many: Dialogues) -> None:
    shared = replace(many, speakers=np.zeros_like(many.speakers), speaker_names=("Ann",))
    said = splits_in_words(with_fold(shared, Fold(0, 3)))
    assert said.startswith("fold 0 (from 0) of 3 folds of dialogues drawn at random, seed 0")


def _meld_test(counts: tuple[int, ...], dialogues: int) -> Dialogues:
    labels = np.repeat(np.arange(len(counts)), counts)
    total = len(labels)
    ptr = np.append(np.arange(dialogues), total)
    return Dialogues(
        name="test of MELD",
        features={"text": np.zeros((total, 1), np.float32)},
        masks={"text": np.ones(total, bool)},
        labels=labels,
        speakers=np.zeros(total, np.int64),
        dialogue_ptr=ptr,
        dialogue_ids=tuple(map(str, range(dialogues))),
        splits=("test",) * dialogues,
        utterance_ids=tuple(map(str, range(total))),
        label_names=MELD.label_names,
        speaker_names=("Ann",),
    )


@pytest.mark.parametrize(("dialogues", "name"), [(280, "MELD"), (279, "")])
def test_an_official_test_split_is_known_by_its_counts(dialogues: int, name: str) -> None:
    assert official_test(_meld_test(MELD.splits["test"].classes, dialogues)) == name
