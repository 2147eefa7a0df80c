"""A training step: the problem, the memory that it has to touch, and its result in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.problem import Peer
from ariigcn_dgl.benchmark.record import Pass
from ariigcn_dgl.benchmark.step.inputs import (
    SHAPES,
    StepInputs,
    draw_step,
    loss_and_gradient,
    with_dtype,
)
from ariigcn_dgl.benchmark.step.peers import PEERS
from ariigcn_dgl.models.system import known_lengths
from ariigcn_dgl.nn import set_impl

# Adam reads a parameter, its gradient and two moments, and writes three of them; the moving average
# reads and writes one more.
TOUCHED = 9


@dataclass(frozen=True)
class StepProblem:
    """AR-IIGCN with its tuned settings, on one batch of a data set's size.

    What is timed is a whole step (`Learner.train_step`): discriminators, then everything else,
    each with its losses, gradients and optimiser; and the moving average. What is compared are
    losses and gradients before the first step, without dropout.
    """

    batch: str
    operator = "step"
    passes: tuple[Pass, ...] = ("step",)

    @property
    def shape(self) -> str:
        """What tables call it."""
        return self.batch

    def inputs(self, dtype: torch.dtype, device: torch.device) -> StepInputs:
        """Return batch and model."""
        return draw_step(SHAPES[self.batch], dtype, device)

    def sizes(self, inputs: StepInputs) -> dict[str, int]:
        """Return dialogues B, utterances N, edges E and the number of parameters."""
        parameters = sum(p.numel() for p in inputs.model.parameters())
        graph = inputs.batch.graph
        sizes = {"B": len(known_lengths(inputs.batch)), "N": graph.num_dst, "E": graph.num_edges}
        return sizes | {"parameters": parameters}

    def work(self, inputs: StepInputs) -> Mapping[Pass, tuple[float, float]]:
        """Return no FLOPs, and the bytes that the optimisers cannot avoid."""
        parameters = inputs.model.parameters()
        return {"step": (0.0, float(TOUCHED * sum(p.nbytes for p in parameters)))}

    def grad(self, inputs: StepInputs) -> None:
        """Return nothing: a step makes its own gradients."""

    def truth(self, inputs: StepInputs, name: Pass) -> list[Tensor]:
        """Return losses and gradient by torch's operators in float64."""
        exact = replace(inputs, batch=with_dtype(inputs.batch, torch.float64))
        exact = replace(
            exact,
            config=replace(inputs.config, training=replace(inputs.config.training, amp=False)),
        )
        model = deepcopy(inputs.model).double()
        set_impl(model, "reference")
        return loss_and_gradient(exact, model)

    def peers(self) -> Sequence[Peer]:
        """Return the implementations, ours first."""
        return PEERS
