"""The whole model: size, independence of dialogues, masks, losses, learning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch, Window
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.models import ARIIGCN, ARIIGCNConfig
from ariigcn_dgl.models.ariigcn import cross_entropy
from ariigcn_dgl.nn import FUSIONS, VAD

WIDTHS = {"text": 6, "audio": 4, "visual": 3}
LENGTHS = (5, 1, 8, 3)
ROWS = torch.arange(sum(LENGTHS)).split(LENGTHS)
CLASSES = 3
PAPER = ARIIGCNConfig(hidden_dim=8, window=Window(past=2, future=2, relations="pairs"))
TUNED = ARIIGCNConfig(
    hidden_dim=8,
    window=Window(past=2, future=2),
    encoder_dropout=0.2,
    input_dropout=0.1,
    graph_dropout=0.2,
    context_dropout=0.4,
    speaker_relative=("audio",),
    context="gru",
    residual="norm",
    adversarial="alternate",
    contrast="supcon",
    imcl_pairs="hycon",
    margin_mode="off",
    regularise=False,
    projection_dim=5,
)
CROSSING = replace(
    TUNED,
    window=Window(past=2, future=2, relations="party"),
    context="none",
    cross_modal="window",
    graph_blocks=2,
    graph_norm="none",
    auxiliary_weight=0.3,
    gan_paired=True,
    prediction_weight=0.1,
    instance_weight=0.1,
    contrast_states="encoded",
)
LITERAL = replace(
    PAPER,
    gan_sources="each",
    gan_real="projected",
    feed_graph="sum",
    second_norm="sum",
    similarity="softmax",
    adversarial="alternate",
)
PRESETS = {"paper": PAPER, "tuned": TUNED, "crossing": CROSSING, "literal": LITERAL}
each_preset = pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)


def window_of(config: ARIIGCNConfig, widths: dict[str, int] = WIDTHS) -> Window:
    return make_model(config, widths).window


def make_batch(window: Window, widths: dict[str, int] = WIDTHS) -> Batch:
    """Four dialogues; utterances 4 and 7 are unlabelled, 2 has no audio, 9 only text."""
    generator = torch.Generator().manual_seed(0)
    size = sum(LENGTHS)
    masks = {name: torch.ones(size, dtype=torch.bool) for name in widths}
    for name, rows in (("audio", [2, 9]), ("visual", [9])):
        if name in masks:
            masks[name][rows] = False
    features = {
        name: torch.randn(size, width, generator=generator) * masks[name].unsqueeze(1)
        for name, width in widths.items()
    }
    labels = torch.randint(CLASSES, (size,), generator=generator)
    labels[[4, 7]] = -1
    speakers = torch.randint(2, (size,), generator=generator)
    lengths = torch.tensor(LENGTHS)
    graph = window.graph(lengths, speakers, masks)
    return Batch(features, masks, labels, speakers, lengths, graph)


def part_of(batch: Batch, dialogue: int, window: Window) -> Batch:
    rows = ROWS[dialogue]
    lengths = batch.lengths[dialogue : dialogue + 1]
    masks = {name: x[rows] for name, x in batch.masks.items()}
    return Batch(
        {name: x[rows] for name, x in batch.features.items()},
        masks,
        batch.labels[rows],
        batch.speakers[rows],
        lengths,
        window.graph(lengths, batch.speakers[rows], masks),
    )


def make_model(config: ARIIGCNConfig, widths: dict[str, int] = WIDTHS) -> ARIIGCN:
    torch.manual_seed(0)
    return ARIIGCN(widths, CLASSES, config).eval()


def with_feature(batch: Batch, name: str, edit: Callable[[Tensor], None]) -> Batch:
    changed = batch.features[name].clone()
    edit(changed)
    return replace(batch, features=batch.features | {name: changed})


def test_the_papers_defaults_have_14688465_parameters():
    config = replace(ARIIGCNConfig(), window=ARIIGCNConfig().window.resolved(2))
    with torch.device("meta"):
        model = ARIIGCN({"text": 100, "visual": 512, "audio": 100}, 6, config)
    assert sum(p.numel() for p in model.parameters()) == 14_688_465


def test_relations_must_be_resolved_before_the_model_is_built():
    with pytest.raises(ValueError, match="got 'auto'"):
        ARIIGCN(WIDTHS, CLASSES, ARIIGCNConfig())


@each_preset
@torch.no_grad()
def test_dialogues_of_a_batch_do_not_influence_each_other(config: ARIIGCNConfig):
    model, batch = make_model(config), make_batch(window_of(config))
    logits = model(batch)
    for dialogue, rows in enumerate(ROWS):
        alone = model(part_of(batch, dialogue, window_of(config)))
        torch.testing.assert_close(alone, logits[rows], rtol=1e-5, atol=1e-5)


@each_preset
@torch.no_grad()
def test_a_past_only_model_without_context_ignores_what_comes_later(config: ARIIGCNConfig):
    window = replace(config.window, past=2, future=0)
    config = replace(config, window=window, context="none", speaker_relative=())
    model, batch = make_model(config), make_batch(window_of(config))
    later = with_feature(batch, "text", lambda x: x[10:14].add_(1))  # in the third dialogue
    changed = (model(later) - model(batch)).abs().sum(1).nonzero().flatten()
    assert changed.tolist() == [10, 11, 12, 13]


@each_preset
@torch.no_grad()
def test_context_makes_all_of_the_dialogue_count(config: ARIIGCNConfig):
    config = replace(config, context="gru")
    model, batch = make_model(config), make_batch(window_of(config))
    later = with_feature(batch, "text", lambda x: x[13].add_(1))
    changed = (model(later) - model(batch)).abs().sum(1) > 0
    assert changed.nonzero().flatten().tolist() == list(range(6, 14))


@each_preset
@torch.no_grad()
def test_unlabelled_utterances_inform_their_neighbours(config: ARIIGCNConfig):
    model, batch = make_model(config), make_batch(window_of(config))
    changed = with_feature(batch, "text", lambda x: x[4].add_(1))
    assert not model(changed)[3].equal(model(batch)[3])


@each_preset
@torch.no_grad()
def test_only_labelled_utterances_are_scored(config: ARIIGCNConfig):
    model, batch = make_model(config), make_batch(window_of(config))
    labelled = batch.labels >= 0
    expected = torch.nn.functional.cross_entropy(model(batch)[labelled], batch.labels[labelled])
    torch.testing.assert_close(model.losses(batch)["classification"], expected)


@torch.no_grad()
def test_classes_can_be_weighted():
    model, batch = make_model(PAPER), make_batch(PAPER.window)
    weight = torch.tensor([1.0, 0.0, 0.0])
    expected = -model(batch).log_softmax(1)[batch.labels == 0, 0].mean()
    torch.testing.assert_close(model.losses(batch, weight)["classification"], expected)


@each_preset
@torch.no_grad()
def test_a_missing_modality_is_projected_to_zero(config: ARIIGCNConfig):
    projected = make_model(config).project(make_batch(window_of(config)))
    zero = (projected.abs().sum(2) == 0).nonzero().tolist()
    assert zero == [[1, 2], [1, 9], [2, 9]]


@each_preset
@torch.no_grad()
def test_what_stands_in_a_missing_row_does_not_matter(config: ARIIGCNConfig):
    model, batch = make_model(config), make_batch(window_of(config))
    changed = with_feature(batch, "audio", lambda x: x[[2, 9]].fill_(9.0))
    assert model(changed).equal(model(batch))
    assert model.losses(changed) == model.losses(batch)


@torch.no_grad()
def test_missing_rows_are_in_no_contrast():
    model, batch = make_model(PAPER), make_batch(PAPER.window)
    states = model.graph(batch.graph, model.project(batch))
    labels = batch.labels.repeat(len(WIDTHS), 1)
    labels[1, [2, 9]] = labels[2, 9] = -1
    terms = model.losses(batch)
    torch.testing.assert_close(terms["iccl"], 0.1 * model.iccl(states, labels))
    torch.testing.assert_close(terms["imcl"], 0.1 * model.imcl(states, labels))


@each_preset
@torch.no_grad()
def test_modalities_may_come_in_any_order(config: ARIIGCNConfig):
    model, batch = make_model(config), make_batch(window_of(config))
    turned = replace(
        batch,
        features=dict(reversed(batch.features.items())),
        masks=dict(reversed(batch.masks.items())),
    )
    assert model(turned).equal(model(batch))
    assert model.losses(turned) == model.losses(batch)


@each_preset
@pytest.mark.parametrize("names", [["text"], ["audio"], ["text", "visual"]])
def test_any_modalities_make_a_model(config: ARIIGCNConfig, names: list[str]):
    widths = {name: WIDTHS[name] for name in names}
    model, batch = make_model(config, widths), make_batch(window_of(config, widths), widths)
    terms = model.losses(batch)
    sum(terms.values()).backward()
    assert model(batch).shape == (sum(LENGTHS), CLASSES)
    assert ("imcl" in terms) == (len(names) > 1)
    assert (model.gan is None) == (len(names) == 1)


@pytest.mark.parametrize("fusion", ["add", "tfn", "lfm"])
@pytest.mark.parametrize("names", [["text"], ["text", "audio", "visual"]])
def test_any_fusion_makes_a_model(fusion: str, names: list[str]):
    widths = {name: WIDTHS[name] for name in names}
    config = replace(TUNED, fusion=fusion)
    model, batch = make_model(config, widths), make_batch(window_of(config, widths), widths)
    sum(model.losses(batch).values()).backward()
    assert model.fusion.__class__ is FUSIONS[fusion]
    assert all(p.grad is not None for p in model.fusion.parameters())
    assert model(batch).shape == (sum(LENGTHS), CLASSES)


@torch.no_grad()
def test_default_fusion_puts_the_modalities_side_by_side():
    model, batch = make_model(PAPER), make_batch(PAPER.window)
    states = model.graph(batch.graph, model.project(batch))
    assert model(batch).equal(model.head(torch.cat(list(states), dim=1)))


def test_graphs_of_generated_modalities_need_fakes_as_wide_as_its_nodes():
    with pytest.raises(ValueError, match=r"feed_graph is 'sum', .* gan_real must be 'projected'"):
        make_model(replace(PAPER, feed_graph="sum"))


@torch.no_grad()
@pytest.mark.parametrize("sources", ["joint", "each"])
def test_generated_modalities_go_on_to_the_graph(sources: str):
    config = replace(LITERAL, feed_graph="generated", gan_sources=sources)
    model, batch = make_model(config), make_batch(window_of(config))
    projected = model.project(batch)
    fakes = model.gan.generate(projected)
    rows = [fakes[name].view(-1, len(batch.labels), 8).mean(0) for name in WIDTHS]
    states = model.graph(batch.graph, torch.stack(rows))
    torch.testing.assert_close(model.states(batch), states)


@torch.no_grad()
def test_generated_modalities_go_through_the_grus_first():
    config = replace(LITERAL, feed_graph="sum", gan_sources="joint", context="gru")
    model, batch = make_model(config), make_batch(window_of(config))
    projected = model.project(batch)
    fed = projected + torch.stack(list(model.gan.generate(projected).values()))
    states = model.graph(batch.graph, model.context(fed, batch.dialogues, batch.threads))
    torch.testing.assert_close(model.states(batch), states)


def test_a_step_generates_once(monkeypatch: pytest.MonkeyPatch):
    model, batch = make_model(LITERAL), make_batch(window_of(LITERAL))
    encoded = model.encoded(batch)
    monkeypatch.setattr(model.gan, "generate", lambda projected: pytest.fail("generated again"))
    model.losses(batch, encoded=encoded)


def test_contrast_of_encoded_modalities_never_reaches_the_graph():
    model = make_model(replace(CROSSING, instance_weight=0, adversarial="off"))
    terms = model.losses(make_batch(model.window))
    (terms["iccl"] + terms["imcl"]).backward()
    trained = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    assert trained == {"encoder", "projections"}


@pytest.mark.parametrize("name", ["classification", "discriminator", "epoch"])
def test_no_own_loss_takes_the_name_of_a_term(monkeypatch: pytest.MonkeyPatch, name: str):
    model = make_model(PAPER)
    monkeypatch.setattr(model, "own_losses", lambda seen: {name: seen.fused.sum()})
    with pytest.raises(InputError, match=f"--model.losses: {name} is a term of AR-IIGCN's own"):
        model.losses(make_batch(PAPER.window))


def test_one_modality_has_no_discriminators():
    assert list(make_model(PAPER, {"text": 6}).discriminator_parameters()) == []


LOSSES = {
    "paper": {"classification", "iccl", "imcl"},
    "tuned": {"classification", "iccl", "imcl", "generator"},
    "crossing": {
        *("classification", "auxiliary", "iccl", "imcl", "generator", "prediction", "instance")
    },
    "literal": {"classification", "iccl", "imcl", "generator"},
}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_loss_terms_of_its_settings(preset: str):
    config = PRESETS[preset]
    assert set(make_model(config).losses(make_batch(window_of(config)))) == LOSSES[preset]


PROTOTYPES = {"happy": VAD["happiness"], "sad": VAD["sadness"], "angry": VAD["anger"]}
ALTERNATIVES = replace(TUNED, scl_weight=1.0, sccl_weight=1.0, prototypes=PROTOTYPES)


def test_alternative_contrasts_are_terms_of_their_own():
    config = replace(ALTERNATIVES, iccl_weight=0.0, imcl_weight=0.0, adversarial="off")
    terms = make_model(config).losses(make_batch(window_of(config)))
    assert set(terms) == {"classification", "scl", "sccl"}


@torch.no_grad()
def test_alternative_contrasts_are_of_the_fused_utterance():
    model, batch = make_model(ALTERNATIVES), make_batch(ALTERNATIVES.window)
    seen = []
    model.head.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    terms = model.losses(batch)
    torch.testing.assert_close(terms["sccl"], model.sccl(seen[0], batch.labels))
    z = torch.nn.functional.normalize(seen[0][batch.labelled], dim=1)
    torch.testing.assert_close(terms["scl"], khosla(z, batch.labels[batch.labelled]))


def khosla(z: Tensor, labels: Tensor, temperature: float = 0.1) -> Tensor:
    """Return the supervised contrastive loss, pair by pair."""
    terms = []
    for i in range(len(z)):
        others = [a for a in range(len(z)) if a != i]
        positives = [a for a in others if labels[a] == labels[i]]
        if positives and len(positives) < len(others):
            scores = z @ z[i] / temperature
            terms.append(scores[others].logsumexp(0) - scores[positives].mean())
    return torch.stack(terms).mean()


def test_alternative_contrasts_are_trained():
    model, batch = make_model(ALTERNATIVES), make_batch(ALTERNATIVES.window)
    terms = model.losses(batch)
    for name in ("scl", "sccl"):
        model.zero_grad()
        terms[name].backward(retain_graph=True)
        assert model.encoder.mlps["text"][1].weight.grad.abs().sum() > 0, name
    assert model.sccl.to_vad.weight.grad.abs().sum() > 0


def test_prototypes_must_be_resolved_before_the_model_is_built():
    with pytest.raises(ValueError, match=r"prototypes must name the 3 labels, got \[\]"):
        make_model(replace(TUNED, sccl_weight=1.0))


def test_terms_of_weight_zero_are_left_out():
    config = replace(TUNED, iccl_weight=0.0, imcl_weight=0.0, adversarial="off")
    assert set(make_model(config).losses(make_batch(window_of(config)))) == {"classification"}


@pytest.mark.parametrize(
    "weight", ["iccl_weight", "imcl_weight", "scl_weight", "sccl_weight", "adversarial_weight"]
)
@torch.no_grad()
def test_weights_scale_their_terms(weight: str):
    name = {"adversarial_weight": "generator"}.get(weight, weight.removesuffix("_weight"))
    batch = make_batch(TUNED.window)
    one, three = (
        make_model(replace(ALTERNATIVES, **{weight: factor})).losses(batch)[name]
        for factor in (1.0, 3.0)
    )
    torch.testing.assert_close(three, 3 * one)


@each_preset
def test_the_gradient_of_every_term_is_finite_and_not_zero(config: ARIIGCNConfig):
    model, batch = make_model(config).train(), make_batch(window_of(config))
    for name, term in model.losses(batch).items():
        model.zero_grad()
        term.backward(retain_graph=True)
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        assert all(grad.isfinite().all() for grad in grads), name
        assert sum(grad.abs().sum() for grad in grads) > 0, name


def test_every_weight_is_trained_by_some_loss():
    model, batch = make_model(TUNED), make_batch(TUNED.window)
    (sum(model.losses(batch).values()) + model.discriminator_loss(batch)).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


def test_discriminator_loss_trains_the_discriminators_alone():
    model, batch = make_model(PAPER), make_batch(PAPER.window)
    model.discriminator_loss(batch).backward()
    trained = {p for p in model.parameters() if p.grad is not None}
    assert trained == set(model.discriminator_parameters())


def test_generator_loss_trains_encoders_and_generators():
    model, batch = make_model(PAPER), make_batch(PAPER.window)
    model.generator_loss(batch).backward()
    trained = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    assert trained == {"encoder", "gan"}


@each_preset
def test_a_batch_without_labels_has_losses_of_zero_with_a_gradient(config: ARIIGCNConfig):
    model, batch = make_model(config), make_batch(window_of(config))
    terms = model.losses(replace(batch, labels=torch.full_like(batch.labels, -1)))
    for unsupervised in ("generator", "prediction", "instance"):
        terms.pop(unsupervised, None)
    assert {name: term.item() for name, term in terms.items()} == dict.fromkeys(terms, 0.0)
    sum(terms.values()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_cross_entropy_of_nothing_is_zero():
    logits = torch.zeros(0, 3, requires_grad=True)
    assert cross_entropy(logits, torch.zeros(0, dtype=torch.int64), None).item() == 0.0


@pytest.mark.slow
@each_preset
def test_the_model_learns_its_training_dialogues_by_heart(config: ARIIGCNConfig):
    config = replace(config, hidden_dim=32, adversarial="off")
    model, batch = make_model(config).train(), make_batch(window_of(config))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(40):
        optimiser.zero_grad()
        sum(model.losses(batch).values()).backward()
        optimiser.step()
    labelled = batch.labelled
    accuracy = (model.eval()(batch).argmax(1) == batch.labels)[labelled].double().mean()
    assert accuracy > 0.95


def test_without_a_gan_its_losses_are_refused():
    model, batch = make_model(replace(TUNED, adversarial="off")), make_batch(TUNED.window)
    for loss in (model.generator_loss, model.discriminator_loss):
        with pytest.raises(ValueError, match="there is no TGAN"):
            loss(batch)
