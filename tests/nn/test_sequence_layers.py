"""Encoders and the layers that read a dialogue in order."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.graph import Graph, Sequences, Table, speaker_threads
from ariigcn_dgl.nn import (
    DialogueAttention,
    DialogueContext,
    DialogueGRU,
    DialogueLSTM,
    EmotionInferenceSubnetwork,
    ModalityEncoder,
    PartyRNN,
    SpeakerRelative,
    set_impl,
)
from ariigcn_dgl.nn._gru_scan import GRUScan
from ariigcn_dgl.nn._layout import padded, places, run_aligned, run_packed
from ariigcn_dgl.nn._lstm_scan import LSTMScan

LENGTHS = torch.tensor([3, 1, 5, 2])
ROWS = torch.arange(11).split(LENGTHS.tolist())
SPEAKERS = torch.tensor([0, 1, 0, 0, 1, 0, 2, 1, 0, 5, 5])
DIALOGUES, THREADS = Sequences(LENGTHS), Sequences.of_threads(SPEAKERS, LENGTHS)
LAYERS = [DialogueGRU, DialogueLSTM]
TABLE = Table.of(torch.tensor([3, 1, 2]))
# What runs a recurrence of two directions, the shape of its inputs' rows, and its gates.
SCANS = [
    (lambda inputs, *parameters: GRUScan.apply(inputs, TABLE.rows, *parameters), (6, 2), 3),
    (LSTMScan.apply, (3, 2, 3), 4),
]
each_scan = pytest.mark.parametrize(("scan", "rows", "gates"), SCANS, ids=["gru", "lstm"])


def random_inputs(rows: tuple, gates: int, width: int) -> list[Tensor]:
    """Return inputs, weight and bias."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(*rows, gates * width), (2, gates * width, width), (2, gates * width)]
    found = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return [x.requires_grad_() for x in found]


def _torchs(layer: nn.Module) -> nn.RNNBase:
    """Return the layer of torch that holds the parameters."""
    (own,) = layer.children()
    return own


@pytest.fixture
def feat() -> Tensor:
    return torch.randn(11, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def context() -> DialogueContext:
    torch.manual_seed(0)
    return DialogueContext(4, num_modalities=2)


def test_encoder_is_two_linear_maps_around_a_relu():
    encoder = ModalityEncoder({"text": 1}, hidden_dim=2)
    first, last = encoder.mlps["text"][1], encoder.mlps["text"][4]
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        first.bias.copy_(torch.tensor([1.0, 0.0]))
        last.weight.copy_(torch.tensor([[1.0, 0.0], [1.0, 10.0]]))
        last.bias.copy_(torch.tensor([0.0, 5.0]))
    assert encoder({"text": torch.tensor([[2.0], [-3.0]])}).tolist() == [[[3.0, 8.0], [0.0, 35.0]]]


def test_encoder_orders_modalities_by_its_widths():
    encoder = ModalityEncoder({"audio": 3, "text": 4}, hidden_dim=5)
    features = {"text": torch.ones(2, 4), "audio": torch.zeros(2, 3)}
    torch.testing.assert_close(encoder(features)[0], encoder.mlps["audio"](torch.zeros(2, 3)))


def test_encoder_drops_out_inputs_only_in_training():
    encoder = ModalityEncoder({"text": 4}, 5, dropout=0.5, input_dropout=0.5)
    features = {"text": torch.ones(20, 4)}
    assert not encoder(features).equal(encoder(features))
    encoder.eval()
    assert encoder(features).equal(encoder(features))


def test_classifier_has_three_linear_layers():
    layers = EmotionInferenceSubnetwork(12, 6, hidden_dim=7).layers
    shapes = [tuple(x.weight.shape) for x in layers if isinstance(x, nn.Linear)]
    assert shapes == [(7, 12), (7, 7), (6, 7)]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_recurrent_layers_equal_torchs_on_each_dialogue(
    feat: Tensor, layer: type[nn.Module], num_layers: int, bidirectional: bool
):
    ours = layer(4, 6, num_layers, bidirectional=bidirectional)
    states = ours(feat, LENGTHS)
    assert states.shape == (11, 6)
    for rows in ROWS:
        torch.testing.assert_close(states[rows], _torchs(ours)(feat[rows])[0])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_recurrent_layers_have_torchs_gradients(
    feat: Tensor, layer: type[nn.Module], num_layers: int, bidirectional: bool
):
    ours = layer(4, 6, num_layers, bidirectional=bidirectional).double()
    inputs = [feat.double().requires_grad_(), *ours.parameters()]
    found = torch.autograd.grad(ours(inputs[0], LENGTHS).square().sum(), inputs)
    packed = run_packed(_torchs(ours), inputs[0], LENGTHS)
    torchs = torch.autograd.grad(packed.square().sum(), inputs)
    torch.testing.assert_close(found, torchs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("layer", LAYERS)
def test_recurrent_layers_equal_torchs_to_single_precision(feat: Tensor, layer: type[nn.Module]):
    ours = layer(4, 200)
    torch.testing.assert_close(
        ours(feat, LENGTHS), run_packed(_torchs(ours), feat, LENGTHS), rtol=0, atol=1e-6
    )


@each_scan
def test_the_recurrence_has_its_analytic_gradient(scan, rows: tuple, gates: int):
    assert torch.autograd.gradcheck(scan, random_inputs(rows, gates, width=2))


@each_scan
def test_the_recurrence_leaves_its_inputs_as_they_are(scan, rows: tuple, gates: int):
    inputs = random_inputs(rows, gates, width=1)
    before = [x.detach().clone() for x in inputs]
    scan(*inputs).sum().backward()
    assert all(x.equal(y) for x, y in zip(inputs, before, strict=True))


@each_scan
def test_the_recurrence_refuses_a_second_derivative(scan, rows: tuple, gates: int):
    inputs = random_inputs(rows, gates, width=1)
    loss = scan(*inputs).square().sum()
    (grad,) = torch.autograd.grad(loss, inputs[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="have no second derivatives"):
        grad.sum().backward()


def test_a_row_that_no_sequence_reads_has_a_state_and_a_gradient_of_zero():
    inputs, weight, bias = random_inputs((7, 2), 3, width=1)
    states = GRUScan.apply(inputs, TABLE.rows, weight, bias)
    (grad,) = torch.autograd.grad(states.square().sum(), inputs)
    assert not states[6].any()
    assert not grad[6].any()


@pytest.mark.parametrize("name", ["gru_scan", "gru_scan_backward"])
def test_the_operator_of_the_gru_keeps_torchs_rules(name: str):
    inputs, *parameters = (x.detach() for x in random_inputs((6, 2), 3, width=2))
    given = (inputs, TABLE.rows, *parameters)
    if name == "gru_scan_backward":
        out, *kept = torch.ops.ariigcn.gru_scan(*given)
        given = (out, TABLE.rows, *kept, parameters[0])
    torch.library.opcheck(getattr(torch.ops.ariigcn, name).default, given)


@pytest.mark.parametrize(("layer", "scan"), [(DialogueGRU, GRUScan), (DialogueLSTM, LSTMScan)])
def test_one_long_dialogue_among_short_ones_is_not_padded(
    layer: type[nn.Module], scan: type, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(scan, "apply", None)
    lengths = torch.tensor([100, *[1] * 20])
    assert layer(4, 6)(torch.ones(120, 4), lengths).shape == (120, 6)


@pytest.mark.parametrize("layer", LAYERS)
def test_recurrent_layers_follow_autocast(feat: Tensor, layer: type[nn.Module]):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(4, 6)(feat, LENGTHS).isfinite().all()


def test_a_past_only_gru_ignores_later_utterances(feat: Tensor):
    gru = DialogueGRU(4, 6, bidirectional=False)
    changed = feat.clone()
    changed[6:9] += 1
    torch.testing.assert_close(gru(changed, LENGTHS)[4:6], gru(feat, LENGTHS)[4:6])


@pytest.mark.parametrize("layer", LAYERS)
def test_recurrent_layers_take_dialogues_without_utterances(feat: Tensor, layer: type[nn.Module]):
    ours = layer(4, 6)
    lengths = torch.tensor([0, 3, 1, 0, 5, 2])
    assert ours(feat, lengths).equal(ours(feat, LENGTHS))


@pytest.mark.parametrize("layer", LAYERS)
def test_recurrent_layers_give_every_utterance_a_gradient(feat: Tensor, layer: type[nn.Module]):
    feat.requires_grad_()
    layer(4, 6)(feat, LENGTHS).sum().backward()
    assert (feat.grad.abs().sum(1) > 0).all()


@pytest.mark.parametrize("layer", LAYERS)
def test_an_odd_width_cannot_be_split_into_directions(layer: type[nn.Module]):
    with pytest.raises(ValueError, match="must be even, got 5"):
        layer(4, 5)
    assert layer(4, 5, bidirectional=False)(torch.ones(1, 4), torch.tensor([1])).numel() == 5


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sequences", [DIALOGUES, THREADS], ids=["dialogues", "threads"])
def test_aligned_sequences_are_read_as_packed_ones(
    feat: Tensor, layer: type[nn.Module], bidirectional: bool, sequences: Sequences
):
    torch.manual_seed(0)
    rnn = _torchs(layer(4, 6, bidirectional=bidirectional))
    rows = feat.clone().requires_grad_()
    fixed = sequences.table.padded(steps=8, sequences=9, rows=13)
    more = torch.cat([rows, torch.randn(2, 4)])
    found = run_aligned(rnn, more, fixed)[:11]
    packed = run_packed(rnn, sequences.gather(rows), sequences.lengths)
    expected = sequences.scatter(packed)
    torch.testing.assert_close(found, expected)
    grads = [
        torch.autograd.grad(x.square().sum(), [rows, *rnn.parameters()]) for x in (found, expected)
    ]
    torch.testing.assert_close(*grads)


def test_several_layers_cannot_read_aligned_sequences_in_both_directions(feat: Tensor):
    with pytest.raises(ValueError, match="by one layer only"):
        run_aligned(nn.GRU(4, 3, 2, bidirectional=True), feat, DIALOGUES.table)


def test_threads_are_a_speakers_utterances_in_one_dialogue():
    threads = speaker_threads(SPEAKERS, LENGTHS).tolist()
    assert threads == [0, 1, 0, 2, 3, 4, 5, 3, 4, 6, 6]


def test_context_equals_its_two_grus_read_by_hand(context: DialogueContext, feat: Tensor):
    both = torch.stack([feat, feat.flip(0)])
    out = context(both, DIALOGUES, THREADS)
    joint = torch.cat([both[0], both[1]], dim=1)
    states = torch.empty(11, 16)
    for rows in ROWS:
        states[rows, :8] = context.dialogue_gru.gru(joint[rows])[0]
        for speaker in SPEAKERS[rows].unique():
            own = rows[SPEAKERS[rows] == speaker]
            states[own, 8:] = context.speaker_gru.gru(joint[own])[0]
    for m in range(2):
        expected = context.norm[m](both[m] + context.project[m](states))
        torch.testing.assert_close(out[m], expected)


def test_context_does_not_leak_between_dialogues(context: DialogueContext, feat: Tensor):
    both = feat.expand(2, -1, -1)
    changed = both.clone()
    changed[:, 4:9] += 1
    same = (context(changed, DIALOGUES, THREADS) - context(both, DIALOGUES, THREADS)).abs()
    assert same.sum((0, 2)).nonzero().flatten().tolist() == [4, 5, 6, 7, 8]


def test_speaker_gru_does_not_leak_between_threads(context: DialogueContext, feat: Tensor):
    joint = feat.repeat(1, 2)
    changed = joint.clone()
    changed[4] += 1  # dialogue 2, speaker 1: rows 4 and 7
    before, after = (context.speaker_gru(x, THREADS) for x in (joint, changed))
    assert (before - after).abs().sum(1).nonzero().flatten().tolist() == [4, 7]


def test_relative_rows_subtract_the_speakers_mean_in_the_dialogue():
    feat = torch.tensor([[1.0], [10.0], [3.0], [8.0]])
    present = torch.ones(4, dtype=torch.bool)
    out = SpeakerRelative()(feat, present, torch.tensor([0, 1, 0, 2]))
    assert out.tolist() == [[1.0, -1.0], [10.0, 0.0], [3.0, 1.0], [8.0, 0.0]]


@pytest.mark.parametrize("causal", [False, True])
def test_missing_rows_are_zero_and_out_of_the_mean(causal: bool):
    feat = torch.tensor([[1.0], [torch.nan], [5.0]])
    present = torch.tensor([True, False, True])
    out = SpeakerRelative(causal)(feat, present, torch.tensor([0, 0, 0]))
    assert out.tolist() == [[1.0, 0.0 if causal else -2.0], [0.0, 0.0], [5.0, 2.0]]


def test_a_modality_missing_throughout_stays_zero():
    present = torch.zeros(2, dtype=torch.bool)
    out = SpeakerRelative()(torch.zeros(2, 3), present, torch.tensor([0, 0]))
    assert out.abs().sum() == 0


def test_causal_rows_subtract_the_speakers_mean_so_far(feat: Tensor):
    mask = torch.ones(11, dtype=torch.bool)
    mask[[2, 5]] = False
    feat = feat * mask.unsqueeze(1)
    thread = speaker_threads(SPEAKERS, LENGTHS)
    found = SpeakerRelative(causal=True)(feat, mask, thread)
    for row in range(11):
        so_far = [n for n in range(row + 1) if thread[n] == thread[row] and mask[n]]
        expected = feat[row] - feat[so_far].mean(0) if mask[row] else torch.zeros(4)
        torch.testing.assert_close(found[row], torch.cat([feat[row], expected]))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("causal", [False, True])
def test_relative_rows_on_a_gpu_are_the_cpus_and_repeat_bit_for_bit(causal: bool):
    layer, thread = (
        SpeakerRelative(causal),
        torch.arange(20000) // 5000 * 2 + torch.arange(20000) % 2,
    )
    rows, mask = torch.randn(20000, 30), torch.rand(20000) < 0.9
    rows = rows * mask.unsqueeze(1)
    first, second = (layer(rows.cuda(), mask.cuda(), thread) for _ in range(2))
    assert first.equal(second)
    torch.testing.assert_close(first.cpu(), layer(rows, mask, thread))


def test_places_lead_from_padded_dialogues_to_their_utterances(feat: Tensor):
    table, exists = padded(feat, LENGTHS)
    found = places(LENGTHS, feat.device)
    assert table[found].equal(feat)
    assert all(a.equal(b) for a, b in zip(found, exists.nonzero(as_tuple=True), strict=True))


@pytest.mark.parametrize("num_layers", [1, 2])
def test_gru_read_in_steps_equals_the_gru_on_the_dialogue(feat: Tensor, num_layers: int):
    gru = DialogueGRU(4, 6, num_layers, bidirectional=False)
    expected, state = gru(feat, torch.tensor([11])), None
    for row, wanted in zip(feat, expected, strict=True):
        found, state = gru.step(row, state)
        torch.testing.assert_close(found, wanted)


def test_bidirectional_gru_cannot_be_read_in_steps(feat: Tensor):
    with pytest.raises(ValueError, match="reads whole dialogues only"):
        DialogueGRU(4, 6).step(feat[0], None)


def test_context_read_in_steps_equals_the_context_of_the_dialogue(feat: Tensor):
    torch.manual_seed(0)
    context = DialogueContext(2, num_modalities=2, bidirectional=False)
    both = feat.view(11, 2, 2).transpose(0, 1)
    lengths = torch.tensor([11])
    expected = context(both, Sequences(lengths), Sequences.of_threads(SPEAKERS, lengths))
    dialogue, threads = None, {}
    for row, speaker in enumerate(SPEAKERS.tolist()):
        found, dialogue, threads[speaker] = context.step(
            both[:, row], dialogue, threads.get(speaker)
        )
        torch.testing.assert_close(found, expected[:, row])


READERS = {
    "gru": lambda: DialogueGRU(4, 6),
    "lstm": lambda: DialogueLSTM(4, 6),
    "attention": lambda: DialogueAttention(4),
    "parties": lambda: _OfParties(),
}
each_reader = pytest.mark.parametrize("make", READERS.values(), ids=READERS)


class _OfParties(nn.Module):
    """`PartyRNN`, called as the others are."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = PartyRNN(4, global_dim=5, party_dim=6, emotion_dim=3)

    def forward(self, feat: Tensor, lengths: Tensor) -> Tensor:
        return self.rnn(feat, torch.arange(len(feat), device="cpu") % 2, lengths)


@each_reader
def test_no_dialogues_give_no_states_with_a_gradient(make):
    feat = torch.empty(0, 4, requires_grad=True)
    out = make()(feat, torch.empty(0, dtype=torch.int64))
    out.sum().backward()
    assert (len(out), tuple(feat.grad.shape)) == (0, (0, 4))


@each_reader
@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (torch.tensor([3, 1]), "lengths add up to 4 utterances, (feat|speakers) has 11"),
        (torch.tensor([9, 9]), "lengths add up to 18 utterances, (feat|speakers) has 11"),
        (torch.tensor([12, -1]), "lengths must not be negative, got -1"),
        (torch.tensor([11.0]), "lengths must be a 1-D int64 tensor on the CPU"),
        ([11], "lengths must be a 1-D int64 tensor on the CPU"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(make, feat: Tensor, lengths: Tensor, message: str):
    with pytest.raises(ValueError, match=message):
        make()(feat, lengths)


def test_a_party_without_a_number_is_refused(feat: Tensor):
    rnn = PartyRNN(4, global_dim=5, party_dim=6, emotion_dim=3)
    with pytest.raises(ValueError, match="speakers must be numbers from 0 on, got -1"):
        rnn(feat, SPEAKERS - 1, LENGTHS)


@each_reader
def test_the_default_device_does_not_matter(make, feat: Tensor):
    layer = make().eval()
    expected = layer(feat, LENGTHS)
    with torch.device("meta"):
        assert layer.forward(feat, LENGTHS).equal(expected)


@pytest.mark.parametrize(
    "options", [{}, {"relations": "party"}, {"relations": "pairs", "distances": [1]}]
)
def test_the_default_device_does_not_matter_to_graphs(options: dict):
    options = options | {"num_speakers": 6}
    expected = Graph.from_dialogues(LENGTHS, SPEAKERS, **options)
    with torch.device("meta"):
        found = Graph.from_dialogues(LENGTHS, SPEAKERS, **options)
    assert (found.plan.tolist(), found.eids.tolist()) == (
        expected.plan.tolist(),
        expected.eids.tolist(),
    )


@pytest.mark.parametrize("kind", ["gru", "lstm", "parties"])
def test_native_second_derivatives_are_refused_also_of_a_sum(kind: str, feat: Tensor):
    feat.requires_grad_()
    states = READERS[kind]()(feat, LENGTHS)
    (grad,) = torch.autograd.grad(states.sum(), feat, create_graph=True)
    with pytest.raises(RuntimeError, match="the recurrences of this package have no second"):
        grad.square().sum().backward()


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_torchs_recurrences_have_second_derivatives(kind: str, feat: Tensor):
    layer = set_impl(READERS[kind](), "reference").double()
    rows = feat[:3].double().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: layer(x, torch.tensor([2, 1])), rows)
