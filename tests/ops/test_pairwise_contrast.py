"""Statistics of positive and negative similarities."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.ops import PairRule, pairwise_contrast, pairwise_contrast_reference

RULE = PairRule.where(lambda c, m, u: c and not u, lambda c, m, u: not c and m)
SAME_CLASS = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
SETTINGS = {"temperature": 0.3, "margin": 0.4}
SIZES = (0, 1, 2, 7, 128, 131)  # 128: rows of a tile
BITS = sum(1 << code for code in RULE.positives), sum(1 << code for code in RULE.negatives)


def identities(size: int, groups: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """Labels -1 (in no pair) to 2, modalities and utterances."""
    generator = torch.Generator().manual_seed(1)
    spans = (-1, 3), (0, 2), (0, 4)
    return tuple(torch.randint(*span, (groups, size), generator=generator) for span in spans)


def unit_rows(size: int, width: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(size)
    rows = torch.randn(2, size, width, generator=generator, dtype=torch.float64)
    return F.normalize(rows, dim=-1).to(dtype)


def gradient(function, z: Tensor, **options: float) -> tuple[Tensor, Tensor]:
    """Return all statistics and the gradient of a sum that weighs each of them differently."""
    z = z.detach().clone().requires_grad_()
    stats = torch.stack(function(z, *identities(z.size(1)), RULE, **(SETTINGS | options)))
    cotangent = torch.linspace(-1, 1, stats.numel(), dtype=stats.dtype).reshape(stats.shape)
    cotangent[:2] = 0  # counts carry none
    return stats.detach(), torch.autograd.grad(stats, z, cotangent)[0]


def test_statistics_of_a_row_by_hand():
    z = torch.tensor([[[1.0, 0.0], [0.6, 0.8], [-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]])
    label = torch.tensor([[0, 0, 1, 1, -1]])
    options = {"temperature": 0.5, "margin": 0.7}
    stats = pairwise_contrast(z, label, label * 0, label * 0, SAME_CLASS, **options)
    first = [part[0, 0].item() for part in stats]
    log_sum = math.log(math.exp(-2) + math.exp(0))
    assert first == pytest.approx([1, 2, 0.6, -1, 1.2, log_sum, 0.1, 0], abs=1e-6)


def test_rows_without_a_label_take_part_in_no_pair():
    z = torch.eye(3).unsqueeze(0)
    label = torch.tensor([[0, -1, -1]])
    stats = pairwise_contrast(z, label, label * 0, label * 0, SAME_CLASS)
    assert torch.stack(stats).abs().sum() == 0


def test_a_row_is_not_its_own_positive():
    label = torch.tensor([[0, 1]])
    stats = pairwise_contrast(torch.eye(2)[None], label, label * 0, label * 0, SAME_CLASS)
    assert stats.count_pos.tolist() == [[0, 0]]


def test_groups_do_not_mix():
    z, ids = unit_rows(7, 3), identities(7)
    together = torch.stack(pairwise_contrast(z, *ids, RULE))
    alone = [
        torch.stack(pairwise_contrast(z[g : g + 1], *(x[g : g + 1] for x in ids), RULE))
        for g in range(2)
    ]
    torch.testing.assert_close(together, torch.cat(alone, dim=1))


@pytest.mark.parametrize("code", range(8))
def test_every_code_is_told_apart(code: int):
    rule = PairRule(frozenset([code]), frozenset(range(8)) - {code})
    z, ids = unit_rows(60, 3), identities(60)
    ours, theirs = (f(z, *ids, rule) for f in (pairwise_contrast, pairwise_contrast_reference))
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs))
    assert ours.count_pos.sum() > 0


@pytest.mark.parametrize("width", [1, 3, 8, 100, 129])
@pytest.mark.parametrize("size", SIZES)
def test_equals_the_reference_forward_and_backward(size: int, width: int):
    z = unit_rows(size, width)
    ours, theirs = (gradient(f, z) for f in (pairwise_contrast, pairwise_contrast_reference))
    torch.testing.assert_close(ours, theirs)


def test_low_temperatures_do_not_overflow():
    z = unit_rows(20, 4, torch.float32)
    ours, theirs = (
        gradient(f, z, temperature=1e-3) for f in (pairwise_contrast, pairwise_contrast_reference)
    )
    assert ours[1].isfinite().all()
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-2)


def test_single_precision_is_close_to_the_truth():
    z = unit_rows(131, 64, torch.float32)
    ours, exact = gradient(pairwise_contrast, z), gradient(pairwise_contrast_reference, z.double())
    torch.testing.assert_close([x.double() for x in ours], list(exact), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(dtype: torch.dtype):
    z = unit_rows(20, 8, dtype)
    stats = pairwise_contrast(z, *identities(20), RULE, **SETTINGS)
    assert stats.sum_pos.dtype == torch.float32
    assert torch.stack(stats).equal(
        torch.stack(pairwise_contrast(z.float(), *identities(20), RULE, **SETTINGS))
    )


def test_half_precision_gets_a_gradient_of_its_own_dtype():
    z = unit_rows(20, 8, torch.bfloat16).requires_grad_()
    pairwise_contrast(z, *identities(20), RULE, **SETTINGS).lse_pos.sum().backward()
    assert z.grad.dtype == torch.bfloat16


def test_first_derivatives():
    z, ids = unit_rows(7, 3), identities(7)
    s = z @ z.mT
    assert min(s.abs().min(), (s - SETTINGS["margin"]).abs().min()) > 1e-4  # away from the kinks
    assert torch.autograd.gradcheck(
        lambda x: pairwise_contrast(x, *ids, RULE, **SETTINGS)[2:], [z.requires_grad_()]
    )


@pytest.mark.parametrize(("size", "requires_grad"), [(0, True), (1, True), (7, True), (7, False)])
def test_follows_the_rules_for_operators(size: int, requires_grad: bool):
    z = unit_rows(size, 3).requires_grad_(requires_grad)
    torch.library.opcheck(
        torch.ops.ariigcn.pairwise_contrast, (z, *identities(size), *BITS, 0.3, 0.4, False)
    )


@pytest.mark.parametrize("size", [0, 7])
def test_backward_follows_the_rules_for_operators(size: int):
    z, ids = unit_rows(size, 3), identities(size)
    stats = torch.ops.ariigcn.pairwise_contrast(z, *ids, *BITS, 0.3, 0.4, False)
    torch.library.opcheck(
        torch.ops.ariigcn.pairwise_contrast_backward,
        (torch.ones_like(stats), stats, z, *ids, *BITS, 0.3, 0.4, False),
    )


def test_takes_strided_input():
    z, ids = unit_rows(7, 3), identities(7)
    strided = [x.mT.contiguous().mT for x in (z, *ids)]
    assert not any(x.is_contiguous() for x in strided)
    out = pairwise_contrast(*strided, RULE)
    assert torch.stack(out).equal(torch.stack(pairwise_contrast(z, *ids, RULE)))


def test_autocast_computes_in_single_precision():
    z = unit_rows(20, 8, torch.float32).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        stats = torch.stack(pairwise_contrast(z, *identities(20), RULE))
        (grad,) = torch.autograd.grad(stats.sum(), z)
    plain = torch.stack(pairwise_contrast(z, *identities(20), RULE))
    assert stats.equal(plain)
    assert grad.equal(torch.autograd.grad(plain.sum(), z)[0])


def test_autocast_does_not_round_what_the_reference_multiplies():
    z, ids = unit_rows(20, 8, torch.float32), identities(20)
    temperature = torch.tensor(0.3, requires_grad=True)
    plain = torch.stack(pairwise_contrast(z, *ids, RULE, impl="reference", temperature=0.3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        asked = torch.stack(pairwise_contrast(z, *ids, RULE, impl="reference", temperature=0.3))
        learnt = torch.stack(pairwise_contrast(z, *ids, RULE, temperature=temperature))
    assert asked.equal(plain)
    torch.testing.assert_close(learnt, plain)


BAD = {
    "z without groups": ("z", lambda z, *ids: (z[0], *ids)),
    "integer z": ("z", lambda z, *ids: (z.long(), *ids)),
    "a label too few": ("label", lambda z, c, m, u: (z, c[:, 1:], m, u)),
    "float labels": ("label", lambda z, c, m, u: (z, c.float(), m, u)),
    "modality without groups": ("modality", lambda z, c, m, u: (z, c, m[0], u)),
    "short integers": ("utterance", lambda z, c, m, u: (z, c, m, u.int())),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str):
    name, damage = BAD[case]
    with pytest.raises(ValueError, match=f"^{name} must"):
        pairwise_contrast(*damage(unit_rows(7, 3), *identities(7)), RULE)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature: float):
    with pytest.raises(ValueError, match="temperature must be positive"):
        pairwise_contrast(unit_rows(7, 3), *identities(7), RULE, temperature=temperature)


@pytest.mark.parametrize(("positives", "negatives"), [([1], [1, 2]), ([8], []), ([], [-1])])
def test_a_rule_of_overlapping_or_unknown_codes_is_refused(positives: list, negatives: list):
    with pytest.raises(ValueError, match="must be different codes from 0 to 7"):
        PairRule(frozenset(positives), frozenset(negatives))
