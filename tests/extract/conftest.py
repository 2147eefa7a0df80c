"""What tests of encoders share: a place for notes, and a hub."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.extract.hub_server import Hub, ask, serving


@pytest.fixture
def notes() -> list[str]:
    """Return a list, whose `append` takes notes."""
    return []


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache, of this test alone."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    return tmp_path / "cache"


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Return a hub that answers, with nothing on it."""
    made = Hub()
    with serving(made):
        ask(made, monkeypatch)
        yield made


@pytest.fixture
def gone(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Return a hub whose port is closed."""
    made = Hub()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        made.port = one.getsockname()[1]
    ask(made, monkeypatch)
    return made
