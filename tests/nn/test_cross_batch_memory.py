"""Contrast of a batch with the rows of earlier ones, which are kept in a ring."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.nn import (
    CrossBatchMemory,
    ICCLLoss,
    IMCLLoss,
    InstanceContrast,
    PairwiseContrast,
)
from ariigcn_dgl.nn.contrast import INSTANCE_RULE, Contrast

WIDTH, ROWS = 5, 6
LABEL = torch.tensor([0, 0, 1, 1, 2, -1])


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make(loss: Contrast | None = None, memory_size: int = 20, **options) -> CrossBatchMemory:
    return CrossBatchMemory(loss or ICCLLoss("supcon"), WIDTH, memory_size, **options)


ALONE = {
    "rows": (ICCLLoss("supcon"), (draw(ROWS, WIDTH), LABEL)),
    "modalities": (ICCLLoss("infonce"), (draw(2, ROWS, WIDTH), LABEL.repeat(2, 1))),
    "across modalities": (IMCLLoss(), (draw(2, ROWS, WIDTH), LABEL.repeat(2, 1))),
    "softmax": (ICCLLoss("ratio", similarity="softmax"), (draw(ROWS, WIDTH), LABEL)),
    "utterances": (
        PairwiseContrast(INSTANCE_RULE, "infonce", margin_mode="off"),
        (draw(ROWS, WIDTH), LABEL.clamp(max=0), LABEL.ne(0).long(), torch.tensor([0, 1] * 3)),
    ),
}


@pytest.mark.parametrize("case", ALONE)
def test_a_first_batch_is_compared_with_itself(case: str):
    loss, arguments = ALONE[case]
    memory = make(loss, num_groups=2 if case == "modalities" else 1)
    torch.testing.assert_close(memory(*arguments), loss(*arguments))


def test_earlier_rows_are_positives_and_negatives_of_a_batch():
    loss = make(ICCLLoss("infonce", temperature=1.0, regularise=False))
    axes = torch.eye(WIDTH)
    loss(axes[:2], torch.tensor([0, 1]))
    value = loss(2 * axes[:1], torch.tensor([0]))  # one row is itself left out, and one is kept
    assert value.item() == pytest.approx(F.softplus(torch.tensor(-1.0)).item())


def test_the_last_rows_are_kept_in_a_ring():
    loss = make(memory_size=5)
    for k in range(3):
        loss(draw(3, WIDTH), torch.arange(3) + 3 * k)
    assert loss.label.tolist() == [[5, 6, 7, 8, 4]]
    torch.testing.assert_close(loss.feat[0, 1:4], F.normalize(draw(3, WIDTH), dim=-1))
    loss.reset_queue()
    assert loss(draw(1, WIDTH), LABEL[:1]) == 0


def test_rows_of_earlier_batches_have_no_gradient():
    loss, first = make(), draw(ROWS, WIDTH).requires_grad_()
    loss(first, LABEL)
    second = draw(ROWS, WIDTH, seed=1).requires_grad_()
    grads = torch.autograd.grad(loss(second, LABEL), [first, second], allow_unused=True)
    assert grads[0] is None
    assert grads[1][:5].abs().sum() > 0


def test_copies_and_states_go_on_alike():
    loss = make(memory_size=10)
    loss(draw(ROWS, WIDTH), LABEL)
    loaded = make(memory_size=10)
    loaded.load_state_dict(loss.state_dict())
    for twin in (copy.deepcopy(loss), loaded):
        values = [x(draw(ROWS, WIDTH, seed=1), LABEL) for x in (twin, copy.deepcopy(loss))]
        assert values[0].equal(values[1])
        assert twin.place.item() == 2


def test_several_batches_may_come_before_backward():
    loss, feat = make(), draw(ROWS, WIDTH).requires_grad_()
    (loss(feat, LABEL) + loss(2 * feat, LABEL)).backward()


def test_evaluation_keeps_nothing():
    loss = make().eval()
    assert loss(draw(ROWS, WIDTH), LABEL) > 0
    assert (loss.label == -1).all()


def test_batches_seen_in_inference_mode_or_torch_func_are_plain_rows():
    loss, feat = make(), draw(ROWS, WIDTH)
    with torch.inference_mode():
        loss(feat, LABEL)
    torch.func.grad(lambda x: loss(x, LABEL))(feat)
    copy.deepcopy(loss)(feat.requires_grad_(), LABEL).backward()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: make(memory_size=2)(draw(3, WIDTH), LABEL[:3]), "at most memory_size=2 rows"),
        (lambda: make()(draw(3, 4), LABEL[:3]), r"feat must have shape \(1, 3, 5\), got \(1, 3, 4"),
        (lambda: make()(draw(2, 3, WIDTH), LABEL.view(2, 3)), r"shape \(1, 3, 5\), got \(2, 3, 5"),
        (lambda: make(memory_size=0), "memory_size must be at least 1, got 0"),
        (lambda: make(InstanceContrast()), "loss must be an ICCLLoss, .* got InstanceContrast"),
        (
            lambda: make().to("meta")(draw(3, WIDTH), LABEL[:3]),
            r"feat must be on the device of the memory \(meta\), got cpu",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, words: str):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.slow
def test_compiles_into_one_program():
    torch._dynamo.reset()
    loss = make()
    compiled = torch.compile(copy.deepcopy(loss), fullgraph=True, backend="aot_eager")
    for k in range(2):
        feat = draw(ROWS, WIDTH, seed=k)
        torch.testing.assert_close(compiled(feat, LABEL), loss(feat, LABEL))


def test_autocast_changes_nothing():
    feat, loss = draw(ROWS, WIDTH), make()
    expected = copy.deepcopy(loss)(feat, LABEL)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(feat, LABEL).equal(expected)
