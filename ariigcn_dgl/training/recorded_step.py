"""Steps of training as replays of CUDA graphs: one launch instead of a thousand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.batch.fixed_shape import Shape, padded, rebuilt, tensors_of
from ariigcn_dgl.training.optimise import Optimiser, Update
from ariigcn_dgl.transfer import pack, unpack


class Recorder(Protocol):
    """Records what a function does on a device, and does it again."""

    def warm_up(self, function: Callable[[], Any]) -> Any:
        """Call the function, so that all that is made once has been made; return its result."""

    def record(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return a replay of the function, which itself is not carried out."""


class CudaGraphs:
    """Records CUDA graphs on a stream of its own; they share one pool of memory.

    Parameters
    ----------
    device : torch.device or str
        The CUDA device of all that is recorded.
    """

    def __init__(self, device: torch.device | str) -> None:
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()

    def warm_up(self, function: Callable[[], Any]) -> Any:
        """Call the function on the stream that it will be recorded on."""
        current = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            result = function()
        current.wait_stream(self.stream)
        return result

    def record(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return a replay, whose result lies at the same place every time."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            result = function()

        def replay() -> Any:
            graph.replay()
            return result

        return replay


class RecordedStep:
    """Takes steps of an optimiser, each shape of batch from its third on as a replay.

    A batch is `padded` to one of a few shapes and copied, in one piece, to where the recording
    reads it. The first of a shape is computed as ever, which warms libraries up; the second is
    recorded. The model must be `System.recordable`.

    Parameters
    ----------
    optimiser : Optimiser
        With ``recorded=True``.
    update : callable
        `Optimiser.update` or `Optimiser.adversarial_update` of it.
    batch_size : int
        Most dialogues in a batch.
    recorder : Recorder
    """

    def __init__(
        self, optimiser: Optimiser, update: Update, batch_size: int, recorder: Recorder
    ) -> None:
        self.optimiser = optimiser
        self.update = update
        self.batch_size = batch_size
        self.recorder = recorder
        self.device = optimiser.parameters[0].device
        self.inputs: dict[Shape, _Inputs] = {}
        self.replays: dict[Shape, Callable[[], dict[str, Tensor]]] = {}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Take a step on a batch that is on the CPU; return the loss terms."""
        return self.optimiser.step(self._update, batch)

    def _update(self, batch: Batch) -> dict[str, Tensor]:
        shape = Shape.of(batch, self.batch_size)
        fixed = padded(batch, shape)
        if shape not in self.inputs:
            self.inputs[shape] = _Inputs.of(fixed, self.device)
            return self.recorder.warm_up(lambda: self.update(self.inputs[shape].batch()))
        inputs = self.inputs[shape]
        inputs.fill(fixed)
        if shape not in self.replays:
            self.replays[shape] = self.recorder.record(lambda: self.update(inputs.batch()))
        return {name: term.clone() for name, term in self.replays[shape]().items()}


@dataclass(frozen=True)
class _Inputs:
    """Where a recording reads its batch: one buffer on the device."""

    like: Batch
    buffer: Tensor
    views: list[Tensor]

    @classmethod
    def of(cls, fixed: Batch, device: torch.device) -> _Inputs:
        tensors = tensors_of(fixed)
        packed, places = pack(tensors, page_locked=device.type == "cuda")
        buffer = packed.to(device, non_blocking=True)
        return cls(fixed, buffer, unpack(buffer, tensors, places))

    def fill(self, fixed: Batch) -> None:
        on_gpu = self.buffer.device.type == "cuda"
        packed, _ = pack(tensors_of(fixed), page_locked=on_gpu)
        self.buffer.copy_(packed, non_blocking=True)

    def batch(self) -> Batch:
        """Return the batch anew, so that the recording derives from it what it needs."""
        return rebuilt(self.like, self.views)
