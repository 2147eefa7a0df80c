"""Feature statistics: from present training rows only; missing rows stay zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, SynthConfig, synthesise
from ariigcn_dgl.data.standardise import LARGEST_Z, Standardiser


def test_columns_get_mean_0_and_deviation_1(tiny: Dialogues) -> None:
    text = Standardiser.fit(tiny).apply(tiny).features["text"]
    np.testing.assert_allclose(text.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(text.std(0), 1, atol=1e-6)
    assert text.dtype == np.float32


def test_missing_rows_are_not_measured(tiny: Dialogues) -> None:
    # Column 0 of audio is 1, 3, 5, 7, missing, 9.
    standardiser = Standardiser.fit(tiny)
    assert standardiser.mean["audio"][0] == 5
    assert standardiser.std["audio"][0] == pytest.approx(8**0.5)


def test_missing_rows_stay_zero(tiny: Dialogues) -> None:
    audio = Standardiser.fit(tiny).apply(tiny).features["audio"]
    assert audio[4].tolist() == [0, 0]
    assert audio[0, 0] == pytest.approx(-4 / 8**0.5)


def test_other_rows_are_scaled_by_the_statistics_of_training(tiny: Dialogues) -> None:
    train = tiny.split("train")  # text rows 0 1 2 and 3 4 5
    text = Standardiser.fit(train).apply(tiny).features["text"]
    assert text[:3, 0].tolist() == pytest.approx([-1, 1, 3])


def test_constant_column_becomes_zero(tiny: Dialogues) -> None:
    same = replace(tiny, features={"text": np.full((6, 3), 0.1, np.float32)})
    scaled = Standardiser.fit(same).apply(same)
    np.testing.assert_allclose(scaled.features["text"], 0, atol=1e-6)


@pytest.mark.parametrize("scale", [1e-7, 1e-20, 1e-36, 1e20])
def test_scale_of_a_column_plays_no_part(tiny: Dialogues, scale: float) -> None:
    text = np.array([[0], [1], [2], [3], [4], [9]])
    sets = [
        replace(tiny, features={"text": (text * factor).astype(np.float32)})
        for factor in (1.0, scale)
    ]
    usual, other = (Standardiser.fit(one).apply(one).features["text"] for one in sets)
    np.testing.assert_allclose(other, usual, rtol=1e-5)


@pytest.mark.parametrize("magnitude", [1e-30, 1.0, 1e6])
def test_rounding_of_a_constant_is_no_variation(tiny: Dialogues, magnitude: float) -> None:
    text = np.full((6, 1), magnitude, np.float32)
    text[::2] = np.nextafter(text[::2], np.float32(np.inf))
    same = replace(tiny, features={"text": text})
    assert Standardiser.fit(same).std["text"].tolist() == [1]


def test_deviation_that_float32_has_not_is_none(tiny: Dialogues) -> None:
    text = np.array([[0], [1], [0], [0], [0], [0]], np.float32) * np.float32(1e-44)
    assert Standardiser.fit(replace(tiny, features={"text": text})).std["text"].tolist() == [1]


def test_ordinary_features_have_the_statistics_they_always_had() -> None:
    data = synthesise(SynthConfig())
    standardiser = Standardiser.fit(data)
    for name, array in data.features.items():
        rows = array[data.masks[name]].astype(np.float64)
        std = np.where(rows.std(0) > 1e-6, rows.std(0), 1).astype(np.float32)
        assert standardiser.std[name].tobytes() == std.tobytes()
        assert standardiser.mean[name].tobytes() == rows.mean(0).astype(np.float32).tobytes()


def test_outliers_are_clipped(tiny: Dialogues) -> None:
    standardiser = Standardiser.fit(tiny)
    far = replace(tiny, features=tiny.features | {"text": np.full((6, 3), 1e6, np.float32)})
    assert (standardiser.apply(far).features["text"] == LARGEST_Z).all()


def test_modality_that_training_lacks_is_left_as_it_is(tiny: Dialogues) -> None:
    masks = tiny.masks | {"audio": np.zeros(6, bool)}
    features = tiny.features | {"audio": np.zeros((6, 2), np.float32)}
    standardiser = Standardiser.fit(replace(tiny, masks=masks, features=features))
    assert standardiser.mean["audio"].tolist() == [0, 0]
    assert standardiser.std["audio"].tolist() == [1, 1]


def test_given_dialogues_are_not_changed(tiny: Dialogues) -> None:
    before = tiny.features["text"].copy()
    Standardiser.fit(tiny).apply(tiny)
    assert np.array_equal(tiny.features["text"], before)


def test_statistics_come_back_from_their_arrays(tiny: Dialogues) -> None:
    standardiser = Standardiser.fit(tiny)
    arrays = standardiser.arrays()
    assert set(arrays) == {"text.mean", "text.std", "audio.mean", "audio.std"}
    again = Standardiser.from_arrays(arrays)
    for one, other in ((standardiser.mean, again.mean), (standardiser.std, again.std)):
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
