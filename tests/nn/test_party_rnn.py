"""The recurrence of DialogueRNN, against the equations taken one utterance at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn import PartyRNN
from ariigcn_dgl.nn._layout import backwards, padded
from ariigcn_dgl.nn._step_linear import StepLinear

LENGTHS = torch.tensor([3, 1, 6, 2])
ROWS = torch.arange(12).split(LENGTHS.tolist())
SPEAKERS = torch.tensor([0, 1, 0, 0, 0, 1, 2, 1, 0, 2, 0, 0])
each_listener = pytest.mark.parametrize("listener", [False, True])


@pytest.fixture
def feat() -> Tensor:
    return torch.randn(12, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def make(listener: bool, dropout: float = 0.0) -> PartyRNN:
    torch.manual_seed(0)
    return PartyRNN(4, 5, 6, 3, listener, dropout).double()


def by_the_equations(rnn: PartyRNN, feat: Tensor, speakers: list[int]) -> Tensor:
    """One dialogue, with the library's cells."""
    parties = {speaker: feat.new_zeros(6) for speaker in range(3)}
    globals_, emotion, emotions = [feat.new_zeros(5)], feat.new_zeros(3), []
    for u, speaker in zip(feat, speakers, strict=True):
        context = feat.new_zeros(5)
        if len(globals_) > 1:
            history = torch.stack(globals_[1:])
            context = (history @ rnn.attend.weight @ u).softmax(0) @ history
        globals_.append(rnn.global_cell(torch.cat([u, parties[speaker]]), globals_[-1]))
        now = rnn.party_cell(torch.cat([u, context]), parties[speaker])
        for other in parties:
            if rnn.listener_cell is not None and other != speaker:
                parties[other] = rnn.listener_cell(torch.cat([u, now]), parties[other])
        parties[speaker] = now
        emotion = rnn.emotion_cell(now, emotion)
        emotions.append(emotion)
    return torch.stack(emotions)


@each_listener
def test_equals_the_equations_on_each_dialogue(feat: Tensor, listener: bool):
    rnn = make(listener)
    emotions = rnn(feat, SPEAKERS, LENGTHS)
    for rows in ROWS:
        expected = by_the_equations(rnn, feat[rows], SPEAKERS[rows].tolist())
        torch.testing.assert_close(emotions[rows], expected, rtol=1e-12, atol=1e-12)


@each_listener
def test_has_the_gradients_of_the_equations(feat: Tensor, listener: bool):
    rnn, inputs = make(listener), feat.requires_grad_()
    weights = torch.randn(12, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ours = rnn(inputs, SPEAKERS, LENGTHS)
    theirs = [by_the_equations(rnn, inputs[rows], SPEAKERS[rows].tolist()) for rows in ROWS]
    wanted = [inputs, *rnn.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad((ours * weights).sum(), wanted),
        torch.autograd.grad((torch.cat(theirs) * weights).sum(), wanted),
    )


@torch.no_grad()
def test_listeners_change_only_where_they_have_a_cell(feat: Tensor):
    """Speaker 1 listens to utterance 0 before speaking: with a cell, that matters twice over."""
    speakers, lengths = torch.tensor([0, 1]), torch.tensor([2])
    without, with_cell = make(False), make(True)
    with_cell.load_state_dict(without.state_dict(), strict=False)
    a, b = (rnn(feat[:2], speakers, lengths) for rnn in (without, with_cell))
    assert a[0].equal(b[0])
    assert not a[1].equal(b[1])


@torch.no_grad()
def test_dropout_acts_in_training_only(feat: Tensor):
    rnn = make(True, dropout=0.5)
    assert not rnn(feat, SPEAKERS, LENGTHS).equal(rnn(feat, SPEAKERS, LENGTHS))
    rnn.eval()
    assert rnn(feat, SPEAKERS, LENGTHS).equal(make(True)(feat, SPEAKERS, LENGTHS))


def test_backwards_turns_every_dialogue_round():
    rows = backwards(torch.tensor([3, 0, 1, 2]))
    assert rows.tolist() == [2, 1, 0, 3, 5, 4]


def test_step_linear_has_the_values_and_gradients_of_linear():
    generator = torch.Generator().manual_seed(0)
    shapes = {"added": (3, 2, 4), "weight": (4, 5), "first": (2, 5)}
    leaves = [torch.randn(s, generator=generator).double() for s in shapes.values()]

    def run(make: Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]]) -> tuple[Tensor, ...]:
        added, weight, x = (leaf.clone().requires_grad_() for leaf in leaves)
        step, out = make(added, weight), x
        for _ in range(3):
            out = step(out.tanh()) @ torch.ones(4, 5).double()
        return out, *torch.autograd.grad(out.sin().sum(), [added, weight, x])

    def plain(added: Tensor, weight: Tensor) -> Callable[[Tensor], Tensor]:
        steps = iter(added)
        return lambda x: next(steps) + x @ weight.T

    torch.testing.assert_close(run(StepLinear), run(plain))


def test_a_table_pads_dialogues_and_gives_gradients_back():
    feat = torch.arange(1.0, 5.0, requires_grad=True)
    table, exists = padded(feat, torch.tensor([1, 0, 3]))
    assert table.tolist() == [[1, 0, 0], [0, 0, 0], [2, 3, 4]]
    assert table[exists].equal(feat)
    (grad,) = torch.autograd.grad(table, feat, 10 * torch.ones(3, 3) + table.detach())
    assert grad.tolist() == [11, 12, 13, 14]
