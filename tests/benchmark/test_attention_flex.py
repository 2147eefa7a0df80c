"""The peer of flex_attention, which runs on GPUs, computes the same as float64 does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.attention import flex_attention

from ariigcn_dgl.benchmark.attention import AttentionProblem
from ariigcn_dgl.benchmark.attention_flex import build_flex
from ariigcn_dgl.benchmark.equality import relative_error

CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize("relations", [2, 8])
# Torch warns of running it without a compiler, and of gradients that its tracer looks at.
@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.usefixtures("tiny")
def test_output_and_gradients_are_those_of_the_formula(
    monkeypatch: pytest.MonkeyPatch, relations: int
) -> None:
    # Torch refuses gradients on the CPU, though what it runs there without a compiler has them.
    monkeypatch.setattr(flex_attention, "_validate_device", lambda *given: None)
    problem = AttentionProblem("meld", 12, relations)
    inputs = problem.inputs(torch.float32, CPU)
    built = build_flex(inputs)
    out = built.forward()
    grads = torch.autograd.grad(out, built.leaves, problem.grad(inputs))
    assert relative_error([out, *grads], problem.truth(inputs, "forward+backward")) < 2e-6


@pytest.mark.usefixtures("tiny")
def test_it_is_not_run_on_a_cpu_and_says_why(measure: Callable) -> None:
    found = measure(AttentionProblem("meld", 12, 8), peers=["flex"]).peer("flex")
    assert (found.status, found.reason) == (
        "not run",
        "torch's flex_attention has no gradient on the CPU",
    )
