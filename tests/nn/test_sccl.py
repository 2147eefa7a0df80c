"""Cluster-level contrast: values by hand, a slow reference, prototypes of labels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.nn import VAD, SCCLLoss, vad_prototypes

IEMOCAP = ("happy", "sad", "neutral", "angry", "excited", "frustrated")
MELD = ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger")


def test_class_at_the_middle_has_the_loss_of_its_prototypes_sum() -> None:
    loss = SCCLLoss(2, [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
    nn.init.zeros_(loss.to_vad.weight)
    nn.init.zeros_(loss.to_vad.bias)  # every utterance at (0.5, 0.5, 0.5): scores 1.5 and 0
    value = loss(torch.ones(3, 2), torch.tensor([0, 0, -1])).item()
    assert value == pytest.approx(-math.log(math.exp(1.5) / (math.exp(1.5) + 1)))


def reference(loss: SCCLLoss, feat: Tensor, label: Tensor) -> Tensor:
    terms = []
    for c in range(len(loss.prototypes)):
        rows = [i for i in range(len(label)) if label[i] == c]
        if rows:
            mean = torch.stack([loss.to_vad(feat[i]).sigmoid() for i in rows]).mean(0)
            scores = torch.stack([mean @ p / loss.temperature for p in loss.prototypes])
            terms.append(scores.exp().sum().log() - scores[c])
    return torch.stack(terms).mean()


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_equals_the_slow_reference(temperature: float) -> None:
    torch.manual_seed(0)
    prototypes = list(vad_prototypes(MELD, {}).values())
    loss = SCCLLoss(5, prototypes, temperature).double()
    feat = torch.randn(20, 5, dtype=torch.float64)
    label = torch.randint(-1, 5, (20,))  # two classes never occur
    torch.testing.assert_close(loss(feat, label), reference(loss, feat, label))


def test_unlabelled_rows_may_hold_anything() -> None:
    loss, feat = SCCLLoss(2, [(1.0, 0.0, 1.0), (0.0, 0.5, 0.0)]), torch.randn(3, 2)
    expected = loss(feat[:2], torch.tensor([0, 1]))
    feat[2] = torch.nan
    assert loss(feat, torch.tensor([0, 1, -1])).equal(expected)


def test_label_of_no_class_is_refused() -> None:
    loss = SCCLLoss(2, [(1.0, 0.0, 1.0), (0.0, 0.5, 0.0)])
    with pytest.raises(ValueError, match="label must be below 2, the number of prototypes, got 2"):
        loss(torch.randn(2, 2), torch.tensor([0, 2]))


def test_a_frequent_class_counts_no_more_than_a_rare_one() -> None:
    torch.manual_seed(0)
    loss = SCCLLoss(4, [VAD["joy"], VAD["sadness"]])
    feat, label = torch.randn(2, 4), torch.tensor([0, 1])
    often = loss(feat[[0, 1, 1, 1]], label[[0, 1, 1, 1]])
    torch.testing.assert_close(often, loss(feat, label))


def test_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    loss = SCCLLoss(3, [VAD["joy"], VAD["sadness"], VAD["fear"]]).double()
    feat = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([0, 2, 2, -1, 0, 1])
    assert torch.autograd.gradcheck(lambda x: loss(x, label), feat)


@pytest.mark.parametrize("size", [0, 3])
def test_a_batch_without_labels_has_a_loss_of_zero_with_a_gradient(size: int) -> None:
    loss, feat = SCCLLoss(4, [VAD["joy"]]), torch.randn(size, 4, requires_grad=True)
    value = loss(feat, torch.full((size,), -1))
    value.backward()
    assert value.item() == 0
    assert feat.grad.abs().sum() == 0


def test_training_brings_classes_to_their_prototypes() -> None:
    torch.manual_seed(0)
    loss = SCCLLoss(4, [(1.0, 0.0, 0.0), (0.0, 1.0, 1.0)])
    feat, label = torch.eye(4), torch.tensor([0, 0, 1, 1])
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        loss(feat, label).backward()
        optimiser.step()
    vad = loss.to_vad(feat).sigmoid()
    assert (vad[:2] - torch.tensor([1.0, 0, 0])).abs().max() < 0.1
    assert (vad[2:] - torch.tensor([0.0, 1, 1])).abs().max() < 0.1


@pytest.mark.parametrize("labels", [IEMOCAP, MELD])
def test_emotions_of_the_usual_data_sets_have_prototypes(labels: tuple[str, ...]) -> None:
    found = vad_prototypes(labels, {})
    assert tuple(found) == labels
    assert len(set(found.values())) == len(labels)


def test_adjectives_have_the_prototypes_of_their_nouns() -> None:
    found = vad_prototypes(["Happy", "ANGER"], {})
    assert found == {"Happy": VAD["happiness"], "ANGER": VAD["anger"]}


def test_given_prototypes_replace_the_lexicons() -> None:
    given = {"joy": (0.1, 0.2, 0.3)}
    assert vad_prototypes(["fear", "joy"], given) == {"fear": VAD["fear"]} | given


def test_label_without_a_prototype_is_named() -> None:
    with pytest.raises(InputError, match=r"label 'bored' has no .*--model.prototypes.bored=\["):
        vad_prototypes(["joy", "bored"], {})


def test_prototype_of_no_label_is_named() -> None:
    with pytest.raises(InputError, match=r"'hapy' is none of the labels \(happy, sad\)"):
        vad_prototypes(["happy", "sad"], {"hapy": (0.1, 0.2, 0.3)})
