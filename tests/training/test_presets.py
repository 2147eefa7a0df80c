"""Named settings: what is published, what was chosen, and for which system."""

from __future__ import annotations

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import SYSTEMS
from ariigcn_dgl.training.presets import PRESETS, default_preset, preset_config


@pytest.mark.parametrize("system", SYSTEMS)
def test_paper_is_what_was_published(system: str) -> None:
    config = preset_config(system, "paper")
    assert config.system == system
    assert config.model == SYSTEMS[system].Config()
    assert config.training == SYSTEMS[system].published


@pytest.mark.parametrize("preset", PRESETS)
def test_ariigcn_has_every_preset(preset: str) -> None:
    assert preset_config("ariigcn", preset).system == "ariigcn"


@pytest.mark.parametrize("system", SYSTEMS)
def test_default_preset_belongs_to_the_system(system: str) -> None:
    assert preset_config(system, default_preset(system)).system == system


def test_ariigcn_is_tuned_by_default_and_others_as_published() -> None:
    assert (default_preset("ariigcn"), default_preset("bigru")) == ("tuned", "paper")


def test_preset_of_another_system_is_refused() -> None:
    sentence = "--preset tuned-meld: was chosen for ariigcn; --system mlp has the preset paper only"
    with pytest.raises(InputError, match=sentence):
        preset_config("mlp", "tuned-meld")


def test_unknown_preset_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="'best', expected one of paper, tuned, tuned-meld"):
        preset_config("ariigcn", "best")
