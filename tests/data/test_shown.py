"""Dialogues are scaled and filled when they are asked for, to the bits of all at once."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, SynthConfig, synthesise
from ariigcn_dgl.data.fill import Filler, FillKind
from ariigcn_dgl.data.shown import Shown
from ariigcn_dgl.data.standardise import Standardiser


@pytest.fixture
def made() -> Dialogues:
    return synthesise(SynthConfig(train=8, val=2, test=2))


@pytest.mark.parametrize("kind", get_args(FillKind))
def test_some_are_shown_as_all_at_once_would_be(made: Dialogues, kind: FillKind) -> None:
    train = made.split("train")
    standardiser = Standardiser.fit(train)
    filler = Filler.fit(kind, standardiser.apply(train))
    expected = filler.apply(standardiser.apply(made))
    shown = Shown.fit(made, kind)
    for chosen in ([3, 1], [11]):
        ours, theirs = shown.select(chosen), expected.select(chosen)
        for name in made.features:
            assert ours.features[name].tobytes() == theirs.features[name].tobytes()
            assert np.array_equal(ours.masks[name], theirs.masks[name])
    for name, mask in shown.masks.items():
        assert np.array_equal(mask, expected.masks[name])


def test_what_is_hidden_later_is_filled_later(made: Dialogues) -> None:
    unfilled = Shown.fit(made, "speaker_mean").unfilled()
    for name, mask in unfilled.select(range(made.num_dialogues)).masks.items():
        assert np.array_equal(mask, made.masks[name])
