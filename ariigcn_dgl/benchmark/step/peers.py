"""A training step with this package's operators, and with torch's own."""

from __future__ import annotations

from copy import deepcopy

import torch

from ariigcn_dgl.batch.fixed_shape import Shape, Sizes
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import OURS
from ariigcn_dgl.benchmark.step.inputs import StepInputs, loss_and_gradient
from ariigcn_dgl.models.system import known_lengths
from ariigcn_dgl.nn import set_impl
from ariigcn_dgl.training.cuda_graph import CapturedUpdate, CudaGraphs


def _ours(inputs: StepInputs) -> Built:
    learner = inputs.learner()
    return Built(
        lambda: list(learner.train_step(inputs.batch).values()),
        values=lambda _: loss_and_gradient(inputs, inputs.model),
    )


def _captured(inputs: StepInputs) -> Built:
    learner, batch = inputs.learner(capturable=True), inputs.batch.on_cpu
    device = inputs.batch.labels.device
    shape = Shape.holding(Sizes.of(batch), batch.graph.num_rels, len(known_lengths(batch)))
    update = CapturedUpdate(learner.update, device, [shape], CudaGraphs(device))
    return Built(
        lambda: list(learner.step(update, batch).values()),
        values=lambda _: loss_and_gradient(inputs, inputs.model),
    )


def _reference(inputs: StepInputs) -> Built:
    learner = inputs.learner()
    set_impl(learner.model, "reference")
    model = deepcopy(inputs.model)
    set_impl(model, "reference")
    return Built(
        lambda: list(learner.train_step(inputs.batch).values()),
        values=lambda _: loss_and_gradient(inputs, model),
    )


def _no_half(inputs: StepInputs) -> str:
    half = next(inputs.model.parameters()).dtype == torch.float16
    return "training knows float32, float64 and bfloat16 (mixed precision)" if half else ""


def _no_graphs(inputs: StepInputs) -> str:
    on_gpu = inputs.batch.labels.device.type == "cuda"
    return _no_half(inputs) or ("" if on_gpu else "CUDA graphs need a CUDA device")


PEERS = (
    Peer(OURS, "ours", _ours, refusal=_no_half),
    Peer("recorded", "ours, padded, as a CUDA graph", _captured, refusal=_no_graphs),
    Peer("native", "torch operators", _reference, refusal=_no_half),
)
