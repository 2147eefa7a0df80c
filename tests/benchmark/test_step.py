"""The training step: the same model with torch's operators, and what a call of it does."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.benchmark.step import StepInputs, StepProblem, loss_and_gradient
from ariigcn_dgl.nn import set_impl

CPU = torch.device("cpu")


@pytest.fixture
def inputs(tiny: None) -> StepInputs:
    """Return a small step in float64."""
    return StepProblem("iemocap").inputs(torch.float64, CPU)


def in_plain_torch(inputs: StepInputs) -> list[Tensor]:
    return loss_and_gradient(inputs, set_impl(deepcopy(inputs.model), "reference"))


def test_every_gradient_is_that_of_torchs_operators(inputs: StepInputs) -> None:
    ours, native = loss_and_gradient(inputs, inputs.model), in_plain_torch(inputs)
    torch.testing.assert_close(ours, native, rtol=1e-9, atol=1e-12)
    assert (ours[1] != 0).double().mean() > 0.5


def test_both_peers_train_the_same_model(inputs: StepInputs) -> None:
    training = replace(inputs.config.training, grad_clip=1e9)  # nothing is clipped
    inputs = replace(inputs, config=replace(inputs.config, training=training))
    for layer in inputs.model.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
    before = [p.clone() for p in inputs.model.parameters()]
    trained = []
    for switch in (False, True):
        learner = inputs.learner()
        if switch:
            set_impl(learner.model, "reference")
        learner.train_step(inputs.batch)
        trained.append(list(learner.model.parameters()))
    assert all(a.equal(b) for a, b in zip(before, inputs.model.parameters(), strict=True))
    assert not any(a.equal(b) for a, b in zip(before, trained[0], strict=True) if a.dim() > 1)
    # Adam divides by the gradient's size, so that what is rounded away elsewhere counts in full.
    same = [torch.isclose(a, b, atol=1e-6) for a, b in zip(*trained, strict=True)]
    assert torch.cat([x.flatten() for x in same]).double().mean() > 0.999


def test_a_call_is_a_whole_step(inputs: StepInputs) -> None:
    peer = StepProblem("iemocap").peers()[0]
    losses = peer.build(inputs).forward()
    assert len(losses) >= 5  # those of the classifiers, of the contrast and of both adversaries
    assert not any(loss.requires_grad for loss in losses)


def test_work_is_what_the_optimisers_touch(inputs: StepInputs) -> None:
    parameters = sum(p.numel() for p in inputs.model.parameters())
    problem = StepProblem("iemocap")
    assert problem.work(inputs) == {"step": (0.0, 9 * 8 * parameters)}
    sizes = problem.sizes(inputs)
    assert (sizes["B"], sizes["parameters"]) == (3, parameters)
    assert sizes["N"] == len(inputs.batch.labels)


def test_step_in_half_precision_is_refused(tiny: None) -> None:
    inputs = StepProblem("meld").inputs(torch.float16, CPU)
    assert all("mixed precision" in p.refusal(inputs) for p in StepProblem("meld").peers())
