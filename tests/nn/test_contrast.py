"""The contrastive losses against loops over the pairs that each reading names."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.nn import ICCLLoss, IMCLLoss, InstanceContrast, PairwiseContrast
from ariigcn_dgl.nn.contrast import ICCL_RULE
from ariigcn_dgl.ops import PairRule

FORMS = ("ratio", "infonce", "supcon")
MARGIN_MODES = ("target", "hinge", "triplet", "off")
TAU, MARGIN = 0.5, 0.3

# Positives and negatives, by whether two different rows share class and modality, as the paper has
# them; written out once more, independently of the package.
READINGS: dict[str, tuple[Callable[[bool, bool], bool], Callable[[bool, bool], bool]]] = {
    "abstract": (lambda c, m: c and not m, lambda c, m: not c and m),
    "section4c": (lambda c, m: c and m, lambda c, m: not c and not m),
    "closing": (lambda c, m: c and m, lambda c, m: c and not m),
    "hycon": (lambda c, m: c and not m, lambda c, m: not c and not m),
    "all": (lambda c, m: c, lambda c, m: not c),
    "iccl": (lambda c, m: c and m, lambda c, m: not c and m),
}


def form_term(form: str, positive: list[float], negative: list[float]) -> float:
    if form == "ratio":
        p, n = (sum((1 + s) / 2 for s in side) for side in (positive, negative))
        return -math.log(p / (p + n))
    if form == "ratio of sums":
        return -math.log(sum(positive) / (sum(positive) + sum(negative)))
    if form == "infonce":
        p, n = (sum(math.exp(s / TAU) for s in side) for side in (positive, negative))
        return -math.log(p / (p + n))
    everyone = sum(math.exp(s / TAU) for s in positive + negative)
    return -sum(math.log(math.exp(s / TAU) / everyone) for s in positive) / len(positive)


def margin_term(mode: str, positive: list[float], negative: list[float], margin: float) -> float:
    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    if mode == "off":
        return 0.0
    if mode == "triplet":
        return max(mean(negative) - mean(positive) + margin, 0)
    wanted = abs if mode == "target" else lambda gap: max(gap, 0)
    return mean([max(s, 0) for s in negative]) + mean([wanted(margin - s) for s in positive])


def loop(
    feat: Tensor,
    label: Tensor,
    reading: str,
    form: str,
    mode: str,
    margin: float,
    similarity: str = "cosine",
) -> float:
    """Return the mean over anchors, one pair of rows at a time."""
    as_compared = F.normalize if similarity == "cosine" else F.softmax
    if similarity == "softmax" and form == "ratio":
        form = "ratio of sums"
    rows = [
        (as_compared(feat[m, n], dim=0), int(label[m, n]), m)
        for m in range(label.size(0))
        for n in range(label.size(1))
        if label[m, n] >= 0
    ]
    is_positive, is_negative = READINGS[reading]
    terms = []
    for i, (z, own, modality) in enumerate(rows):
        pairs = [
            ((z @ other).item(), own == theirs, modality == m)
            for j, (other, theirs, m) in enumerate(rows)
            if j != i
        ]
        positive = [s for s, c, m in pairs if is_positive(c, m)]
        negative = [s for s, c, m in pairs if is_negative(c, m)]
        if positive and negative:
            regulariser = margin_term(mode, positive, negative, margin)
            terms.append(form_term(form, positive, negative) + regulariser)
    return sum(terms) / len(terms)


@pytest.fixture
def feat() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 8, 5, generator=generator, dtype=torch.float64)


@pytest.fixture
def label() -> Tensor:
    """Three modalities of eight utterances; two unlabelled, some modalities missing."""
    label = torch.tensor([0, 1, 2, 0, -1, 1, 0, -1]).repeat(3, 1)
    label[1, 0] = label[2, 5] = -1
    return label


@pytest.mark.parametrize("mode", MARGIN_MODES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("reading", sorted(set(READINGS) - {"iccl"}))
def test_imcl_equals_the_loop(feat: Tensor, label: Tensor, reading: str, form: str, mode: str):
    ours = IMCLLoss(reading, form, TAU, MARGIN, mode)(feat, label).item()
    assert ours == pytest.approx(loop(feat, label, reading, form, mode, MARGIN), rel=1e-9)


@pytest.mark.parametrize("regularise", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_iccl_equals_the_loop(feat: Tensor, label: Tensor, form: str, regularise: bool):
    mode = "target" if regularise else "off"
    ours = ICCLLoss(form, TAU, regularise)(feat, label).item()
    assert ours == pytest.approx(loop(feat, label, "iccl", form, mode, 1.0), rel=1e-9)


@pytest.mark.parametrize("mode", MARGIN_MODES)
@pytest.mark.parametrize("form", FORMS)
def test_rows_may_be_compared_as_softmax(feat: Tensor, label: Tensor, form: str, mode: str):
    ours = IMCLLoss("hycon", form, TAU, MARGIN, mode, "softmax")(feat, label).item()
    assert ours == pytest.approx(
        loop(feat, label, "hycon", form, mode, MARGIN, "softmax"), rel=1e-9
    )
    within = ICCLLoss(form, TAU, mode != "off", "softmax")(feat, label).item()
    mode = "off" if mode == "off" else "target"
    assert within == pytest.approx(loop(feat, label, "iccl", form, mode, 1.0, "softmax"), rel=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_softmax_has_derivatives(feat: Tensor, label: Tensor, form: str):
    loss = IMCLLoss("abstract", form, TAU, MARGIN, "target", "softmax")
    feat.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, label), [feat], fast_mode=True)


@pytest.mark.parametrize("filling", [torch.nan, torch.inf])
def test_softmax_leaves_rows_out_that_hold_anything(feat: Tensor, label: Tensor, filling: float):
    loss = ICCLLoss("ratio", TAU, True, "softmax")
    odd = torch.where((label < 0).unsqueeze(-1), filling, feat).requires_grad_()
    value = loss(odd, label)
    assert value.item() == loss(feat, label).item()
    value.backward()
    assert odd.grad[label < 0].abs().sum() == 0


def test_an_unknown_similarity_is_refused():
    with pytest.raises(ValueError, match="similarity must be one of cosine, softmax, got 'dot'"):
        ICCLLoss(similarity="dot")


def test_instances_equal_the_loop(feat: Tensor):
    present = torch.ones(3, 8, dtype=torch.bool)
    present[1, 2] = present[0, 5] = False
    z, terms = F.normalize(feat, dim=-1), []
    places = [(m, n) for m in range(3) for n in range(8) if present[m, n]]
    for m, n in places:
        others = [(a, b) for a, b in places if a != m]
        p, q = (
            sum(math.exp((z[m, n] @ z[a, b]).item() / TAU) for a, b in others if (b == n) is same)
            for same in (True, False)
        )
        if any(b == n for _, b in others):
            terms.append(-math.log(p / (p + q)))
    ours = InstanceContrast(TAU)(feat, present).item()
    assert ours == pytest.approx(sum(terms) / len(terms), rel=1e-9)


def test_one_modality_has_no_instances_to_compare(feat: Tensor):
    assert InstanceContrast()(feat[:1], torch.ones(1, 8).bool()).item() == 0


def test_ratio_by_hand():
    feat = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    loss = ICCLLoss("ratio", regularise=False)(feat, torch.tensor([[0, 0, 1]]))
    assert loss.item() == pytest.approx(
        math.log(1.5)
    )  # S+ = 1, S- = 1/2; the third has no positive


def test_lengths_of_the_rows_do_not_matter(feat: Tensor, label: Tensor):
    loss = ICCLLoss()
    torch.testing.assert_close(loss(7 * feat, label), loss(feat, label))


@pytest.mark.parametrize("angle", [0.0, 1.0, 2.0, 3.0])
def test_ratio_ignores_the_positives_when_all_negatives_are_opposite(angle: float):
    """Class 1 lies opposite to the anchor; the degeneracy that the regulariser repairs."""
    anchor, own = [1.0, 0.0], [math.cos(angle), math.sin(angle)]
    feat = torch.tensor([[anchor, own, [-1.0, 0.0]]], dtype=torch.float64)
    label = torch.tensor([[0, 0, 1]])
    loss = PairwiseContrast(ICCL_RULE, "ratio", margin_mode="off")
    with_margin = PairwiseContrast(ICCL_RULE, "ratio", margin_mode="target")
    # both anchors of class 0 count; only the first one's negative is opposite to it
    second = math.log1p((1 - math.cos(angle)) / (1 + math.cos(angle)))
    assert loss(feat, label, label * 0).item() == pytest.approx(second / 2, abs=1e-9)
    assert (with_margin(feat, label, label * 0).item() > second / 2 + 1e-3) == (angle > 0)


def test_ratio_is_zero_with_every_negative_opposite_but_the_regularised_is_not():
    feat = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]]])
    label = torch.tensor([[0, 0, 1, 1]])
    assert ICCLLoss(regularise=False)(feat, label).item() == 0.0
    margin = PairwiseContrast(ICCL_RULE, "ratio", margin=0.25, margin_mode="target")
    assert margin(feat, label, label * 0).item() == pytest.approx(0.75)


def test_opposite_positives_stay_finite():
    feat = torch.tensor([[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]], requires_grad=True)
    loss = ICCLLoss()(feat, torch.tensor([[0, 0, 1]]))
    loss.backward()
    assert loss.isfinite()
    assert feat.grad.isfinite().all()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "labels",
    [[[-1, -1, -1]] * 2, [[0, 0, 0]] * 2, [[0, 1, 2]] * 2, [[], []]],
    ids=["none labelled", "one class", "no class twice", "no rows"],
)
@pytest.mark.parametrize("kind", [ICCLLoss, IMCLLoss])
def test_without_complete_anchors_the_loss_is_zero_and_so_is_its_gradient(kind, labels, form):
    label = torch.tensor(labels, dtype=torch.int64)
    if kind is IMCLLoss and labels[0] == [0, 1, 2]:
        label[1] = -1  # else the other modality has a positive
    feat = torch.randn(*label.shape, 4, requires_grad=True)
    loss = kind(form=form)(feat, label)
    loss.backward()
    assert loss.item() == 0.0
    assert feat.grad.abs().sum() == 0.0


@pytest.mark.parametrize("form", FORMS)
def test_rows_left_out_get_no_gradient_and_have_no_influence(feat, label, form):
    loss = IMCLLoss(form=form)
    feat.requires_grad_()
    value = loss(feat, label)
    value.backward()
    assert feat.grad[label < 0].abs().sum() == 0
    changed = torch.where((label < 0).unsqueeze(-1), torch.full_like(feat, 9.0), feat)
    assert loss(changed, label).equal(value)


@pytest.mark.parametrize("filling", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("kind", [ICCLLoss, IMCLLoss])
def test_rows_left_out_may_hold_anything(feat, label, kind, filling):
    out = (label < 0).unsqueeze(-1)
    clean, dirty = (feat.masked_fill(out, value).requires_grad_() for value in (1.0, filling))
    losses = [kind(form="supcon")(rows, label) for rows in (clean, dirty)]
    assert losses[0].equal(losses[1])
    torch.stack(losses).sum().backward()
    assert dirty.grad.equal(clean.grad)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_zero_row_has_no_direction_and_gradient_zero(feat, label, form, dtype):
    rows = feat.to(dtype)
    chosen = (label >= 0).nonzero()[0]
    rows[tuple(chosen)] = 0
    rows.requires_grad_()
    ICCLLoss(form=form)(rows, label).backward()
    assert rows.grad.isfinite().all()
    assert rows.grad[tuple(chosen)].eq(0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_zero_rows_of_missing_modalities_harm_no_gradient(feat, label, dtype):
    feat = (feat * (label >= 0).unsqueeze(-1)).to(dtype).requires_grad_()
    (ICCLLoss()(feat, label) + IMCLLoss()(feat, label)).backward()
    assert feat.grad.isfinite().all()
    assert feat.grad[label < 0].abs().sum() == 0


@pytest.mark.parametrize("mode", MARGIN_MODES)
@pytest.mark.parametrize("form", FORMS)
def test_derivatives(feat: Tensor, label: Tensor, form: str, mode: str):
    loss = IMCLLoss("hycon", form, TAU, MARGIN, mode)
    small = feat[:, :6, :3].contiguous().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, label[:, :6]), [small], fast_mode=True)


def test_a_step_down_the_loss_pulls_classes_apart():
    generator = torch.Generator().manual_seed(0)
    feat = torch.randn(1, 12, 4, generator=generator).requires_grad_()
    label = torch.arange(12).remainder(2).unsqueeze(0)
    loss, optimiser = ICCLLoss("supcon"), torch.optim.SGD([feat], lr=1.0)
    for _ in range(50):
        optimiser.zero_grad()
        loss(feat, label).backward()
        optimiser.step()
    z = F.normalize(feat[0].detach(), dim=-1)
    same = label == label.T
    assert (z @ z.T)[same].min() > (z @ z.T)[~same].max()


def test_rows_of_one_utterance_in_two_modalities_are_pairs_as_clip_has_them():
    rule = PairRule.where(lambda c, m, u: u and not m, lambda c, m, u: not u and not m)
    feat = torch.randn(1, 8, 5, generator=torch.Generator().manual_seed(0))
    pair, kind = torch.arange(4).repeat(1, 2), torch.tensor([[0] * 4 + [1] * 4])
    loss = PairwiseContrast(rule, "infonce", TAU, margin_mode="off")
    images, captions = F.normalize(feat[0], dim=-1).split(4)
    logits = images @ captions.T / TAU
    target = torch.arange(4)
    expected = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    torch.testing.assert_close(loss(feat, torch.zeros_like(pair), kind, pair), expected)


def test_rows_of_one_group_need_no_axis_of_groups(feat: Tensor, label: Tensor):
    torch.testing.assert_close(ICCLLoss()(feat[0], label[0]), ICCLLoss()(feat[:1], label[:1]))
    loss, kind = PairwiseContrast(ICCL_RULE), label[0] % 2
    grouped = loss(feat[:1], label[:1], kind[None], label[:1])
    torch.testing.assert_close(loss(feat[0], label[0], kind, label[0]), grouped)
