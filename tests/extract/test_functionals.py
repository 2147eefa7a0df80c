"""openSMILE's functionals as audio features."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.choose import audio_encoder
from ariigcn_dgl.extract.functionals import Functionals

pytestmark = pytest.mark.slow  # openSMILE and what it imports are loaded
pytest.importorskip("opensmile")


def _voice(pitch: float) -> np.ndarray:
    time = np.arange(16_000) / 16_000
    return sum(0.1 * np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 8)).astype("f4")


@pytest.mark.parametrize(("name", "width"), [("eGeMAPSv02", 88), ("IS10", 1582)])
def test_sets_have_their_published_widths(name: str, width: int) -> None:
    encoder = Functionals(name)
    row = encoder.prepare(_voice(200.0))
    assert (encoder.width, encoder.encode([row, row]).shape) == (width, (2, width))


def test_mean_pitch_is_that_of_the_voice() -> None:
    encoder = Functionals("eGeMAPSv02")
    names = list(encoder._smile.feature_names)
    at = names.index("F0semitoneFrom27.5Hz_sma3nz_amean")
    assert encoder.prepare(_voice(220.0))[at] == pytest.approx(36, abs=0.2)  # three octaves


def test_loudest_sound_is_not_turned_over() -> None:
    encoder = Functionals("eGeMAPSv02")
    at = list(encoder._smile.feature_names).index("spectralFlux_sma3_amean")
    flat = np.ones(16_000, np.float32)  # 1 is one more than 16 bits hold
    assert encoder.prepare(flat)[at] == pytest.approx(encoder.prepare(0.999 * flat)[at], rel=0.01)


def test_too_short_sound_is_nothing() -> None:
    encoder = Functionals("eGeMAPSv02")
    assert encoder.prepare(_voice(200.0)[:800]) is None
    assert encoder.prepare(_voice(200.0)[:0]) is None


def test_name_says_the_package_and_its_licence(notes: list[str]) -> None:
    said = audio_encoder("opensmile:eGeMAPSv02", notes.append).describe()
    assert (said["name"], said["feature_set"]) == ("opensmile:eGeMAPSv02", "eGeMAPSv02")
    assert notes[0].startswith(
        f"--audio opensmile:eGeMAPSv02: of the package opensmile {said['version']}; lic"
    )
    assert "no use in products" in notes[0]


@pytest.mark.parametrize("name", ["opensmile:egemaps02", "opensmile"])
def test_unknown_set_is_named(name: str) -> None:
    meant = "did you mean 'eGeMAPSv02'" if ":" in name else "IS13$"
    with pytest.raises(InputError, match=f"expected one of ComParE_2016, .*{meant}"):
        audio_encoder(name, print)
