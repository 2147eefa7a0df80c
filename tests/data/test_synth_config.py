from __future__ import annotations

from dataclasses import replace

import pytest

from ariigcn_dgl.data.synth_config import PRESETS, SynthConfig, SynthModality
from ariigcn_dgl.errors import InputError


def test_every_preset_is_listed_by_its_name():
    assert list(PRESETS) == ["synthetic", "iemocap-like", "meld-like", "sentiment"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("train", 0),
        ("test", -1),
        ("length_sd", 0.0),
        ("length_mean", 60.0),
        ("participants", (0.5, 0.4)),
        ("dialogues_per_cast", 0),
        ("alternation", 1.2),
        ("reply", -0.1),
        ("class_names", ("a", "a")),
        ("class_priors", (0.5, 0.5)),
        ("inertia", float("nan")),
        ("contagion", 0.9),
        ("mood", 0.0),
        ("lag", 2.0),
        ("reaction", -1.0),
        ("irony", -1.0),
        ("ironic", ("sad", "bored")),
        ("unlabelled", 1.0),
    ],
)
def test_bad_field_is_named(field: str, value: object):
    with pytest.raises(InputError, match=rf"'synthetic': {field} is"):
        SynthConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("width", 0),
        ("strength", -1.0),
        ("trait", -1.0),
        ("drift", 1.1),
        ("missing", 1.0),
        ("twins", (("happy", "happy"),)),
    ],
)
def test_bad_field_of_a_modality_is_named(field: str, value: object):
    text = replace(SynthModality(8, 1.0, 0.5, 0.1), **{field: value})
    with pytest.raises(InputError, match=rf"text\.{field} is"):
        SynthConfig(text=text)
