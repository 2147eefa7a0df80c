"""Limits of settings: which values pass, in which sentence the others are named."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.limits import (
    EvenInt,
    Fraction,
    NotNegativeFloat,
    NotNegativeInt,
    PositiveFloat,
    PositiveInt,
    check_limits,
)


@dataclass(frozen=True)
class _Inner:
    size: PositiveInt = 1


@dataclass(frozen=True)
class _Settings:
    layers: PositiveInt = 1
    width: EvenInt = 2
    reach: NotNegativeInt = 0
    rate: PositiveFloat = 1.0
    weight: NotNegativeFloat = 0.0
    dropout: Fraction = 0.0
    name: str = "free"
    comment: str | None = None
    inner: _Inner = _Inner()


@pytest.mark.parametrize(
    "settings",
    [
        _Settings(),
        _Settings(layers=9, width=8, reach=3, rate=1e-9, weight=5.0, dropout=0.999),
    ],
)
def test_values_within_their_limits_pass(settings: _Settings) -> None:
    check_limits(settings, "--model")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("layers", 0, "at least 1"),
        ("width", 0, "an even number of at least 2"),
        ("width", 3, "an even number of at least 2"),
        ("reach", -1, "a number that is not negative"),
        ("rate", 0.0, "a positive number"),
        ("rate", math.inf, "a positive number"),
        ("weight", -1e-9, "a number that is not negative"),
        ("weight", math.nan, "a number that is not negative"),
        ("dropout", 1.0, "a number from 0 to below 1"),
        ("dropout", -0.1, "a number from 0 to below 1"),
    ],
)
def test_value_beyond_its_limit_is_named(field: str, value: float, expected: str) -> None:
    sentence = re.escape(f"--model.{field}: is {value}, expected {expected}")
    with pytest.raises(InputError, match=f"^{sentence}$"):
        check_limits(_Settings(**{field: value}), "--model")


def test_setting_without_a_value_is_named() -> None:
    for settings in (_Settings(layers=None), _Settings(name=None), _Settings(inner=None)):
        with pytest.raises(InputError, match=r"^--model\.\w+: has no value$"):
            check_limits(settings, "--model")


def test_setting_that_may_be_nothing_passes() -> None:
    check_limits(_Settings(comment=None), "--model")


def test_settings_within_settings_are_checked() -> None:
    with pytest.raises(InputError, match=r"--model.inner.size: is 0, expected at least 1"):
        check_limits(_Settings(inner=_Inner(0)), "--model")
