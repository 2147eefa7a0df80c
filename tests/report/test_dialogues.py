"""Which dialogues are shown, and what modalities are worth on them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.report import dialogues as module
from ariigcn_dgl.report.dialogues import conversations, look, shown
from ariigcn_dgl.report.report import report_html
from ariigcn_dgl.report.run_files import read_run


@pytest.mark.slow
def test_whole_test_dialogues_up_to_the_limit(
    dialogues: Dialogues, two_seeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = dialogues.split("test")
    assert shown(dialogues).utterance_ids == test.utterance_ids
    monkeypatch.setattr(module, "MOST_UTTERANCES", int(test.lengths[:2].sum()))
    assert shown(dialogues).dialogue_ids == test.dialogue_ids[:2]
    monkeypatch.setattr(module, "MOST_UTTERANCES", 1)
    assert shown(dialogues).dialogue_ids == test.dialogue_ids[:1]
    html = report_html([read_run("run", [two_seeds / "seed0"])], dialogues)
    assert f"The first 1 of 3 test dialogues, {test.lengths[0]} utterances." in html


def test_conversations_say_which_modalities_an_utterance_has(dialogues: Dialogues) -> None:
    masks = dialogues.masks | {"audio": np.zeros(dialogues.num_utterances, bool)}
    (first, *_) = conversations(shown(replace(dialogues, masks=masks)))
    rows = dialogues.rows(dialogues.indices("test")[0])
    for row, utterance in enumerate(first.utterances, rows.start):
        expected = [name for name in ("text", "visual") if dialogues.masks[name][row]]
        assert utterance.modalities == expected


@pytest.mark.slow
def test_worth_of_modalities(dialogues: Dialogues, two_seeds: Path) -> None:
    looked = look(read_run("run", [two_seeds / "seed0"]), dialogues)
    test = json.loads((two_seeds / "seed0" / "run.json").read_text())["test"]
    names, scores, accuracies = zip(*looked.without(), strict=True)
    assert names == ("all", "text", "audio", "visual")
    assert (scores[0], accuracies[0]) == pytest.approx((test["weighted_f1"], test["accuracy"]))
    labels = looked.inside.dialogues.labels
    guesses = np.concatenate([one.without["audio"].argmax(1) for one in looked.inside.answers])
    known = labels >= 0
    expected = f1_score(labels[known], guesses[known], average="weighted", zero_division=0)
    assert scores[2] == pytest.approx(100 * expected)
