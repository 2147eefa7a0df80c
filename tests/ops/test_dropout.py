"""Dropout: what is dropped, how often, and that the backward pass drops the same."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.ops import dropout

SEED = torch.tensor(7)


def masked(size: int, p: float, seed: int = 7) -> Tensor:
    return torch.ops.ariigcn.dropout(torch.ones(size), torch.tensor(seed), p) > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_entries_are_zero_or_scaled(dtype: torch.dtype):
    out = dropout(torch.full((5, 7, 3), 3.0, dtype=dtype), 0.25)
    assert out.dtype == dtype
    assert out.unique().tolist() == [0, 4]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_wanted_share_is_dropped(p: float):
    deviations = (masked(10**6, p).double().mean() - (1 - p)) / (p * (1 - p) / 10**6) ** 0.5
    assert abs(deviations) < 4


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 64, 100])
def test_entries_are_dropped_independently_of_others(distance: int):
    mask = masked(10**6, 0.5).double() - 0.5
    correlation = (mask[distance:] * mask[:-distance]).mean() * 4
    assert abs(correlation) < 4e-3


def test_neighbouring_seeds_have_unrelated_masks():
    one, other = (masked(10**6, 0.5, seed).double() - 0.5 for seed in (7, 8))
    assert abs((one * other).mean() * 4) < 4e-3


@pytest.mark.parametrize(("p", "expected"), [(0.0, [3.0] * 9), (1.0, [0.0] * 9)])
def test_nothing_or_everything_may_be_dropped(p: float, expected: list[float]):
    assert dropout(torch.full((9,), 3.0), p).tolist() == expected


def test_torchs_seed_decides():
    torch.manual_seed(3)
    first, second = dropout(torch.ones(100), 0.5), dropout(torch.ones(100), 0.5)
    torch.manual_seed(3)
    assert dropout(torch.ones(100), 0.5).equal(first)
    assert not first.equal(second)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 103])
def test_the_gradient_is_the_mask(size: int):
    x = torch.rand(size, requires_grad=True)
    out = dropout(x, 0.4)
    out.sum().backward()
    torch.testing.assert_close(x.grad, out.detach() / x.detach())


def test_can_be_differentiated_twice():
    x = torch.randn(6, dtype=torch.float64, requires_grad=True)

    def function(x: Tensor) -> Tensor:
        return torch.ops.ariigcn.dropout(x, SEED, 0.5).square()

    assert torch.autograd.gradgradcheck(function, [x])


def test_strided_entries_are_taken_by_position():
    x = torch.arange(1.0, 13).reshape(3, 4).t()
    torch.manual_seed(0)
    strided = dropout(x, 0.5)
    torch.manual_seed(0)
    assert strided.equal(dropout(x.contiguous(), 0.5))


def test_the_number_of_threads_changes_no_bit():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    alone = masked(10**5, 0.5)
    torch.set_num_threads(2)
    both = masked(10**5, 0.5)
    torch.set_num_threads(before)
    assert alone.equal(both)


def test_an_empty_tensor_stays_empty():
    assert dropout(torch.ones(0, 4), 0.5).shape == (0, 4)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_is_a_sound_operator(dtype: torch.dtype):
    x = torch.randn(3, 5, dtype=dtype, requires_grad=True)
    torch.library.opcheck(torch.ops.ariigcn.dropout.default, (x, SEED, 0.3))


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_an_impossible_probability_is_refused(p: float):
    with pytest.raises(ValueError, match="p must lie between 0 and 1"):
        dropout(torch.ones(2), p)


def test_integers_are_refused():
    with pytest.raises(ValueError, match="x must be a floating tensor"):
        dropout(torch.ones(2, dtype=torch.int64), 0.5)
