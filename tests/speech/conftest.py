"""A recorded dialogue, and a Whisper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.extract.media import read_sound
from tests.tiny_whisper import write_whisper

# flite's voices rms and slt in turn; benchmarks/transcription.py makes more of its kind.
DIALOGUE = Path(__file__).with_name("dialogue.ogg")
TURNS = (
    (0.50, 3.07, "I would like to go home now. It is late."),
    (3.47, 5.51, "All right. Get your coat and we can go."),
    (5.91, 7.43, "Where did I put the keys?"),
    (7.83, 9.77, "They are on the table next to the door."),
)


@pytest.fixture(scope="session")
def dialogue() -> Path:
    """Return a recording of four turns of a man and a woman, made by a program."""
    return DIALOGUE


@pytest.fixture(scope="session")
def turns() -> tuple[tuple[float, float, str], ...]:
    """Return from when to when what is said in it."""
    return TURNS


@pytest.fixture(scope="session")
def sound(dialogue: Path) -> np.ndarray:
    """Return its sound."""
    return read_sound(dialogue)


@pytest.fixture(scope="session")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a random Whisper that tells the times of words."""
    return write_whisper(tmp_path_factory.mktemp("whisper"))


@pytest.fixture
def notes() -> list[str]:
    """Return a list, whose `append` takes notes."""
    return []
