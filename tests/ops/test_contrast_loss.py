"""The contrastive losses as one operator."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from ariigcn_dgl.nn import ICCLLoss, IMCLLoss, PairwiseContrast
from ariigcn_dgl.ops import ContrastForm, MarginMode, PairRule, contrast_loss

SAME_CLASS = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
OTHERS = PairRule.where(lambda c, m, u: c and m and not u, lambda c, m, u: not c and not u)
OPTIONS = {"temperature": 0.3, "margin": 0.4}


def rows(size: int, width: int = 5, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Return rows of any length, and labels -1 (in no pair) to 2."""
    generator = torch.Generator().manual_seed(size)
    feat = torch.randn(2, size, width, generator=generator, dtype=torch.float64)
    return feat.to(dtype), torch.randint(-1, 3, (2, size), generator=generator)


def value_and_gradient(feat: Tensor, *args, **options) -> tuple[Tensor, Tensor]:
    feat = feat.detach().clone().requires_grad_()
    loss = contrast_loss(feat, *args, **OPTIONS, **options)
    return loss.detach(), torch.autograd.grad(3 * loss, feat)[0]


def test_a_loss_by_hand():
    feat = torch.tensor([[[2.0, 0.0], [0.6, 0.8], [0.0, 0.5]]])
    loss = contrast_loss(feat, torch.tensor([[0, 0, 1]]), SAME_CLASS, form="ratio", margin=1.0)
    first = math.log((0.8 + 0.5) / 0.8) + 0.4 + 0  # (1 + 0.6) / 2 and (1 + 0) / 2
    second = math.log((0.8 + 0.9) / 0.8) + 0.4 + 0.8
    assert loss.item() == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("mode", get_args(MarginMode))
@pytest.mark.parametrize("form", get_args(ContrastForm))
@pytest.mark.parametrize("size", [0, 1, 2, 9, 131])
def test_equals_the_reference_forward_and_backward(size: int, form: str, mode: str):
    feat, label = rows(size)
    ids = {"modality": label.clamp(min=0) % 2, "utterance": torch.arange(size).expand(2, -1) // 2}
    ours, theirs = (
        value_and_gradient(feat, label, OTHERS, form=form, margin_mode=mode, impl=impl, **ids)
        for impl in ("native", "reference")
    )
    torch.testing.assert_close(ours, theirs)


def of_constants(similarity: str) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """Return a loss of its temperature and margin, and both as what may be learnt."""
    feat, label = rows(9)

    def loss(temperature: Tensor, margin: Tensor) -> Tensor:
        options = {"form": "infonce", "similarity": similarity}
        contrast = PairwiseContrast(SAME_CLASS, temperature=temperature, margin=margin, **options)
        return contrast(feat, label, label)

    return loss, [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.3, 0.4)]


@pytest.mark.parametrize("similarity", ["cosine", "softmax"])
def test_temperature_and_margin_can_be_learnt(similarity: str):
    loss, constants = of_constants(similarity)
    assert torch.autograd.gradcheck(loss, constants)
    with torch.no_grad():  # natively
        torch.testing.assert_close(loss(*constants), loss(0.3, 0.4))


# torch's own rules for forward mode
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize("similarity", ["cosine", "softmax"])
def test_tangents_of_temperature_and_margin_are_carried(similarity: str):
    loss, constants = of_constants(similarity)
    slopes = torch.autograd.grad(loss(*constants), constants)
    with torch.no_grad(), forward_ad.dual_level():
        temperature, margin = (x.detach() for x in constants)
        of_one = loss(forward_ad.make_dual(temperature, torch.ones_like(temperature)), margin)
        of_other = loss(temperature, forward_ad.make_dual(margin, torch.ones_like(margin)))
        found = [forward_ad.unpack_dual(x).tangent for x in (of_one, of_other)]
    torch.testing.assert_close(found, list(slopes))


@pytest.mark.parametrize("form", get_args(ContrastForm))
def test_antipodal_positives_give_what_the_reference_gives(form: str):
    feat, label = torch.tensor([[[1.0, 0.0], [-2.0, 0.0], [-1.0, 0.0]]]), torch.tensor([[0, 0, 1]])
    ours, theirs = (
        value_and_gradient(feat, label, SAME_CLASS, form=form, impl=impl)
        for impl in ("native", "reference")
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_what_is_not_given_is_one_modality_and_different_utterances():
    feat, label = rows(9)
    alike = torch.zeros_like(label)
    numbered = torch.arange(9).expand(2, -1)
    given = contrast_loss(feat, label, OTHERS, modality=alike, utterance=numbered)
    assert contrast_loss(feat, label, OTHERS).equal(given)


def test_no_anchors_give_zero():
    feat, label = rows(5)
    loss, grad = value_and_gradient(feat, label * 0, SAME_CLASS)
    assert loss == 0
    assert grad.abs().sum() == 0


def test_rows_that_are_left_out_get_no_gradient():
    feat, label = rows(9)
    feat[0, 0], label[0, 0] = torch.nan, -1
    feat[0, 1], label[0, 1] = 0, 1
    loss, grad = value_and_gradient(feat, label, SAME_CLASS)
    assert loss.isfinite()
    assert grad.isfinite().all()
    assert grad[0, :2].abs().sum() == 0


@pytest.mark.parametrize("impl", ["native", "reference"])
@pytest.mark.parametrize("form", get_args(ContrastForm))
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e200])
def test_a_row_without_length_makes_no_number(value: float, form: str, impl: str):
    feat, label = rows(9)
    feat[0, 0, 0], label[0, 0] = value, 1
    loss, grad = value_and_gradient(feat, label, SAME_CLASS, form=form, impl=impl)
    assert loss.isnan()
    assert grad.isnan().any()


@pytest.mark.parametrize("length", [1e-14, 1e14])
def test_rows_of_extreme_length_give_what_the_reference_gives(length: float):
    feat, label = rows(9)
    feat[:, 3] *= length
    ours, theirs = (
        value_and_gradient(feat, label, SAME_CLASS, impl=impl) for impl in ("native", "reference")
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype: torch.dtype):
    feat, label = rows(20, dtype=dtype)
    loss, grad = value_and_gradient(feat, label, SAME_CLASS)
    assert loss.equal(value_and_gradient(feat.float(), label, SAME_CLASS)[0])
    assert grad.dtype == dtype


def test_autocast_changes_nothing():
    feat, label = rows(20, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = value_and_gradient(feat, label, SAME_CLASS)
    assert all(map(torch.equal, inside, value_and_gradient(feat, label, SAME_CLASS)))


def test_takes_strided_input():
    feat, label = rows(7)
    strided = feat.mT.contiguous().mT, label.mT.contiguous().mT
    assert contrast_loss(*strided, SAME_CLASS).equal(contrast_loss(feat, label, SAME_CLASS))


@pytest.mark.parametrize(("size", "requires_grad"), [(0, True), (7, True), (7, False)])
def test_follows_the_rules_for_operators(size: int, requires_grad: bool):
    feat, label = rows(size)
    arguments = (feat.requires_grad_(requires_grad), label, label, label, 2, 1, 2, 0, 0.3, 0.4)
    torch.library.opcheck(torch.ops.ariigcn.contrast_loss, (*arguments, False))


class Operators(TorchDispatchMode):
    """Records the operators that are called, without views."""

    VIEWS = ("aten.view", "aten._unsafe_view", "aten.expand", "aten.unsqueeze", "aten.detach")

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if str(func.overloadpacket) not in self.VIEWS:
            self.called.append(str(func.overloadpacket))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("loss", [ICCLLoss(), IMCLLoss(form="supcon")], ids=["ICCL", "IMCL"])
def test_a_loss_and_its_gradient_are_two_operators(loss, device: str):
    feat = torch.zeros(3, 8, 4, device=device, requires_grad=True)
    label = torch.zeros(3, 8, dtype=torch.int64, device=device)
    with Operators() as operators:
        loss(feat, label).backward()
    ours = [name for name in operators.called if name.startswith("ariigcn.")]
    assert ours == ["ariigcn.contrast_loss", "ariigcn.contrast_loss_backward"]
    # the gradient of the loss itself, and of IMCL the number of each row's modality
    assert len(operators.called) <= len(ours) + 3


BAD = {
    "feat without groups": ("feat", lambda x, c: (x[0], c), {}),
    "integer feat": ("feat", lambda x, c: (x.long(), c), {}),
    "a label too few": ("label", lambda x, c: (x, c[:, 1:]), {}),
    "float labels": ("label", lambda x, c: (x, c.float()), {}),
    "an unknown form": ("form", lambda x, c: (x, c), {"form": "none"}),
    "an unknown mode": ("margin_mode", lambda x, c: (x, c), {"margin_mode": "none"}),
    "no temperature": ("temperature", lambda x, c: (x, c), {"temperature": 0.0}),
    "a modality too few": ("modality", lambda x, c: (x, c), {"modality": torch.zeros(2, 6).long()}),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_by_name(case: str):
    name, damage, options = BAD[case]
    with pytest.raises(ValueError, match=f"^{name} must"):
        contrast_loss(*damage(*rows(7)), SAME_CLASS, **options)
