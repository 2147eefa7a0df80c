"""AdversarialContrastive: the losses of its parts, and who trains whom."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn import AdversarialContrastive, ICCLLoss, IMCLLoss

WIDTHS = {"text": 6, "audio": 3, "visual": 5}
LABELS = torch.tensor([0, 1, 0, 1, -1, 0, 1])


def make(widths: dict[str, int] = WIDTHS, **options: float) -> AdversarialContrastive:
    torch.manual_seed(0)
    return AdversarialContrastive(widths, 7, **options).double().eval()


def raw() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        m: torch.randn(7, w, generator=generator, dtype=torch.float64) for m, w in WIDTHS.items()
    }


def states(modalities: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    found = torch.randn(modalities, 7, 7, generator=generator, dtype=torch.float64)
    return found.requires_grad_()


def masks() -> dict[str, Tensor]:
    found = {m: torch.ones(7, dtype=torch.bool) for m in WIDTHS}
    found["audio"][2] = False
    return found


def test_of_labels_in_several_ways_the_mean_counts() -> None:
    blocks, found = make(), states()
    ways = torch.stack([LABELS, LABELS.flip(0)])
    each = [blocks.contrast_terms(found, own, masks()) for own in ways]
    mean = {name: (each[0][name] + each[1][name]) / 2 for name in each[0]}
    torch.testing.assert_close(blocks.contrast_terms(found, ways, masks()), mean)


def test_losses_are_those_of_the_parts_with_their_weights() -> None:
    blocks = make(adversarial_weight=0.5, iccl_weight=0.25, imcl_weight=2.0)
    z, there = states(), masks()
    labels = torch.where(torch.stack([there[m] for m in WIDTHS]), LABELS, -1)
    found = blocks(z, LABELS, there)
    assert blocks.gan is not None
    torch.testing.assert_close(found["generator"], 0.5 * blocks.gan.generator_loss(z, there))
    torch.testing.assert_close(found["iccl"], 0.25 * ICCLLoss("supcon")(z, labels))
    torch.testing.assert_close(found["imcl"], 2.0 * IMCLLoss(form="supcon")(z, labels))
    expected = blocks.gan.discriminator_loss(raw(), z.detach(), there)
    torch.testing.assert_close(blocks.discriminator_loss(raw(), z, there), expected)


def test_every_modality_is_there_unless_masks_say_otherwise() -> None:
    everywhere = {m: torch.ones(7, dtype=torch.bool) for m in WIDTHS}
    blocks, z = make(), states()
    assert blocks(z, LABELS) == blocks(z, LABELS, everywhere)


def test_discriminators_and_the_rest_have_no_parameter_in_common() -> None:
    blocks = make()
    theirs, others = set(blocks.discriminator_parameters()), set(blocks.generator_parameters())
    assert not theirs & others
    assert theirs | others == set(blocks.parameters())


def test_the_discriminators_loss_moves_no_state_and_no_generator() -> None:
    blocks, z = make(), states()
    blocks.discriminator_loss(raw(), z).backward()
    assert z.grad is None
    assert all(p.grad is None for p in blocks.generator_parameters())
    assert all(p.grad is not None for p in blocks.discriminator_parameters())


def test_the_losses_move_the_states_of_every_modality() -> None:
    z = states()
    sum(make()(z, LABELS).values()).backward()
    assert z.grad is not None
    assert (z.grad.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize(
    ("weight", "left"),
    [
        ("adversarial_weight", ["iccl", "imcl"]),
        ("iccl_weight", ["generator", "imcl"]),
        ("imcl_weight", ["generator", "iccl"]),
    ],
)
def test_a_loss_without_weight_is_left_out(weight: str, left: list[str]) -> None:
    assert sorted(make(**{weight: 0.0})(states(), LABELS)) == left


def test_one_modality_has_iccl_alone() -> None:
    blocks = make({"text": 6})
    assert list(blocks(states(1), LABELS)) == ["iccl"]
    assert list(blocks.parameters()) == []
    with pytest.raises(ValueError, match="there is no GAN: it needs two modalities"):
        blocks.discriminator_loss(raw(), states(1))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (torch.zeros(2, 7, 7), r"states must have shape \(3, 7, 7\), got \(2, 7, 7\)"),
        (torch.zeros(7, 7), "states must have 3 dimensions"),
        (torch.zeros(3, 7, 6), r"states must have shape \(3, 7, 7\), got \(3, 7, 6\)"),
        (torch.zeros(3, 6, 7), r"labels must have shape \(6,\), got \(7,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(bad: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()(bad.double(), LABELS)
