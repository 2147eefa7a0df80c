"""The recurrence of DialogueRNN, against the equations taken one utterance at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn import PartyRNN
from ariigcn_dgl.nn._layout import backwards, padded

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


@each_listener
def test_has_its_analytic_gradient_with_dropout(feat: Tensor, listener: bool):
    rnn = make(listener, dropout=0.4)

    def run(feat: Tensor, *parameters: Tensor) -> Tensor:
        torch.manual_seed(5)  # the same entries are dropped each time
        given = dict(zip(dict(rnn.named_parameters()), parameters, strict=True))
        return torch.func.functional_call(rnn, given, (feat, SPEAKERS, LENGTHS))

    inputs = [feat, *(p.detach() for p in rnn.parameters())]
    assert torch.autograd.gradcheck(run, [x.requires_grad_() for x in inputs], fast_mode=True)


@each_listener
def test_dialogues_of_one_utterance_have_no_past(feat: Tensor, listener: bool):
    rnn, lengths = make(listener), torch.ones(12, dtype=torch.int64)
    emotions = rnn(feat, torch.zeros(12, dtype=torch.int64), lengths)
    for u, found in zip(feat, emotions, strict=True):
        torch.testing.assert_close(found, by_the_equations(rnn, u.unsqueeze(0), [0])[0])


@each_listener
def test_the_order_of_dialogues_changes_nothing(feat: Tensor, listener: bool):
    rnn, turned = make(listener), [2, 0, 3, 1]
    rows = torch.cat([ROWS[i] for i in turned])
    emotions = rnn(feat[rows], SPEAKERS[rows], LENGTHS[turned])
    torch.testing.assert_close(emotions, rnn(feat, SPEAKERS, LENGTHS)[rows], rtol=0, atol=1e-15)


@torch.no_grad()
def test_dropout_drops_its_share_of_new_states():
    torch.manual_seed(0)
    rnn = PartyRNN(4, 5, 6, 100, dropout=0.25)
    emotions = rnn(torch.ones(1000, 4), torch.zeros(1000, dtype=torch.int64), torch.tensor([1000]))
    share = (emotions == 0).double().mean().item()
    assert abs(share - 0.25) < 4 * (0.25 * 0.75 / emotions.numel()) ** 0.5


@each_listener
def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(feat: Tensor, listener: bool):
    rnn, threads = make(listener, dropout=0.3).float(), torch.get_num_threads()

    def run(count: int) -> tuple[Tensor, ...]:
        torch.manual_seed(1)
        torch.set_num_threads(count)
        loss = rnn(feat.float(), SPEAKERS, LENGTHS).square().sum()
        return torch.autograd.grad(loss, list(rnn.parameters()))

    try:
        one, again, two = run(1), run(1), run(2)
    finally:
        torch.set_num_threads(threads)
    assert all(a.equal(b) and a.equal(c) for a, b, c in zip(one, again, two, strict=True))


@each_listener
def test_plain_torch_computes_the_same(
    feat: Tensor, listener: bool, monkeypatch: pytest.MonkeyPatch
):
    """As it does on CUDA."""
    rnn, found = make(listener), []
    for native in (True, False):
        for name in ("_gru_steps", "_step_products"):
            monkeypatch.setattr(f"ariigcn_dgl.nn.{name}.has_kernels", lambda _, own=native: own)
        emotions = rnn(feat, SPEAKERS, LENGTHS)
        grads = torch.autograd.grad(emotions.square().sum(), list(rnn.parameters()))
        found.append([emotions, *grads])
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_refuses_a_second_derivative(feat: Tensor):
    rnn = make(False)
    loss = rnn(feat, SPEAKERS, LENGTHS).square().sum()
    (grad,) = torch.autograd.grad(loss, [rnn.party_cell.weight_hh], create_graph=True)
    with pytest.raises(RuntimeError, match="have no second derivatives"):
        grad.sum().backward()


def test_stays_in_single_precision_under_autocast(feat: Tensor):
    rnn = make(True).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = rnn(feat.float(), SPEAKERS, LENGTHS)
    assert found.equal(rnn(feat.float(), SPEAKERS, LENGTHS))


def test_backwards_turns_every_dialogue_round():
    rows = backwards(torch.tensor([3, 0, 1, 2]))
    assert rows.tolist() == [2, 1, 0, 3, 5, 4]


def test_a_table_pads_dialogues_and_gives_gradients_back():
    feat = torch.arange(1.0, 5.0, requires_grad=True)
    table, exists = padded(feat, torch.tensor([1, 0, 3]))
    assert table.tolist() == [[1, 0, 0], [0, 0, 0], [2, 3, 4]]
    assert table[exists].equal(feat)
    (grad,) = torch.autograd.grad(table, feat, 10 * torch.ones(3, 3) + table.detach())
    assert grad.tolist() == [11, 12, 13, 14]
