"""Settings of a run: resolved for the data, written and read back, refused out of range."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.data.batching import Window
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training import check_config as module
from ariigcn_dgl.training.check_config import check_config
from ariigcn_dgl.training.run_config import RunConfig, most_speakers, read_config, write_config


@pytest.fixture
def crowded(dialogues: Dialogues) -> Dialogues:
    """Let each utterance of the first dialogue have a speaker of its own."""
    speakers = dialogues.speakers.copy()
    first = dialogues.rows(0)
    speakers[first] = np.arange(first.stop)
    return replace(dialogues, speakers=speakers, speaker_names=tuple("abcdefghijklmnop"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"speaker_relative": ("audio",)},
        {"speaker_relative": ("text", "audio", "visual"), "margin_mode": "off"},
        {"learning_rate": 1e-12, "residual": "norm", "decoupled_decay": True},
    ],
)
def test_written_settings_are_read_back(
    settings: Callable, tmp_path: Path, changes: dict[str, object]
) -> None:
    config = settings(**changes)
    write_config(tmp_path / "config.yaml", config)
    assert read_config(tmp_path / "config.yaml") == config


def test_auto_relations_become_pairs_for_two_speakers(dialogues: Dialogues) -> None:
    assert most_speakers(dialogues) == 2
    assert RunConfig().resolved(dialogues).model.window.relations == "pairs"


def test_auto_relations_become_speaker_for_more(crowded: Dialogues) -> None:
    assert RunConfig().resolved(crowded).model.window.relations == "speaker"


def test_relations_that_are_given_stay(settings: Callable, dialogues: Dialogues) -> None:
    assert settings().resolved(dialogues) == settings()


def test_missing_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config.yaml: no such file; is .* the folder of a run"):
        read_config(tmp_path / "config.yaml")


def test_truncated_settings_are_not_filled_with_defaults(
    settings: Callable, tmp_path: Path
) -> None:
    path = tmp_path / "config.yaml"
    write_config(path, settings())
    text = path.read_text()
    path.write_text(text[: text.index("  patience")])
    with pytest.raises(InputError, match=r"config.yaml: truncated .* lacks training.adversarial"):
        read_config(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model: [",
        "just words",
        "{}",
        "model: 3",
        "model:\n  hidden_dim: wide\n",
        "model:\n  nonsense: 1\n",
        "other: 1\n",
        "\x00\x01",
    ],
)
def test_damaged_settings_are_one_sentence_with_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"config.yaml: (truncated|not the settings)") as caught:
        read_config(path)
    assert "\n" not in str(caught.value)


def test_settings_in_range_pass(settings: Callable, dialogues: Dialogues) -> None:
    check_config(settings(), dialogues)


def _with(part: object, path: list[str], value: object) -> object:
    """Return a copy in which the field that the path of names leads to has the value."""
    name, *rest = path
    return replace(part, **{name: _with(getattr(part, name), rest, value) if rest else value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *((option, 0) for option in module.AT_LEAST_1),
        *((option, -1) for option in module.NOT_NEGATIVE),
        *((option, 0.0) for option in module.POSITIVE),
        *((option, value) for option in module.BELOW_1 for value in (-0.1, 1.0)),
        ("training.learning_rate", math.nan),
        ("training.learning_rate", math.inf),
        ("model.iccl_weight", math.nan),
    ],
)
def test_setting_out_of_range_is_named(
    settings: Callable, dialogues: Dialogues, option: str, value: float
) -> None:
    with pytest.raises(InputError, match=f"^--{option}: is {value}, expected "):
        check_config(_with(settings(), option.split("."), value), dialogues)


def test_unknown_modality_is_named(settings: Callable, dialogues: Dialogues) -> None:
    with pytest.raises(InputError, match="speaker_relative: unknown modality 'smell', expected of"):
        check_config(settings(speaker_relative=("audio", "smell")), dialogues)


def test_more_speakers_than_pairs_are_named(settings: Callable, crowded: Dialogues) -> None:
    config = settings(window=Window(relations="pairs"))
    with pytest.raises(InputError, match=r"num_speakers: is 2, but a dialogue of small has \d"):
        check_config(config, crowded)
