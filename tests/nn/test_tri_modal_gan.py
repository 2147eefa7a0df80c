"""The adversarial losses, their gradients, masks and effect."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ariigcn_dgl.nn import TriModalGAN
from ariigcn_dgl.nn.tri_modal_gan import REAL_TARGET

WIDTHS = {"text": 4, "audio": 3, "visual": 2}


def make(widths: dict[str, int] = WIDTHS, **options: object) -> TriModalGAN:
    torch.manual_seed(0)
    return TriModalGAN(widths, 5, discriminator_dim=6, dropout=0.0, **options)


def all_present(size: int, widths: dict[str, int] = WIDTHS) -> dict[str, Tensor]:
    return {name: torch.ones(size, dtype=torch.bool) for name in widths}


@pytest.mark.parametrize("sources", ["joint", "each"])
def test_of_no_utterance_losses_are_zero(sources: str):
    gan, nothing = make(sources=sources), torch.zeros(3, 0, 5)
    raw = {name: torch.zeros(0, width) for name, width in WIDTHS.items()}
    assert gan.generator_loss(nothing, all_present(0)) == 0
    assert gan.discriminator_loss(raw, nothing, all_present(0)) == 0


@pytest.fixture
def projected() -> Tensor:
    return torch.randn(3, 7, 5, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def raw() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {name: torch.randn(7, width, generator=generator) for name, width in WIDTHS.items()}


@pytest.fixture
def constant() -> TriModalGAN:
    """Every discriminator says 2 of anything."""
    gan = make()
    for discriminator in gan.discriminators.values():
        nn.init.zeros_(discriminator[-1].weight)
        nn.init.constant_(discriminator[-1].bias, 2.0)
    return gan


SIGMOID = 1 / (1 + math.exp(-2))
GENERATOR = {
    "nonsaturating": -math.log(SIGMOID),
    "minimax": math.log(1 - SIGMOID),
    "lsgan": (2 - REAL_TARGET) ** 2,
}
CROSS_ENTROPY = -REAL_TARGET * math.log(SIGMOID) - (2 - REAL_TARGET) * math.log(1 - SIGMOID)
DISCRIMINATOR = {
    "nonsaturating": CROSS_ENTROPY,
    "minimax": CROSS_ENTROPY,
    "lsgan": (2 - REAL_TARGET) ** 2 + 2**2,
}


@pytest.mark.parametrize("form", GENERATOR)
def test_generator_loss_by_hand(constant: TriModalGAN, projected: Tensor, form: str):
    constant.gan_loss = form
    loss = constant.generator_loss(projected, all_present(7))
    assert loss.item() == pytest.approx(3 * GENERATOR[form], rel=1e-5)


@pytest.mark.parametrize("form", DISCRIMINATOR)
def test_discriminator_loss_by_hand(constant, raw, projected, form: str):
    constant.gan_loss = form
    loss = constant.discriminator_loss(raw, projected, all_present(7))
    assert loss.item() == pytest.approx(3 * DISCRIMINATOR[form], rel=1e-5)


@pytest.mark.parametrize("form", ["nonsaturating", "minimax"])
def test_a_wiser_generator_has_the_smaller_loss(constant, projected, form: str):
    constant.gan_loss = form
    believed = constant.generator_loss(projected, all_present(7))
    for discriminator in constant.discriminators.values():
        nn.init.constant_(discriminator[-1].bias, -2.0)
    assert constant.generator_loss(projected, all_present(7)) > believed


def test_generators_make_the_raw_widths(projected: Tensor):
    fakes = make().generate(projected)
    assert {name: tuple(fake.shape) for name, fake in fakes.items()} == {
        name: (7, width) for name, width in WIDTHS.items()
    }


@pytest.mark.parametrize(("position", "name"), list(enumerate(WIDTHS)))
def test_a_fake_is_made_of_the_other_modalities_only(projected: Tensor, position: int, name: str):
    gan, changed = make(), projected.clone()
    changed[position] += 1
    before, after = gan.generate(projected), gan.generate(changed)
    assert {other for other in WIDTHS if before[other].equal(after[other])} == {name}


def test_generator_loss_reaches_generators_and_projections(projected: Tensor):
    gan = make()
    projected.requires_grad_()
    gan.generator_loss(projected, all_present(7)).backward()
    assert (projected.grad.abs().sum((1, 2)) > 0).all()
    assert all(p.grad.abs().sum() > 0 for p in gan.generators.parameters())


def test_discriminator_loss_reaches_discriminators_alone(raw, projected: Tensor):
    gan = make()
    projected.requires_grad_()
    gan.discriminator_loss(raw, projected, all_present(7)).backward()
    assert projected.grad is None
    assert all(p.grad is None for p in gan.generators.parameters())
    assert all(p.grad is not None for p in gan.discriminators.parameters())


def test_a_real_feature_counts_where_its_modality_exists(raw, projected: Tensor):
    masks = all_present(7)
    masks["text"][2:] = False
    changed = raw | {"text": torch.where(masks["text"][:, None], raw["text"], torch.tensor(99.0))}
    gan = make()
    loss = gan.discriminator_loss(raw, projected, masks)
    assert gan.discriminator_loss(changed, projected, masks).equal(loss)


def test_a_fake_counts_where_all_its_sources_exist(projected: Tensor):
    masks = all_present(7)
    masks["text"][0] = masks["audio"][1] = False
    gan = make()
    expected = {"text": [0, *range(2, 7)], "audio": range(1, 7), "visual": range(2, 7)}
    total = 0.0
    for name, fake in gan.generate(projected).items():
        total += F.softplus(-gan.discriminators[name](fake[list(expected[name])])).mean()
    torch.testing.assert_close(gan.generator_loss(projected, masks), total)


def test_masks_may_come_in_any_order_and_number(projected: Tensor, raw):
    gan, masks = make(), all_present(7)
    masks["audio"][3:] = False
    more = {"pose": torch.zeros(7, dtype=torch.bool)} | dict(reversed(masks.items()))
    assert gan.generator_loss(projected, more).equal(gan.generator_loss(projected, masks))


def test_nothing_present_costs_nothing(raw, projected: Tensor):
    gan, masks = make(), {name: torch.zeros(7, dtype=torch.bool) for name in WIDTHS}
    generator = gan.generator_loss(projected, masks)
    discriminator = gan.discriminator_loss(raw, projected, masks)
    (generator + discriminator).backward()
    assert (generator.item(), discriminator.item()) == (0.0, 0.0)
    assert all(p.grad.isfinite().all() for p in gan.parameters())


@pytest.mark.parametrize("widths", [{}, {"text": 4}])
def test_fewer_than_two_modalities_are_refused(widths: dict[str, int]):
    with pytest.raises(ValueError, match="needs at least 2"):
        TriModalGAN(widths, 5)


def test_two_modalities_suffice():
    widths = {"text": 4, "audio": 3}
    loss = make(widths).generator_loss(torch.ones(2, 7, 5), all_present(7, widths))
    assert loss > 0


def test_generators_learn_against_fixed_discriminators(projected: Tensor):
    gan = make()
    optimiser = torch.optim.Adam(gan.generators.parameters(), lr=0.01)
    losses = []
    for _ in range(100):
        optimiser.zero_grad()
        losses.append(gan.generator_loss(projected, all_present(7)))
        losses[-1].backward()
        optimiser.step()
    assert losses[-1] < 0.8 * losses[0]


def test_discriminators_learn_to_tell_fakes(raw, projected: Tensor):
    gan = make()
    optimiser = torch.optim.Adam(gan.discriminators.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        gan.discriminator_loss(raw, projected, all_present(7)).backward()
        optimiser.step()
    fakes = gan.generate(projected)
    for name, discriminator in gan.discriminators.items():
        assert discriminator(raw[name]).mean() > discriminator(fakes[name]).mean() + 1


def test_shuffled_utterances_change_nothing_where_discriminators_see_single_rows(raw, projected):
    gan = make()
    raw["text"].requires_grad_(False)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(3))
    shuffled = raw | {"text": raw["text"][order]}
    losses = [gan.discriminator_loss(x, projected, all_present(7)) for x in (raw, shuffled)]
    torch.testing.assert_close(*losses)


def test_paired_discriminators_tell_shuffled_utterances(raw, projected: Tensor):
    gan = make(paired=True)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(3))
    shuffled = raw | {"text": raw["text"][order]}
    losses = [gan.discriminator_loss(x, projected, all_present(7)) for x in (raw, shuffled)]
    assert losses[0] != losses[1]


OPTIONS = [
    {"sources": sources, "real": real, "paired": paired}
    for sources in ("joint", "each")
    for real in ("raw", "projected")
    for paired in (False, True)
]


@pytest.mark.parametrize("options", OPTIONS)
def test_every_form_is_the_mean_of_what_counts(raw, projected: Tensor, options):
    gan = make(**options)
    masks = all_present(7)
    masks["audio"] = torch.tensor([True, False, True, True, False, True, True])
    by_hand = {"generator": 0.0, "discriminator": 0.0, "prediction": 0.0}
    for m, name in enumerate(WIDTHS):
        others = [n for n in range(3) if n != m]
        groups = [others] if options["sources"] == "joint" else [[n] for n in others]
        real = raw[name] if options["real"] == "raw" else projected[m]
        reals, fakes = [], []
        for group in groups:
            source = torch.cat([projected[n] for n in group], 1)
            there = torch.stack([masks[list(WIDTHS)[n]] for n in group]).all(0)
            fake = gan.generators[name](source)
            beside = [source] if options["paired"] else []
            judge = gan.discriminators[name]
            of_fake = judge(torch.cat([fake, *beside], 1)).squeeze(1)
            of_real = judge(torch.cat([real, *beside], 1)).squeeze(1)
            both = there & masks[name]
            fakes.append((of_fake, there))
            reals.append((of_real, both if options["paired"] else masks[name]))
            by_hand["prediction"] += (fake - real)[both].square().mean(1).sum() / sum(
                (torch.stack([masks[list(WIDTHS)[n]] for n in g]).all(0) & masks[name]).sum()
                for g in groups
            )
        of_fake, there = (torch.cat(x) for x in zip(*fakes, strict=True))
        of_real, counts = (torch.cat(x) for x in zip(*reals, strict=True))
        by_hand["generator"] += len(groups) * F.softplus(-of_fake)[there].mean()
        smooth = F.binary_cross_entropy_with_logits(
            of_real[counts], torch.full_like(of_real[counts], REAL_TARGET)
        )
        by_hand["discriminator"] += smooth + len(groups) * F.softplus(of_fake)[there].mean()
    found = {
        "generator": gan.generator_loss(projected, masks),
        "discriminator": gan.discriminator_loss(raw, projected, masks),
        "prediction": gan.prediction_loss(raw, projected, masks),
    }
    torch.testing.assert_close(found, by_hand)


@pytest.mark.parametrize("options", OPTIONS)
def test_no_form_lets_discriminators_move_projections(raw, projected: Tensor, options):
    gan = make(**options)
    projected.requires_grad_()
    gan.discriminator_loss(raw, projected, all_present(7)).backward()
    assert projected.grad is None
    assert all(p.grad is None for p in gan.generators.parameters())


@pytest.mark.parametrize("paired", [False, True])
def test_what_a_discriminator_believes_is_its_mean_probability(raw, projected, paired: bool):
    gan = make(paired=paired)
    for judge in gan.discriminators.values():
        nn.init.zeros_(judge[-1].weight)
        nn.init.constant_(judge[-1].bias, 2.0)
    found = gan.believed(raw, projected, all_present(7))
    assert found["audio"] == pytest.approx((SIGMOID, SIGMOID))


@pytest.mark.parametrize(("option", "value"), [("sources", "all"), ("real", "fake")])
def test_other_options_are_refused(option: str, value: str):
    with pytest.raises(ValueError, match=f"{option} must be one of"):
        make(**{option: value})
