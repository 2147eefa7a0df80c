"""GraphSmile: its equations written out, sizes, targets, what sees what, one modality."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.data import SynthConfig, synthesise
from ariigcn_dgl.data.targets import TargetSpec, classes_spec
from ariigcn_dgl.models import GraphSmile, GraphSmileConfig
from ariigcn_dgl.models.graphsmile import pieces
from ariigcn_dgl.models.objective import Objective, head_of
from ariigcn_dgl.nn import set_impl
from ariigcn_dgl.ops import segment_spmm

WIDTHS = {"text": 6, "audio": 4}
WINDOW = Window(past=2, future=1)
SMALL = GraphSmileConfig(
    WINDOW,
    hidden_dim=8,
    num_layers=3,
    shift_window=3,
    sentiments={"sad": "negative", "odd": "none", "glad": "positive"},
)
NUMBERS = torch.tensor([0, -1, 2])  # of the sentiments of these labels


def make(config: GraphSmileConfig = SMALL, widths: dict[str, int] = WIDTHS) -> GraphSmile:
    torch.manual_seed(0)
    return GraphSmile(widths, 3, config).double().eval()


@pytest.fixture
def batch(batch: Batch) -> Batch:
    """The batch with the graph of the window."""
    return replace(batch, graph=WINDOW.graph(batch.lengths, batch.speakers))


def parameters(model: GraphSmile) -> int:
    return sum(p.numel() for p in model.parameters())


def test_pieces_are_made_under_any_default_device():
    lengths = torch.tensor([5, 1, 4])
    with torch.device("meta"):
        assert pieces(lengths, 2).tolist() == [2, 2, 1, 1, 2, 2]


def test_the_reference_computes_the_passes(batch: Batch, monkeypatch):
    model = make()
    expected = model(batch)
    asked: list[str] = []

    def spmm(*arguments, impl: str = "native") -> Tensor:
        asked.append(impl)
        return segment_spmm(*arguments, impl=impl)

    monkeypatch.setattr("ariigcn_dgl.models.graphsmile.segment_spmm", spmm)
    torch.testing.assert_close(set_impl(model, "reference")(batch), expected)
    assert asked == ["reference"] * SMALL.num_layers


def test_has_the_published_codes_parameters_but_those_that_do_nothing():
    """That code has 15,107,947, with what the docstring of `GraphSmile` leaves out."""
    dim, config = 512, GraphSmileConfig(sentiments=dict.fromkeys("abcdef", "neutral"))
    layer = dim * dim + dim
    projections = (1024 + 1582 + 342) * dim + 3 * dim
    classifiers = dim * 6 + 6 + dim * 3 + 3 + 2 * dim * 2 + 2
    used = projections + 3 * 7 * 2 * layer + layer + classifiers
    edges, norms, templates = 3 * 500_000, 4 * 2 * 1024, 3 * layer  # of which layers are copies
    assert used + edges + norms + templates == 15_107_947
    with torch.device("meta"):
        model = GraphSmile({"text": 1024, "audio": 1582, "visual": 342}, 6, config)
    assert parameters(model) == used


def averages(length: int) -> Tensor:
    """Return the window of each utterance of a dialogue, normalised, (T, T)."""
    near = torch.zeros(length, length, dtype=torch.float64)
    for i in range(length):
        near[i, max(0, i - 2) : i + 2] = 1
    root = near.sum(1).rsqrt()
    return root[:, None] * near * root


def expected_states(model: GraphSmile, batch: Batch, rows: Tensor) -> Tensor:
    """Return the fused utterances of one dialogue, (T, D)."""
    near, leaky = averages(len(rows)), F.leaky_relu
    text, audio = (
        leaky(model.project[m][0](batch.features[m][rows])) * batch.masks[m][rows].unsqueeze(1)
        for m in WIDTHS
    )
    kept_text, kept_audio = text, audio
    for convolve, keep in zip(model.passes[0].convolve, model.passes[0].keep, strict=True):
        text, audio = convolve(near @ audio), convolve(near @ text)
        kept_text = kept_text + leaky(keep[0](text))
        kept_audio = kept_audio + leaky(keep[0](audio))
    fuse = model.fuse[0]
    return (leaky(fuse(kept_text)) + leaky(fuse(kept_audio))) / 2


def all_expected_states(model: GraphSmile, batch: Batch) -> Tensor:
    rows = torch.arange(17).split(batch.lengths.tolist())
    return torch.cat([expected_states(model, batch, part) for part in rows])


@torch.no_grad()
def test_equals_its_equations(batch: Batch):
    model = make()
    expected = model.emotion(all_expected_states(model, batch))
    torch.testing.assert_close(model(batch), expected, rtol=1e-10, atol=1e-10)
    assert expected.std(0).min() > 0.01  # a dead model would prove nothing


@torch.no_grad()
def test_targets_are_emotion_sentiment_and_shift_between_utterances(batch: Batch):
    """Shifts are of all ordered pairs, an utterance with itself too, in pieces of three."""
    model = make(replace(SMALL, sentiment_weight=0.5, shift_weight=2.0))
    batch = replace(batch, labels=batch.labels.clone())
    batch.labels[7] = -1
    states, weight = all_expected_states(model, batch), torch.tensor([1.0, 2, 3]).double()
    sentiment = torch.where(batch.labels < 0, -1, NUMBERS[batch.labels])
    terms, logits = model.losses(batch, weight), []
    for start, end in [(0, 3), (3, 5), (5, 6), (6, 9), (9, 12), (12, 14), (14, 17)]:
        for i in range(start, end):
            logits += [
                (model.shift_from(states[i]) + model.shift_to(states[j]), i, j)
                for j in range(start, end)
                if sentiment[i] >= 0 and sentiment[j] >= 0
            ]
    shift = torch.stack(
        [F.cross_entropy(pair, (sentiment[i] != sentiment[j]).long()) for pair, i, j in logits]
    )
    expected = {
        "classification": F.cross_entropy(
            model.emotion(states), batch.labels, weight, ignore_index=-1
        ),
        "sentiment": 0.5 * F.cross_entropy(model.sentiment(states), sentiment, ignore_index=-1),
        "shift": 2.0 * shift.mean(),
    }
    torch.testing.assert_close(terms, expected)


def test_beside_classes_another_target_has_its_loss_and_no_sentiment(batch: Batch):
    spec = TargetSpec("mood", "regression", ("valence",))
    torch.manual_seed(0)
    model = GraphSmile(WIDTHS, 4, SMALL).double().eval()
    model.objective = Objective((head_of(classes_spec(("sad", "odd", "glad"))), head_of(spec)))
    mood = torch.linspace(-1, 1, 17).double().unsqueeze(1)
    terms = model.losses(replace(batch, targets={"mood": mood}))
    outputs = model(batch)
    expected = F.cross_entropy(outputs[:, :3], batch.labels)
    assert list(terms) == ["classification", "mood", "sentiment", "shift"]
    torch.testing.assert_close(terms["classification"], expected)
    torch.testing.assert_close(terms["mood"], (outputs[:, 3:] - mood).abs().mean())


def test_pieces_of_dialogues():
    assert pieces(torch.tensor([19, 20, 1]), 19).tolist() == [19, 19, 1, 1]
    assert pieces(torch.tensor([7]), 3).tolist() == [3, 3, 1]


def test_targets_without_weight_have_no_parameters_and_need_no_sentiments(batch: Batch):
    full = make()
    shift_only = make(replace(SMALL, sentiment_weight=0.0))
    assert list(shift_only.losses(batch)) == ["classification", "shift"]
    assert parameters(full) - parameters(shift_only) == 3 * 9
    neither = make(replace(SMALL, sentiment_weight=0.0, shift_weight=0.0, sentiments={}))
    assert list(neither.losses(batch)) == ["classification"]
    assert parameters(shift_only) - parameters(neither) == 2 * 16 + 2


def test_sentiments_are_found_by_the_labels_names():
    data = synthesise(SynthConfig())
    found = GraphSmile.resolved(GraphSmileConfig(), data).sentiments
    assert list(found) == list(data.label_names)
    unnamed = replace(data, label_names=tuple("abcdef"))
    without = replace(GraphSmileConfig(), sentiment_weight=0.0, shift_weight=0.0)
    assert GraphSmile.resolved(without, unnamed).sentiments == {}


def test_sentiments_must_be_resolved_before_the_model_is_built():
    with pytest.raises(ValueError, match=r"sentiments must name the 3 labels, got \[\]"):
        make(replace(SMALL, sentiments={}))


def changed_rows(model: GraphSmile, batch: Batch, name: str, row: int) -> list[int]:
    features = batch.features[name].clone()
    features[row] += 1
    later = replace(batch, features=batch.features | {name: features})
    return (model(later) - model(batch)).abs().sum(1).nonzero().flatten().tolist()


@torch.no_grad()
def test_each_pass_reaches_a_window_further(batch: Batch):
    """Row 13 ends a dialogue of eight, and its utterances see one ahead."""
    assert changed_rows(make(replace(SMALL, num_layers=1)), batch, "text", 13) == [12, 13]
    assert changed_rows(make(replace(SMALL, num_layers=3)), batch, "text", 13) == [10, 11, 12, 13]


@torch.no_grad()
def test_speakers_do_not_matter(batch: Batch):
    speakers = torch.zeros_like(batch.speakers)
    other = replace(batch, speakers=speakers, graph=WINDOW.graph(batch.lengths, speakers))
    torch.testing.assert_close(make()(other), make()(batch))


@torch.no_grad()
@pytest.mark.parametrize(
    ("modalities", "pairs"),
    [
        (["audio"], [("audio",)]),
        (["text", "audio", "visual"], [("text", "audio"), ("text", "visual"), ("audio", "visual")]),
    ],
)
def test_one_and_three_modalities(batch: Batch, modalities: list[str], pairs: list):
    model = make(widths={m: 4 for m in modalities})
    assert model.pairs == pairs
    audio, mask = batch.features["audio"], batch.masks["audio"]
    batch = replace(
        batch,
        features=dict.fromkeys(modalities, audio),
        masks=dict.fromkeys(modalities, mask),
    )
    assert model(batch).isfinite().all()  # the last dialogue has nothing at all
    assert all(term.isfinite() for term in model.losses(batch).values())


def test_unlabelled_utterances_have_no_loss(batch: Batch):
    terms = make().losses(replace(batch, labels=torch.full_like(batch.labels, -1)))
    assert all(term == 0 for term in terms.values())
