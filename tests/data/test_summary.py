"""Counts and ranges of literal sets."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from rich.console import Console

from ariigcn_dgl.data import Dialogues, summarise
from ariigcn_dgl.data.summary_table import render


def test_splits_are_counted(tiny: Dialogues) -> None:
    splits = {row.split: row for row in summarise(tiny).splits}
    assert list(splits) == ["train", "val", "test"]
    assert (splits["test"].dialogues, splits["test"].utterances) == (1, 3)
    assert splits["test"].classes == (1, 1)
    assert splits["test"].unlabelled == 1
    assert splits["val"].classes == (0, 1)


def test_absent_split_is_left_out(many: Dialogues) -> None:
    assert [row.split for row in summarise(many).splits] == ["train"]


def test_dialogues_are_measured(tiny: Dialogues) -> None:
    summary = summarise(tiny)
    assert summary.lengths == (1, 2.0, 3)
    assert summary.speakers == (1, 5 / 3, 2)
    assert summary.num_speakers == 3


def test_modalities_are_measured_without_missing_rows(tiny: Dialogues) -> None:
    audio = summarise(tiny).modalities[1]
    assert (audio.modality, audio.width) == ("audio", 2)
    assert audio.missing == 1 - 5 / 6
    assert audio.means == (21 / 5, 5.0)
    assert audio.deviations == (np.std([2, 4, 6, 8, 1]), np.std([1, 3, 5, 7, 9]))


def test_rows_that_are_not_finite_do_not_count(tiny: Dialogues) -> None:
    text = tiny.features["text"].copy()
    text[0, 1] = np.nan
    found = summarise(replace(tiny, features=tiny.features | {"text": text})).modalities[0]
    assert found.means == (9.0, 11.0)


def test_render_shows_names_as_they_are(tiny: Dialogues) -> None:
    odd = replace(tiny, name="[red]set", label_names=("[bold]anger", "joy"))
    screen = io.StringIO()
    Console(width=120, file=screen).print(render(summarise(odd)))
    text = screen.getvalue()
    assert "[red]set: 2 classes, 3 speakers" in text
    assert "[bold]anger" in text
    assert "16.7%" in text
