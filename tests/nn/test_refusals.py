"""Losses, GAN, encoder and fusions refuse what does not fit, in a sentence that names it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ariigcn_dgl.nn import (
    FUSIONS,
    AdversarialContrastive,
    ICCLLoss,
    IMCLLoss,
    ModalityEncoder,
    PairwiseContrast,
    TriModalGAN,
    set_impl,
)
from ariigcn_dgl.nn.contrast import ICCL_RULE

WIDTHS = {"text": 4, "audio": 3}
FEAT, LABEL = torch.ones(2, 5, 6), torch.zeros(2, 5, dtype=torch.int64)
RAW = {name: torch.ones(5, width) for name, width in WIDTHS.items()}
MASKS = {name: torch.ones(5).bool() for name in WIDTHS}
LOSSES = {"ICCLLoss": ICCLLoss(), "IMCLLoss": IMCLLoss()}


@pytest.fixture
def gan() -> TriModalGAN:
    return TriModalGAN(WIDTHS, hidden_dim=6)


BAD_ROWS = {
    "a row": ((FEAT[0, 0], LABEL), r"feat must have 3 dimensions, got shape \(6,\)"),
    "integer rows": ((FEAT.long(), LABEL), "feat must be a floating tensor, got torch.int64"),
    "labels without groups": ((FEAT, LABEL[0]), r"label must have shape \(2, 5\), got \(5,\)"),
    "a label too few": ((FEAT, LABEL[:, 1:]), r"label must have shape \(2, 5\), got \(2, 4\)"),
    "floating labels": ((FEAT, LABEL.float()), "label must be int64, got torch.float32"),
    "labels elsewhere": (
        (FEAT, LABEL.to("meta")),
        r"label must be on the device of feat \(cpu\), got meta",
    ),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("case", BAD_ROWS)
def test_losses_refuse_rows_and_labels_that_do_not_fit(loss: Callable, case: str):
    arguments, message = BAD_ROWS[case]
    with pytest.raises(ValueError, match=message):
        loss(*arguments)


@pytest.mark.parametrize("margin", [float("nan"), float("inf")])
def test_a_margin_that_is_no_number_is_refused_when_the_loss_is_made(margin: float):
    with pytest.raises(ValueError, match=f"margin must be finite, got {margin}"):
        IMCLLoss(margin=margin)


def test_an_unknown_computation_is_refused():
    with pytest.raises(ValueError, match="impl must be one of native, reference, got 'torch'"):
        set_impl(ICCLLoss(), "torch")


@pytest.mark.parametrize(
    ("widths", "options", "message"),
    [
        ({}, {}, "widths must name a modality at least"),
        (WIDTHS, {"iccl_weight": -1.0}, "iccl_weight must be 0 or more, got -1.0"),
        (WIDTHS, {"imcl_weight": float("nan")}, "imcl_weight must be 0 or more, got nan"),
    ],
)
def test_blocks_that_cannot_be_are_refused(widths: dict, options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        AdversarialContrastive(widths, 6, **options)


def test_rows_of_one_group_want_labels_of_one():
    with pytest.raises(ValueError, match=r"label must have shape \(5,\), got \(2, 5\)"):
        ICCLLoss()(FEAT[0], LABEL)
    with pytest.raises(ValueError, match=r"modality must have shape \(5,\), got \(4,\)"):
        PairwiseContrast(ICCL_RULE)(FEAT[0], LABEL[0], LABEL[0, 1:])


def test_a_loss_across_modalities_refuses_rows_of_one():
    with pytest.raises(
        ValueError, match=r"feat must be \(M, N, D\), .* ICCLLoss takes rows of one"
    ):
        IMCLLoss()(FEAT[0], LABEL[0])


def test_contrast_refuses_modalities_that_do_not_fit():
    with pytest.raises(ValueError, match=r"modality must have shape \(2, 5\), got \(2,\)"):
        PairwiseContrast(ICCL_RULE)(FEAT, LABEL, LABEL[:, 0])


BAD_OPTIONS = {
    "form must be one of ratio, infonce, supcon, got 'clip'": lambda: ICCLLoss(form="clip"),
    "margin_mode must be one of .* got 'soft'": lambda: IMCLLoss(margin_mode="soft"),
    "pairs must be one of abstract, .* got 'mine'": lambda: IMCLLoss(pairs="mine"),
    "temperature must be positive and finite, got 0": lambda: ICCLLoss(temperature=0.0),
    "gan_loss must be one of .* got 'wgan'": lambda: TriModalGAN(WIDTHS, 6, gan_loss="wgan"),
}


@pytest.mark.parametrize("message", BAD_OPTIONS)
def test_unknown_options_are_refused(message: str):
    with pytest.raises(ValueError, match=message):
        BAD_OPTIONS[message]()


@pytest.mark.parametrize(
    ("projected", "message"),
    [
        (FEAT[0], "projected must have 3 dimensions"),
        (FEAT[:1], r"projected must have shape \(2, 5, 6\), got \(1, 5, 6\)"),
        (FEAT[..., 1:], r"projected must have shape \(2, 5, 6\), got \(2, 5, 5\)"),
    ],
)
def test_the_gan_refuses_projections_of_another_shape(gan, projected, message: str):
    with pytest.raises(ValueError, match=message):
        gan.generator_loss(projected, MASKS)
    with pytest.raises(ValueError, match=message):
        gan.discriminator_loss(RAW, projected, MASKS)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"text": MASKS["text"]}, "masks must have text, audio, got text"),
        (MASKS | {"audio": torch.ones(4).bool()}, r"masks\['audio'\] must have shape \(5,\)"),
    ],
)
def test_the_gan_refuses_masks_that_do_not_fit(gan, masks, message: str):
    with pytest.raises(ValueError, match=message):
        gan.generator_loss(FEAT, masks)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"audio": RAW["audio"]}, "raw must have text, audio, got audio"),
        (RAW | {"text": torch.ones(5, 9)}, r"raw\['text'\] must have shape \(5, 4\), got \(5, 9\)"),
    ],
)
def test_the_gan_refuses_features_that_do_not_fit(gan, raw, message: str):
    with pytest.raises(ValueError, match=message):
        gan.discriminator_loss(raw, FEAT, MASKS)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"text": RAW["text"]}, "features must have text, audio, got text"),
        ({}, "features must have text, audio, got none"),
        (RAW | {"visual": RAW["audio"]}, "must have text, audio, got text, audio, visual"),
        (RAW | {"audio": torch.ones(5, 2)}, r"features\['audio'\] must have shape \(5, 3\)"),
        (RAW | {"audio": torch.ones(4, 3)}, r"features\['audio'\] must have shape \(5, 3\)"),
    ],
)
def test_the_encoder_refuses_features_that_do_not_fit(features, message: str):
    with pytest.raises(ValueError, match=message):
        ModalityEncoder(WIDTHS, 6)(features)


@pytest.mark.parametrize("name", FUSIONS)
@pytest.mark.parametrize(
    ("feat", "message"),
    [
        (FEAT[0], "feat must have 3 dimensions"),
        (FEAT[:1], r"feat must have shape \(2, 5, 6\), got \(1, 5, 6\)"),
        (FEAT[..., 1:], r"feat must have shape \(2, 5, 6\), got \(2, 5, 5\)"),
    ],
)
def test_fusions_refuse_states_of_another_shape(name: str, feat, message: str):
    with pytest.raises(ValueError, match=message):
        FUSIONS[name](6, 2)(feat)


@pytest.mark.parametrize("form", ["ratio", "infonce", "supcon"])
def test_losses_can_be_differentiated_again(form: str):
    generator = torch.Generator().manual_seed(0)
    feat = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([[0, 0, 1, 1, 2], [0, 1, 1, -1, 2]])
    loss = IMCLLoss("hycon", form, temperature=0.7, margin=0.3)
    assert torch.autograd.gradgradcheck(lambda x: loss(x, label), [feat], fast_mode=True)
