"""Colours of emotions: apart for every colour vision, computed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ariigcn_dgl.palette import DARK, EMOTIONS, LIGHT, SERIES, slots, style

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
RGB_TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)
SETS = {
    "IEMOCAP": ("happy", "sad", "neutral", "angry", "excited", "frustrated"),
    "MELD": ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"),
    "EmoryNLP": ("Joyful", "Mad", "Neutral", "Peaceful", "Powerful", "Sad", "Scared"),
    "DailyDialog": ("no emotion", "anger", "disgust", "fear", "happiness", "sadness", "surprise"),
    "sentiment": ("negative", "neutral", "positive"),
    "nine": tuple(EMOTIONS)[:9],
    "unknown": tuple("abcdefgh"),
}
LEAST = 20.0  # a difference of 2.3 can just be seen; small dots need more


def linear(colour: str) -> np.ndarray:
    """Return linear RGB of #rrggbb."""
    encoded = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def cielab(rgb: np.ndarray) -> np.ndarray:
    """Return CIELAB of linear RGB under the white of sRGB."""
    share = RGB_TO_XYZ @ rgb / RGB_TO_XYZ.sum(1)
    x, y, z = np.where(share > (6 / 29) ** 3, np.cbrt(share), share / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def seen(colour: str, vision: str) -> np.ndarray:
    return cielab(np.clip(VISIONS[vision] @ linear(colour), 0, 1))


def test_cielab_of_colours_that_are_known() -> None:
    assert cielab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.01)
    assert cielab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.1)


def test_red_and_green_of_one_lightness_are_near_to_each_other_for_deuteranopes() -> None:
    red, green = "#c04040", "#7a7a00"
    apart = {v: np.linalg.norm(seen(red, v) - seen(green, v)) for v in VISIONS}
    assert apart["deuteranopia"] < LEAST < apart["normal"]


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("names", SETS.values(), ids=SETS)
def test_emotions_of_a_data_set_are_apart(
    names: tuple[str, ...], vision: str, scheme: tuple[str, ...]
) -> None:
    colours = [seen(scheme[slot], vision) for slot in slots(names)]
    assert min(np.linalg.norm(a - b) for a, b in combinations(colours, 2)) >= LEAST


def test_an_emotion_has_one_colour_whatever_a_data_set_calls_it() -> None:
    assert slots(["happy"]) == slots(["Joy"]) == slots(["joyful "])
    assert slots(["x", "anger"])[1] == slots(["anger", "x"])[0] == slots(["Mad"])[0]


def test_no_two_classes_share_a_colour_while_there_are_some_left() -> None:
    names = ("happy", "joy", "excited", "strange", "neutral")
    assert len(set(slots(names))) == len(names)


def test_more_classes_than_emotions_get_shades_before_a_colour_repeats() -> None:
    names = ["joy", *map(str, range(32))]
    assert sorted(slots(names)) == list(range(len(LIGHT)))
    assert set(slots(names[:11])) == set(SERIES) == set(range(len(EMOTIONS)))
    assert len(set(LIGHT)) == len(set(DARK)) == len(LIGHT)


def test_more_classes_than_shades_still_get_some() -> None:
    found = slots([str(n) for n in range(40)])
    assert found[len(LIGHT) :] == found[: 40 - len(LIGHT)]


def test_page_has_every_colour_in_both_schemes() -> None:
    light, dark = style().split("@media")
    for slot in range(len(EMOTIONS)):
        assert f"--class-{slot}:{LIGHT[slot]};" in light
        assert f"--class-{slot}:{DARK[slot]};" in dark
