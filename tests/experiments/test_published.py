"""The paper's numbers appear beside ours where the test split is the paper's, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.source import load_source
from ariigcn_dgl.experiments.published import FILE, published
from ariigcn_dgl.experiments.study_file import load_study

TESTS = {name: content["test"] for name, content in yaml.safe_load(FILE.read_text()).items()}


def _with_test_labels(counts: list[int], unlabelled: int) -> Dialogues:
    """Return a set whose test split is one dialogue with these labels."""
    template = load_source("synthetic")
    labels = np.concatenate([np.repeat(np.arange(len(counts)), counts), [-1] * unlabelled])
    return replace(
        template,
        features={},
        masks={},
        labels=labels,
        speakers=np.zeros(len(labels), int),
        dialogue_ptr=np.array([0, len(labels)]),
        dialogue_ids=("only",),
        splits=("test",),
        utterance_ids=tuple(map(str, range(len(labels)))),
        label_names=tuple("abcdefg"[: len(counts)]),
    )


@pytest.mark.parametrize(("name", "score"), [("iemocap", 70.36), ("meld", 64.01)])
def test_a_data_set_is_known_by_its_test_labels_in_any_order(name: str, score: float) -> None:
    dialogues = _with_test_labels(TESTS[name][::-1], unlabelled=3)
    assert published("main", dialogues)["ariigcn"]["weighted_f1"] == score


def test_humour_is_known_by_its_punch_lines_and_has_accuracies() -> None:
    dialogues = _with_test_labels(TESTS["ur-funny"], unlabelled=9000)
    assert published("humour", dialogues)["C-MFN: T + A + V"] == {"accuracy": 65.23}
    assert published("main", dialogues) == {}


def test_another_split_has_no_published_numbers() -> None:
    counts = [*TESTS["meld"][:-1], TESTS["meld"][-1] - 1]
    assert published("main", _with_test_labels(counts, unlabelled=1)) == {}
    assert published("main", load_source("synthetic")) == {}


def test_a_study_of_ones_own_has_none() -> None:
    assert published("mine", _with_test_labels(TESTS["meld"], unlabelled=1)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", TESTS)
def test_every_number_belongs_to_a_row_of_a_study(name: str) -> None:
    for study, rows in yaml.safe_load(FILE.read_text())[name].items():
        if study != "test":
            assert set(rows) <= {setting.name for setting in load_study(study).settings}
