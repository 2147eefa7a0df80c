"""The training step: the same model with torch's operators, and what a call of it does."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.benchmark.step import native
from ariigcn_dgl.benchmark.step.inputs import StepInputs, loss_and_gradient
from ariigcn_dgl.benchmark.step.native import native_operators
from ariigcn_dgl.benchmark.step.problem import StepProblem
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import mean_conv
from ariigcn_dgl.ops import relational_attention_reference, segment_spmm

CPU = torch.device("cpu")


@pytest.fixture
def inputs(tiny: None) -> StepInputs:
    """Return a small step in float64."""
    return StepProblem("iemocap").inputs(torch.float64, CPU)


def with_native(inputs: StepInputs) -> list[Tensor]:
    with native_operators():
        return loss_and_gradient(inputs, inputs.model)


def test_every_gradient_is_that_of_torchs_operators(inputs: StepInputs) -> None:
    ours, native = loss_and_gradient(inputs, inputs.model), with_native(inputs)
    torch.testing.assert_close(ours, native, rtol=1e-9, atol=1e-12)
    assert (ours[1] != 0).double().mean() > 0.5


def test_native_attention_is_that_of_the_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths, speakers = torch.tensor([9, 1, 5]), torch.arange(15) // 2 % 2
    graph = Graph.from_dialogues(lengths, speakers, past=3, future=2)
    sizes = [(2, 15, 4), (2, 4, 3), (2, 4, 3), (2, 3), (2, graph.num_rels, 4, 5)]
    given = [torch.randn(size, generator=generator, dtype=torch.double) for size in sizes]
    found = native.relational_attention(graph, *given, dropout=0.0, gelu=True)
    torch.testing.assert_close(found, relational_attention_reference(graph, *given, gelu=True))


def test_layers_have_their_own_operators_again_afterwards(inputs: StepInputs) -> None:
    @native_operators()
    def fail() -> None:
        assert mean_conv.segment_spmm is native.segment_spmm
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert mean_conv.segment_spmm is segment_spmm


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
            with native_operators():
                learner.train_step(inputs.batch)
        else:
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
