"""The calls that docs/layers.md names replace losses of pytorch-metric-learning."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl import ops
from ariigcn_dgl.nn import ICCLLoss
from ariigcn_dgl.optional import import_quietly, is_installed

pytestmark = [
    pytest.mark.skipif(
        not is_installed("pytorch_metric_learning"), reason="needs pytorch-metric-learning"
    ),
    pytest.mark.slow,  # it takes seconds to be imported
]
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
ROWS, WIDTH = 24, 16
SAME_CLASS = ops.PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)


@pytest.fixture(scope="module")
def losses():
    return import_quietly("pytorch_metric_learning.losses")


@pytest.fixture(params=[torch.float32, torch.float64], ids=str)
def rows(request) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    feat = torch.randn(ROWS, WIDTH, generator=generator, dtype=request.param)
    return feat.requires_grad_()


LABELS = {
    "few classes": torch.arange(ROWS) % 4,
    "some alone": torch.tensor([0, 0, 0, 1, 1, 2, *range(3, ROWS - 3)]),
    "pairs": torch.arange(ROWS) // 2,
    "one class": torch.zeros(ROWS, dtype=torch.int64),
    "no class twice": torch.arange(ROWS),
}


def assert_same(found: Tensor, expected: Tensor, rows: Tensor) -> None:
    torch.testing.assert_close(found, expected, **CLOSE)
    results = [torch.autograd.grad(x, rows)[0] for x in (found, expected)]
    torch.testing.assert_close(*results, **CLOSE)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
def test_supcon_is_supcon_loss(losses, rows: Tensor, label: Tensor, temperature: float):
    ours = ICCLLoss(form="supcon", temperature=temperature, regularise=False)
    theirs = losses.SupConLoss(temperature=temperature)
    assert_same(ours(rows, label), theirs(rows, label), rows)


@pytest.mark.parametrize("form", ["supcon", "infonce"])
def test_two_views_of_each_are_ntxent_loss(losses, rows: Tensor, form: str):
    label = LABELS["pairs"]
    ours = ICCLLoss(form=form, temperature=0.07, regularise=False)
    assert_same(ours(rows, label), losses.NTXentLoss(temperature=0.07)(rows, label), rows)


@pytest.mark.parametrize("form", ["supcon", "infonce"])
def test_no_form_is_ntxent_loss_of_several_positives(losses, rows: Tensor, form: str):
    label = LABELS["few classes"]
    ours = ICCLLoss(form=form, temperature=0.07, regularise=False)(rows, label)
    assert (ours - losses.NTXentLoss(temperature=0.07)(rows, label)).abs() > 0.1


@pytest.mark.parametrize("label", [LABELS["few classes"], LABELS["some alone"]])
def test_multi_similarity_loss_is_a_formula_over_statistics(losses, rows: Tensor, label: Tensor):
    alpha, beta, base = 2.0, 50.0, 0.5
    z = F.normalize(rows, dim=-1)
    # Of the negated rows similarities have the other sign, which the positives' exponentials want.
    both, twice = torch.stack([z, -z]).flatten(0, 1)[None], label.repeat(2)[None]
    side, utterance = torch.arange(2 * ROWS)[None] // ROWS, torch.arange(ROWS).repeat(2)[None]
    opposite = ops.PairRule.where(lambda c, m, u: c and not m and not u, lambda c, m, u: False)
    ids = torch.zeros_like(label[None])
    pos = ops.pairwise_contrast(both, twice, side, utterance, opposite, temperature=1 / alpha)
    neg = ops.pairwise_contrast(z[None], label[None], ids, ids, SAME_CLASS, temperature=1 / beta)
    pulled = (
        F.softplus(pos.lse_pos[0, :ROWS] + alpha * base) / alpha * (pos.count_pos[0, :ROWS] > 0)
    )
    pushed = F.softplus(neg.lse_neg[0] - beta * base) / beta * (neg.count_neg[0] > 0)
    expected = losses.MultiSimilarityLoss(alpha=alpha, beta=beta, base=base)(rows, label)
    assert_same((pulled + pushed).mean(), expected, rows)


def supcon_with_memory(feat: Tensor, label: Tensor, memory: Tensor, seen: Tensor) -> Tensor:
    """Return SupCon's loss of rows whose others are a memory that ends with them."""
    count, tau = len(feat), 0.1
    z = F.normalize(torch.cat([feat, memory]), dim=-1)[None]
    side = (torch.arange(z.size(1)) >= count).long()[None]
    own = torch.arange(len(memory))
    place = torch.cat([own[-count:], own])[None]  # where each row lies in the memory
    rule = ops.PairRule.where(
        lambda c, m, u: c and not m and not u, lambda c, m, u: not c and not m
    )
    ids = torch.cat([label, seen])[None]
    stats = ops.pairwise_contrast(z, ids, side, place, rule, temperature=tau)
    counts, negatives, sums, _, pos, neg, *_ = (x[0, :count] for x in stats)
    terms = torch.logaddexp(pos, neg) - sums / counts.clamp(min=1) / tau
    return terms[(counts > 0) & (negatives > 0)].mean()


def test_the_first_rows_statistics_are_cross_batch_memory(losses, rows: Tensor):
    generator = torch.Generator().manual_seed(1)
    theirs = losses.CrossBatchMemory(losses.SupConLoss(), embedding_size=WIDTH, memory_size=100)
    memory, seen = rows.new_zeros(0, WIDTH), torch.zeros(0, dtype=torch.int64)
    for _ in range(2):
        label = torch.randint(4, (ROWS,), generator=generator)
        memory, seen = torch.cat([memory, rows.detach()]), torch.cat([seen, label])
        expected = theirs(rows, label)
        assert_same(supcon_with_memory(rows, label, memory, seen), expected, rows)
