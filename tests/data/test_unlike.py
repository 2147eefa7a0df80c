"""Features of another make are told by the standardiser; those of the same make are not."""

from __future__ import annotations

import numpy as np
import pytest

from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.data.unlike import unlike_rows

WIDTH = 64
ANOTHER_SCALE, ANOTHER_ENCODER = "another scale", "another encoder"


def _rows(count: int, seed: int, mean: np.ndarray | float = 0.0) -> np.ndarray:
    return (mean + np.random.default_rng(seed).normal(size=(count, WIDTH))).astype(np.float32)


def _of(mean: np.ndarray, std: np.ndarray) -> Standardiser:
    return Standardiser({"text": mean.astype("f4")}, {"text": std.astype("f4")})


MEANS = np.random.default_rng(0).normal(scale=0.4, size=WIDTH)
RUN = _of(MEANS, np.full(WIDTH, 1.001))  # 1 would say that no column varies


def _asked(rows: np.ndarray) -> str:
    return unlike_rows(RUN, {"text": rows}).get("text", "")


def test_features_of_the_same_make_are_taken() -> None:
    assert _asked(_rows(200, 1, MEANS)) == ""


def test_six_utterances_of_the_same_make_are_taken() -> None:
    assert [_asked(_rows(6, seed, MEANS)) for seed in range(1, 21)] == [""] * 20


def test_embeddings_that_are_not_normalised_are_of_another_scale() -> None:
    assert ANOTHER_SCALE in _asked(4 * _rows(6, 1, MEANS))


def test_embeddings_that_are_normalised_are_of_another_scale() -> None:
    assert ANOTHER_SCALE in _asked(_rows(200, 1, MEANS) / 4)


def test_columns_that_were_not_brought_to_mean_zero_are_of_another_scale() -> None:
    assert ANOTHER_SCALE in _asked(_rows(200, 1, MEANS + 3))


def test_columns_in_another_order_are_of_another_encoder() -> None:
    assert ANOTHER_ENCODER in _asked(_rows(200, 1, MEANS[::-1]))


def test_means_that_are_all_near_zero_tell_no_encoder() -> None:
    run = _of(np.zeros(WIDTH), np.full(WIDTH, 1.001))
    assert unlike_rows(run, {"text": _rows(200, 1)}) == {}


def test_single_columns_do_not_decide() -> None:
    rows = _rows(200, 1, MEANS)
    rows[:, 0] = 1e6
    assert _asked(rows) == ""


def test_fewer_than_five_rows_say_nothing() -> None:
    assert _asked(9 * _rows(4, 1)) == ""


@pytest.mark.parametrize(("rows", "told"), [(29, False), (30, True)])
def test_a_small_spread_is_told_of_enough_rows_only(rows: int, told: bool) -> None:
    assert (ANOTHER_SCALE in _asked(MEANS + 0.1 * _rows(rows, 1))) == told


def test_constant_columns_of_training_do_not_count() -> None:
    std = np.ones(WIDTH)
    std[: WIDTH // 4] = 2.0
    run = _of(MEANS, std)
    rows = _rows(200, 1, MEANS)
    rows[:, WIDTH // 4 :] *= 9
    rows[:, : WIDTH // 4] *= 2
    assert ANOTHER_SCALE not in unlike_rows(run, {"text": rows}).get("text", "")
