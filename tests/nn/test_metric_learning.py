"""The calls that docs/layers.md names replace losses of pytorch-metric-learning."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn import CrossBatchMemory, ICCLLoss
from ariigcn_dgl.optional import import_quietly, is_installed

pytestmark = [
    pytest.mark.skipif(
        not is_installed("pytorch_metric_learning"), reason="needs pytorch-metric-learning"
    ),
    pytest.mark.slow,  # it takes seconds to be imported
]
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
ROWS, WIDTH = 24, 16
PAGE = Path(__file__).parents[2] / "docs" / "layers.md"


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


def shown(name: str) -> Callable[..., Tensor]:
    """Return a function that a snippet of the documentation defines."""
    fences = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    (snippet,) = (text for text in fences if f"def {name}(" in text)
    names: dict[str, Any] = {}
    for example in doctest.DocTestParser().get_examples(snippet):
        exec(example.source, names)
    return names[name]


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
    expected = losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5)(rows, label)
    assert_same(shown("multi_similarity")(rows, label), expected, rows)


BATCHES = {  # of labels: few classes, which come again, and two views of rows that do not
    "SupConLoss": ("supcon", lambda k: (torch.arange(ROWS) + k) % 4),
    "NTXentLoss": ("infonce", lambda k: LABELS["pairs"] + k * ROWS),
}


@pytest.mark.parametrize("name", BATCHES)
def test_it_is_cross_batch_memory_of_supcon_and_of_views(losses, rows: Tensor, name: str):
    form, label_of = BATCHES[name]
    theirs = losses.CrossBatchMemory(getattr(losses, name)(temperature=0.1), WIDTH, 60)
    loss = ICCLLoss(form=form, temperature=0.1, regularise=False)
    ours = CrossBatchMemory(loss, WIDTH, 60).to(rows.dtype)
    for k in range(5):  # of 24 rows: the third batch goes round the ring of 60
        feat = rows.detach() * torch.linspace(0.5, 1 + k, WIDTH, dtype=rows.dtype)
        feat.requires_grad_()
        assert_same(ours(feat, label_of(k)), theirs(feat, label_of(k)), feat)
