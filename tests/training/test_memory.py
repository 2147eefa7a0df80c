"""A training that cannot fit into memory is refused before it begins, and only then."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues, Ragged
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.training import memory
from ariigcn_dgl.training.fit import fit
from ariigcn_dgl.training.memory import require_memory
from ariigcn_dgl.training.prepare import prepare

MEBIBYTE = 1 << 20


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Pretend that so many bytes are available, and some of swap space."""

    def pretend(size: int | None, swap: int = 0) -> None:
        monkeypatch.setattr(memory, "available_memory", lambda: size)
        monkeypatch.setattr(memory, "free_swap", lambda: swap)

    return pretend


@pytest.fixture
def wide(dialogues: Dialogues) -> Dialogues:
    """Dialogues of 100,000 features that take no memory: one row that stands everywhere."""
    row = np.zeros(100_000, np.float32)
    text = np.broadcast_to(row, (dialogues.num_utterances, len(row)))
    return replace(dialogues, features={"text": text}, masks={"text": dialogues.masks["text"]})


def test_refused_before_anything_is_written(
    room: Callable, dialogues: Dialogues, settings: Callable, tmp_path: Path
) -> None:
    room(MEBIBYTE)
    with pytest.raises(InputError) as caught:
        fit(prepare(dialogues, settings(hidden_dim=512)), 0, tmp_path / "seed0")
    assert str(caught.value).startswith("small: training ariigcn needs at least 0.")
    assert str(caught.value).endswith(
        " GiB of memory, there are 0.0: smaller batches (--training.batch_size, now 4) or a "
        "narrower model need less"
    )
    assert caught.value.__cause__.errno == errno.ENOMEM
    assert not (tmp_path / "seed0").exists()


def test_estimate_grows_with_the_batch_up_to_the_whole_training_split(
    dialogues: Dialogues, settings: Callable
) -> None:
    sizes = [memory._step_bytes(dialogues, settings(batch_size=n)) for n in (1, 4, 8, 80)]
    assert sizes[0] < sizes[1] < sizes[2] == sizes[3]


def test_data_set_too_large_for_the_copies_of_a_reconstruction_is_refused_by_its_own_size(
    room: Callable, wide: Dialogues, settings: Callable
) -> None:
    data = wide.num_utterances * 400_000
    room(2 * data - 1)
    with pytest.raises(InputError, match=r"needs at least .*: fewer modalities need less"):
        require_memory(wide, settings(missing="reconstruct"), "cuda")
    room(2 * data)
    require_memory(wide, settings(missing="reconstruct"), "cuda")


def test_a_data_set_that_is_not_copied_may_be_larger_than_memory(
    room: Callable, wide: Dialogues, settings: Callable
) -> None:
    room(0)
    require_memory(wide, settings(), "cuda")


def test_rows_of_sequences_count(room: Callable, wide: Dialogues, settings: Callable) -> None:
    ptr = np.arange(wide.num_utterances + 1)
    rows = Ragged(wide.features["text"], ptr)  # as large again
    words = replace(wide, sequences={"text": rows})
    room(2 * wide.num_utterances * 400_000)
    with pytest.raises(InputError, match="needs at least"):
        require_memory(words, settings(missing="reconstruct"), "cuda")


def test_swap_space_counts(room: Callable, dialogues: Dialogues, settings: Callable) -> None:
    room(0, swap=64 * MEBIBYTE)
    require_memory(dialogues, settings())


def test_nothing_is_refused_where_nothing_is_known(
    room: Callable, dialogues: Dialogues, settings: Callable
) -> None:
    room(None)
    require_memory(dialogues, settings())
