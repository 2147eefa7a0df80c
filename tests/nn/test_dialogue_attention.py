"""Attention over a dialogue."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn import DialogueAttention

LENGTHS = torch.tensor([3, 1, 5, 2])
ROWS = torch.arange(11).split(LENGTHS.tolist())


@pytest.fixture
def feat() -> Tensor:
    return torch.randn(11, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def attention() -> DialogueAttention:
    torch.manual_seed(0)
    return DialogueAttention(4).double()


def test_two_utterances_attend_to_each_other():
    attention = DialogueAttention(1)
    with torch.no_grad():
        attention.query.weight.fill_(2.0)
        attention.query.bias.fill_(1.0)
    out = attention(torch.tensor([[1.0], [3.0]]), torch.tensor([2]))
    first = torch.tensor([3.0, 9.0]).softmax(0) @ torch.tensor([1.0, 3.0])  # (2 * 1 + 1) e_k
    second = torch.tensor([7.0, 21.0]).softmax(0) @ torch.tensor([1.0, 3.0])
    torch.testing.assert_close(out, torch.stack([first, second]).unsqueeze(1))


@torch.no_grad()
def test_equals_the_loop_over_utterances(attention: DialogueAttention, feat: Tensor):
    out = attention(feat, LENGTHS)
    for rows in ROWS:
        for t in rows:
            scores = [attention.query(feat[t]) @ feat[k] for k in rows]
            expected = torch.stack(scores).softmax(0) @ feat[rows]
            torch.testing.assert_close(out[t], expected, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_past_only_equals_the_loop_over_the_past(attention: DialogueAttention, feat: Tensor):
    attention.past_only = True
    out = attention(feat, LENGTHS)
    for rows in ROWS:
        for t in rows:
            past = feat[rows[0] : t + 1]
            expected = (past @ attention.query(feat[t])).softmax(0) @ past
            torch.testing.assert_close(out[t], expected, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_dialogues_do_not_influence_each_other(attention: DialogueAttention, feat: Tensor):
    changed = feat.clone()
    changed[ROWS[2]] += 10
    same = torch.cat([ROWS[0], ROWS[1], ROWS[3]])
    assert attention(changed, LENGTHS)[same].equal(attention(feat, LENGTHS)[same])


def test_a_dialogue_of_one_utterance_stays_as_it_is(attention: DialogueAttention, feat: Tensor):
    assert attention(feat, LENGTHS)[3].equal(feat[3])


@torch.no_grad()
def test_dialogues_without_utterances_change_nothing(attention: DialogueAttention, feat: Tensor):
    lengths = torch.tensor([0, 3, 1, 0, 5, 2])
    assert attention(feat, lengths).equal(attention(feat, LENGTHS))


def test_derivatives(attention: DialogueAttention, feat: Tensor):
    feat.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: attention(x, LENGTHS), [feat], fast_mode=True)
