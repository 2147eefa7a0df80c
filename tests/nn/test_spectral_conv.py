"""Angular similarity, the symmetric norm and GCNII's layers, by literal cases and equations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ariigcn_dgl.nn import DeepGraphConv, angular_similarity, symmetrically_normalised


@pytest.mark.parametrize(
    ("degrees", "similarity"), [(0, 0.9986), (60, 2 / 3), (90, 0.5), (180, 0.0014)]
)
def test_similarity_is_the_share_of_a_half_turn_that_is_left(
    degrees: float, similarity: float
) -> None:
    angle = math.radians(degrees)
    rows = torch.tensor([[1.0, 0.0], [3 * math.cos(angle), 3 * math.sin(angle)]])
    assert angular_similarity(rows)[0, 1].item() == pytest.approx(similarity, abs=5e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_of_similarities_are_finite_between_equal_rows(dtype: torch.dtype) -> None:
    rows = torch.tensor([[0.1, 0.7, 0.3]]).expand(4, 3).to(dtype).requires_grad_()
    similarity = angular_similarity(rows)
    similarity.sum().backward()
    assert similarity.isfinite().all()
    assert rows.grad.isfinite().all()


def test_similarity_is_differentiated_right() -> None:
    rows = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    # not a row with itself: there the numerical derivative crosses a kink
    apart = ~torch.eye(3, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda x: angular_similarity(x)[:, apart], rows)


def test_an_edge_is_divided_by_the_roots_of_both_degrees() -> None:
    matrix = torch.tensor([[3.0, 1.0], [1.0, 0.0]])  # degrees 4 and 1
    assert symmetrically_normalised(matrix).tolist() == [[0.75, 0.5], [0.5, 0.0]]


def test_rows_of_zeros_stay_zeros_with_finite_gradients() -> None:
    matrix = torch.zeros(2, 2, requires_grad=True)
    normalised = symmetrically_normalised(matrix)
    normalised.sum().backward()
    assert not normalised.any()
    assert matrix.grad.isfinite().all()


@torch.no_grad()
def test_one_layer_by_hand() -> None:
    conv = DeepGraphConv(1, num_layers=1, alpha=0.25, lam=math.e - 1)  # theta = log(e) = 1
    conv.weights[0].copy_(torch.tensor([[2.0], [10.0]]))
    matrix = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]])  # each hears the other
    out = conv(matrix, torch.tensor([[[1.0], [3.0]]]))
    torch.testing.assert_close(out, torch.tensor([[[2.0 * 3 + 10 * 1], [2.0 * 1 + 10 * 3]]]))


@torch.no_grad()
def test_without_the_matrices_a_part_of_the_initial_state_stays() -> None:
    conv = DeepGraphConv(1, num_layers=2, alpha=0.25, lam=1.0)
    for weight in conv.weights:
        nn.init.zeros_(weight)
    first, second = 1 - math.log(2), 1 - math.log(1.5)  # 1 - theta of both layers
    state = first * (0.75 * 0.5 * 8 + 0.25 * 8)
    state = second * (0.75 * 0.5 * state + 0.25 * 8)
    out = conv(torch.tensor([[[0.5]]]), torch.tensor([[[8.0]]]))
    assert out.item() == pytest.approx(state, rel=1e-6)
