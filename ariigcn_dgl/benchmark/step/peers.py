"""A training step with this package's operators, and with torch's own."""

from __future__ import annotations

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import OURS
from ariigcn_dgl.benchmark.step.inputs import StepInputs, loss_and_gradient
from ariigcn_dgl.benchmark.step.native import native_operators
from ariigcn_dgl.training.recorded_step import CudaGraphs, RecordedStep


def _ours(inputs: StepInputs) -> Built:
    optimiser = inputs.optimiser()
    return Built(
        lambda: list(optimiser.train_step(inputs.batch).values()),
        values=lambda _: loss_and_gradient(inputs, inputs.model),
    )


def _recorded(inputs: StepInputs) -> Built:
    optimiser, batch = inputs.optimiser(recorded=True), inputs.batch.on_cpu
    graphs = CudaGraphs(inputs.batch.labels.device)
    step = RecordedStep(optimiser, optimiser.update, len(batch.lengths), graphs)
    return Built(
        lambda: list(step(batch).values()),
        values=lambda _: loss_and_gradient(inputs, inputs.model),
    )


def _native(inputs: StepInputs) -> Built:
    optimiser = inputs.optimiser()

    @native_operators()
    def step() -> list[Tensor]:
        return list(optimiser.train_step(inputs.batch).values())

    @native_operators()
    def values(_: list[Tensor]) -> list[Tensor]:
        return loss_and_gradient(inputs, inputs.model)

    return Built(step, values=values)


def _no_half(inputs: StepInputs) -> str:
    half = next(inputs.model.parameters()).dtype == torch.float16
    return "training knows float32, float64 and bfloat16 (mixed precision)" if half else ""


def _no_graphs(inputs: StepInputs) -> str:
    on_gpu = inputs.batch.labels.device.type == "cuda"
    return _no_half(inputs) or ("" if on_gpu else "CUDA graphs need a CUDA device")


PEERS = (
    Peer(OURS, "ours", _ours, refusal=_no_half),
    Peer("recorded", "ours, padded, as a CUDA graph", _recorded, refusal=_no_graphs),
    Peer("native", "torch operators", _native, refusal=_no_half),
)
