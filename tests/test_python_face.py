"""The names of `ariigcn_dgl` itself: all there, and listed."""

from __future__ import annotations

import pytest

import ariigcn_dgl


@pytest.mark.parametrize("name", ariigcn_dgl._MODULES)
def test_every_name_is_there_and_listed(name: str) -> None:
    assert getattr(ariigcn_dgl, name).__name__ == name
    assert name in dir(ariigcn_dgl)


def test_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'train'"):
        ariigcn_dgl.train  # noqa: B018
