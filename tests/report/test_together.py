"""Runs by what they were tested on, their differences, and the sentences about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.plots import COLOURS
from ariigcn_dgl.report.findings import findings
from ariigcn_dgl.report.run_files import Predictions, RunFiles, Seed
from ariigcn_dgl.report.scores import headlines
from ariigcn_dgl.report.together import difference, together
from ariigcn_dgl.training.metrics import score
from ariigcn_dgl.training.protocol import Protocol

LABELS = ("joy", "anger")
TRUTH = [0, 1] * 20  # twenty dialogues of two utterances


def seed(
    number: int,
    classes: Sequence[int],
    history: Sequence[dict] = (),
    labels: Sequence[str] = LABELS,
) -> Seed:
    count = len(classes)
    truth = np.array(TRUTH[:count])
    found = score(truth, np.array(classes), labels)
    record = {
        "seed": number,
        "system": "mlp",
        "dataset": "talks",
        "label_names": list(labels),
        "best_epoch": 1,
        "val": {"weighted_f1": 50.0},
        "test": {
            "weighted_f1": found.weighted_f1,
            "accuracy": found.accuracy,
            "macro_f1": found.macro_f1,
            "per_class": list(found.per_class),
            "confusion": [list(row) for row in found.confusion],
        },
    }
    predictions = Predictions(
        np.array([f"u{n}" for n in range(count)]),
        np.array([f"d{n // 2}" for n in range(count)]),
        truth,
        np.array(classes),
        np.full(count, 0.9),
    )
    return Seed(Path("run"), record, history, predictions)


def run(name: str, *seeds: Seed) -> RunFiles:
    protocol = Protocol("best", 60, "preset", "paper", "once")
    return RunFiles(name, {"preset": "paper"}, "", protocol, seeds)


RIGHT = run("right", seed(0, TRUTH))
ALL_JOY = run("all joy", seed(0, [0] * len(TRUTH)))
ONE_WRONG = run("one wrong", seed(0, [1, *TRUTH[1:]]))


def sentences(*runs: RunFiles) -> list[str]:
    return findings(runs, headlines(runs)[0], together(runs))


def test_runs_that_were_tested_on_other_utterances_are_apart() -> None:
    other = run("short", seed(0, TRUTH[:4]))
    assert [group.places for group in together([RIGHT, other, ALL_JOY])] == [[0, 2], [1]]


def test_difference_is_to_the_first_in_points_with_an_interval() -> None:
    (group,) = together([RIGHT, ALL_JOY])
    first, second = group.differences
    assert first is None
    assert second == difference(ALL_JOY, RIGHT)
    assert second.points == pytest.approx(100 / 3 - 100)  # F1 of joy 2/3, of anger 0
    assert second.low == second.high == pytest.approx(second.points)  # all dialogues are alike
    assert second.told


def test_difference_of_one_utterance_is_not_told() -> None:
    assert not difference(ONE_WRONG, RIGHT).told


def test_curve_is_the_mean_over_seeds_where_all_have_a_score() -> None:
    histories = [
        [{"epoch": 1, "val_weighted_f1": 40.0}, {"epoch": 2, "val_weighted_f1": 50.0}],
        [{"epoch": 1, "val_weighted_f1": 60.0}],
    ]
    two = run("two", *(seed(n, TRUTH, history) for n, history in enumerate(histories)))
    (group,) = together([two, run("one", seed(0, TRUTH, histories[0]))])
    first, second = group.curves.axes[0].lines
    assert first.get_xydata().tolist() == [[1, 50]]
    assert second.get_xydata().tolist() == [[1, 40], [2, 50]]
    assert [first.get_color(), second.get_color()] == list(COLOURS[:2])


def test_epochs_have_whole_numbers_only() -> None:
    history = [{"epoch": epoch, "val_weighted_f1": 40.0 + epoch} for epoch in (1, 2, 3)]
    (group,) = together([run(name, seed(0, TRUTH, history)) for name in "ab"])
    ticks = group.curves.axes[0].get_xticks()
    assert all(tick == round(tick) for tick in ticks)


def test_sentence_about_one_run_names_its_best_and_worst_class() -> None:
    assert sentences(ALL_JOY) == [
        "mlp reaches a weighted F1 of 33.3 on 40 utterances of 20 test dialogues of talks: best at "
        "joy (F1 67), worst at anger (0), 100 % of which it takes for joy."
    ]


def test_sentence_counts_classes_that_are_never_right() -> None:
    wrong = run("wrong", seed(0, [2] * len(TRUTH), labels=(*LABELS, "fear")))
    assert sentences(wrong)[0].endswith(" of talks: none of 2 classes is ever right.")
    truth = [0, 1, 0, 1, 0, 1, 2, 0]
    found = seed(0, [0] * len(truth), labels=(*LABELS, "fear"))
    record = {**found.record, "test": score(np.array(truth), np.zeros(8, int), "abc").record()}
    text = sentences(run("mixed", replace(found, record=record)))[0]
    assert text.endswith("; 2 of 3 classes are never right.")


def test_class_without_a_test_utterance_has_no_score_in_the_picture() -> None:
    rare = run("rare", seed(0, TRUTH, labels=(*LABELS, "fear")))
    for runs in ([rare], [rare, replace(rare, name="again")]):
        (group,) = together(runs)
        texts = [one.get_text() for one in group.classes.axes[0].texts]
        assert texts[-1] == "– no test utterance"
        assert "0" not in texts


def test_sentence_about_several_says_which_is_best_and_by_how_much() -> None:
    assert sentences(RIGHT, ALL_JOY) == [
        "Of 2 runs on talks, right has the highest weighted F1, 100.0: 66.7 points (66.7 to 66.7) "
        "above all joy, the next."
    ]
    assert sentences(ALL_JOY, RIGHT) == [
        "Of 2 runs on talks, right has the highest weighted F1, 100.0: 66.7 points (66.7 to 66.7) "
        "above all joy, the first named."
    ]


def test_sentence_says_where_the_test_split_cannot_tell() -> None:
    (sentence,) = sentences(RIGHT, ONE_WRONG)
    assert "but 20 test dialogues cannot tell it from one wrong, the next (+0.0 to " in sentence


def test_interval_is_of_the_lead_whichever_is_named_first() -> None:
    first, second = sentences(RIGHT, ONE_WRONG)[0], sentences(ONE_WRONG, RIGHT)[0]
    assert first.partition("(")[2] == second.partition("(")[2]


def test_class_with_a_dollar_is_no_mathematics() -> None:
    record = {**RIGHT.record, "label_names": ["$^$", "anger"]}
    record["test"] = {
        **record["test"],
        "per_class": [
            {**one, "label": name}
            for one, name in zip(record["test"]["per_class"], record["label_names"], strict=True)
        ],
    }
    odd = replace(RIGHT, seeds=[replace(RIGHT.seeds[0], record=record)])
    (group,) = together([odd])
    group.classes.draw_without_rendering()
    assert "$^$" in group.classes.axes[0].get_yticklabels()[0].get_text().replace("\\$", "$")


def test_name_written_from_right_to_left_turns_no_number_of_the_sentence() -> None:
    assert (
        "of \u2068حزن\u2069: best"
        in sentences(
            replace(
                ALL_JOY,
                seeds=[
                    replace(one, record={**one.record, "dataset": "حزن"}) for one in ALL_JOY.seeds
                ],
            )
        )[0]
    )


def test_each_test_split_has_its_sentence() -> None:
    assert len(sentences(RIGHT, run("short", seed(0, TRUTH[:4])))) == 2
