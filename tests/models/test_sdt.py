"""SDT: its parts in order, sizes, losses by hand, missing modalities, one modality."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.models import SDT, SDTConfig
from ariigcn_dgl.models.objective import Objective, head_of
from ariigcn_dgl.nn._positions import positions

WIDTHS = {"text": 6, "audio": 4}
SMALL = SDTConfig(hidden_dim=8, num_heads=2, num_speakers=2, dropout=0.1, temperature=2.0)
SPEAKERS = torch.tensor([0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 0])  # third: second's


def make(config: SDTConfig = SMALL, widths: dict[str, int] = WIDTHS) -> SDT:
    torch.manual_seed(0)
    return SDT(widths, 3, config).double().eval()


@pytest.fixture
def whole(batch: Batch) -> Batch:
    """The batch with all its modalities."""
    masks = {name: torch.ones_like(mask) for name, mask in batch.masks.items()}
    return replace(batch, masks=masks)


def test_has_the_published_codes_parameters_but_those_that_do_nothing():
    """That code has 79,687,704: with a row for padded speakers, and norms of second layers."""
    dim = 1024
    transformer = 4 * (dim * dim + dim) + 2 * (dim * dim + dim) + 2 * dim
    streams = 9 * (transformer + dim * dim) + 3 * (3 * dim * dim + dim)
    others = (1024 + 1582 + 342) * dim + 2 * dim + dim * dim + 4 * (dim * 6 + 6)
    unused = dim + 9 * 2 * dim
    assert streams + others + unused == 79_687_704
    with torch.device("meta"):
        model = SDT({"text": 1024, "audio": 1582, "visual": 342}, 6, SDTConfig(num_speakers=2))
    assert sum(p.numel() for p in model.parameters()) == streams + others


def read(model: SDT, inputs: dict[str, Tensor], own: str, other: str) -> Tensor:
    """Return what a modality reads in another, of one dialogue, (T, D)."""
    transformer = model.streams[own].read[other]
    attention = transformer.attention
    weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    query, key, value = (
        (x @ weight.T + bias).unflatten(1, (2, 4)).transpose(0, 1)
        for x, weight, bias in zip(
            (inputs[own], inputs[other], inputs[other]), weights, biases, strict=True
        )
    )
    heard = ((query @ key.mT / 2).softmax(-1) @ value).transpose(0, 1).flatten(1)  # root of 4
    states = inputs[own] + attention.out_proj(heard)
    norm, first, _, _, second, _ = transformer.layers
    states = states + second(F.gelu(first(norm(states)), approximate="tanh"))
    return states * transformer.gate(states).sigmoid()


def modality_states(model: SDT, batch: Batch, rows: Tensor) -> list[Tensor]:
    inputs = {
        m: model.project[m](batch.features[m][rows]) + model.speakers.weight[SPEAKERS[rows]]
        for m in WIDTHS
    }
    inputs = {m: x + positions(x.unsqueeze(0)) for m, x in inputs.items()}
    return [
        model.streams[own].reduce(torch.cat([read(model, inputs, own, m) for m in WIDTHS], 1))
        for own in WIDTHS
    ]


@torch.no_grad()
def test_is_its_parts_in_order_on_each_dialogue(whole: Batch):
    """Embedding, attention, feed-forward network, gate, reduction, gate, classifier."""
    model = make()
    logits = model(whole)
    for rows in torch.arange(17).split(whole.lengths.tolist()):
        text, audio = modality_states(model, whole, rows)
        share = torch.stack([model.gate(text), model.gate(audio)]).softmax(0)
        expected = model.teacher(share[0] * text + share[1] * audio)
        torch.testing.assert_close(logits[rows], expected, rtol=1e-10, atol=1e-10)


@torch.no_grad()
def test_students_learn_the_labels_and_the_teachers_soft_ones(whole: Batch):
    model = make(replace(SMALL, hard_weight=0.5, soft_weight=3.0))
    rows = torch.arange(17).split(whole.lengths.tolist())
    parts = [modality_states(model, whole, part) for part in rows]
    teacher = model(whole)
    weight = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    hard, soft = 0.0, 0.0
    for m, name in enumerate(WIDTHS):
        logits = model.students[name](torch.cat([part[m] for part in parts]))
        hard += F.cross_entropy(logits, whole.labels, weight)
        target = (teacher / 2).softmax(1)
        ratio = target.log() - (logits / 2).log_softmax(1)
        soft += (target * ratio).sum(1).mean()
    terms = model.losses(whole, weight)
    assert terms["classification"] == F.cross_entropy(teacher, whole.labels, weight)
    torch.testing.assert_close(terms["students"], 0.5 * hard)
    torch.testing.assert_close(terms["distillation"], 3.0 * soft)


def test_students_learn_numbers_where_their_modality_is(batch: Batch):
    spec = TargetSpec("mood", "regression", ("v", "a", "d"))
    generator = torch.Generator().manual_seed(3)
    mood = torch.randn(17, 3, generator=generator, dtype=torch.float64)
    mood[4] = torch.nan
    model = make(replace(SMALL, hard_weight=0.5, soft_weight=3.0))
    model.objective = Objective((head_of(spec, 2.0),))
    batch = replace(batch, targets={"mood": mood})
    states, teacher = model._states(batch), model(batch)
    hard, soft = 0.0, 0.0
    for m, name in enumerate(WIDTHS):
        there = batch.masks[name]
        said = model.students[name](states[m])
        hard += 2.0 * (said - mood).abs()[there].nanmean()
        soft += 2.0 * (said - teacher).abs()[there].mean()
    terms = model.losses(batch)
    torch.testing.assert_close(terms["mood"], 2.0 * (teacher - mood).abs().nanmean())
    torch.testing.assert_close(terms["students"], 0.5 * hard)
    torch.testing.assert_close(terms["distillation"], 3.0 * soft)


def test_losses_without_weight_are_left_out(batch: Batch):
    model = make(replace(SMALL, hard_weight=0.0, soft_weight=0.0))
    assert list(model.losses(batch)) == ["classification"]


def test_a_missing_modality_is_no_student(batch: Batch):
    """Its rows, the last dialogue and two more, change nothing in what its student learns."""
    model = make().requires_grad_(False)
    states = model._states(batch)
    states.requires_grad_(True)
    model._states = lambda _: states  # so that the gradient of its own states is seen
    terms = model.losses(batch)
    (terms["students"] + terms["distillation"]).backward()
    moved = states.grad[1].abs().sum(1).nonzero().flatten().tolist()
    assert moved == batch.masks["audio"].nonzero().flatten().tolist()


@torch.no_grad()
def test_nothing_attends_to_missing_rows(batch: Batch):
    """Text looks for audio: the first dialogue lacks that of row 2, the last has none."""
    model = make()
    tables = []
    attention = model.streams["text"].read["audio"].attention
    attention.register_forward_hook(
        lambda _, inputs, kwargs, out: tables.append(kwargs["key_padding_mask"]), with_kwargs=True
    )
    model(batch)
    assert tables[0][0].tolist() == [False, False, True, False, False, True, True, True]
    assert tables[0][3].tolist() == [False] * 3 + [True] * 5  # of a dialogue without: all of it


@torch.no_grad()
@pytest.mark.parametrize("modalities", [["audio"], ["text", "audio", "visual"]])
def test_one_and_three_modalities(batch: Batch, modalities: list[str]):
    model = make(widths={m: 4 for m in modalities})
    audio, mask = batch.features["audio"], batch.masks["audio"]
    batch = replace(
        batch,
        features=dict.fromkeys(modalities, audio),
        masks=dict.fromkeys(modalities, mask),
    )
    assert model(batch).isfinite().all()  # the last dialogue has nothing at all
    assert all(term.isfinite() for term in model.losses(batch).values())


def test_unlabelled_utterances_teach_nothing_but_the_students_soft_labels(batch: Batch):
    model = make()
    terms = model.losses(replace(batch, labels=torch.full_like(batch.labels, -1)))
    assert terms["classification"] == 0
    assert terms["students"] == 0
    assert terms["distillation"] > 0


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="width of 8 cannot be split into 3 heads"):
        make(replace(SMALL, num_heads=3))
