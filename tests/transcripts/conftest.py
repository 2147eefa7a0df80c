"""A place for notes."""

from __future__ import annotations

import pytest


@pytest.fixture
def notes() -> list[str]:
    """Return a list, whose `append` takes notes."""
    return []
