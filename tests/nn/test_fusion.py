"""Fusions of modalities: by hand, against slow references, for any number of modalities."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.nn import FUSIONS, LowRankFusion, TensorFusion

each_fusion = pytest.mark.parametrize("name", FUSIONS)


def random_states(num_modalities: int) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(num_modalities, 5, 6, dtype=torch.float64)


def test_every_name_has_a_fusion() -> None:
    assert tuple(FUSIONS) == ("concatenate", "add", "tfn", "lfm")


@each_fusion
@pytest.mark.parametrize("num_modalities", [1, 2, 3])
def test_any_number_of_modalities_is_fused_to_the_promised_width(
    name: str, num_modalities: int
) -> None:
    fusion, feat = FUSIONS[name](6, num_modalities).double(), random_states(num_modalities)
    out = fusion(feat.requires_grad_())
    assert out.shape == (5, fusion.out_feats)
    out.sum().backward()
    assert feat.grad.isfinite().all()
    assert all(p.grad is not None for p in fusion.parameters())


@each_fusion
def test_utterances_do_not_influence_each_other(name: str) -> None:
    fusion, feat = FUSIONS[name](6, 3).double().eval(), random_states(3)
    torch.testing.assert_close(fusion(feat[:, 1:2]), fusion(feat)[1:2])


@each_fusion
def test_no_utterances_are_fused_to_none(name: str) -> None:
    fusion = FUSIONS[name](6, 2)
    assert fusion(torch.zeros(2, 0, 6)).shape == (0, fusion.out_feats)


def test_product_of_two_numbers_has_all_of_their_products() -> None:
    fusion = TensorFusion(1, 2, compressed=1)
    for linear in fusion.compress:
        nn.init.ones_(linear.weight)
        nn.init.zeros_(linear.bias)
    assert fusion.product(torch.tensor([[[3.0]], [[5.0]]])).tolist() == [[15, 3, 5, 1]]


@torch.no_grad()
def test_product_equals_the_one_by_einsum() -> None:
    fusion, feat = TensorFusion(6, 3, compressed=4).double(), random_states(3)
    one = torch.ones(5, 1, dtype=torch.float64)
    x, y, z = (
        torch.cat([linear(state), one], 1)
        for linear, state in zip(fusion.compress, feat, strict=True)
    )
    expected = torch.einsum("ni,nj,nk->nijk", x, y, z).flatten(1)
    torch.testing.assert_close(fusion.product(feat), expected)


def test_tensor_fusion_has_its_published_size() -> None:
    with torch.device("meta"):
        fusion = TensorFusion(512, 3)
    layers = sum(p.numel() for p in fusion.layers.parameters())
    assert layers == 33**3 * 128 + 128 + 128 * 128 + 128
    assert fusion.layers[1].in_features == 35_937


@torch.no_grad()
def test_low_rank_fusion_is_the_tensor_with_weights_of_low_rank() -> None:
    torch.manual_seed(1)
    fusion = LowRankFusion(6, 2, rank=3, hidden_dim=2).double()
    fusion.weights.copy_(torch.tensor([0.5, -1.0, 2.0]))
    fusion.bias.normal_()
    feat = random_states(2)
    expected = fusion.bias.repeat(5, 1)
    with_one = torch.cat([feat, torch.ones(2, 5, 1, dtype=torch.float64)], dim=2)
    for i, j in product(range(7), repeat=2):  # over the entries of the tensor
        weight = torch.einsum(
            "r,rd,rd->d", fusion.weights, fusion.factors[0, :, i], fusion.factors[1, :, j]
        )
        expected += torch.outer(with_one[0, :, i] * with_one[1, :, j], weight)
    torch.testing.assert_close(fusion(feat), expected)
