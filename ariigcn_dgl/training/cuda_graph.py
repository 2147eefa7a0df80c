"""Updates of a model as replays of CUDA graphs: one launch instead of a thousand."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.batch.fixed_shape import Nodes, Shape, Sizes, padded, rebuilt, tensors_of
from ariigcn_dgl.transfer import pack, unpack

Update = Callable[[Batch], dict[str, Tensor]]  # of the weights by a batch; returns the losses


class GraphCapture(Protocol):
    """Captures what a function does on a device, and does it again."""

    def warm_up(self, function: Callable[[], Any]) -> Any:
        """Call the function, so that all that is made once has been made; return its result."""

    def capture(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return a replay of the function, which itself is not carried out."""


class CudaGraphs:
    """Captures CUDA graphs on a stream of its own; they share one pool of memory.

    Parameters
    ----------
    device : torch.device or str
        The CUDA device of all that is captured.
    """

    def __init__(self, device: torch.device | str) -> None:
        self.stream = torch.cuda.Stream(device)
        self.pool = torch.cuda.graph_pool_handle()  # steps never overlap: their memory is shared

    def warm_up(self, function: Callable[[], Any]) -> Any:
        """Call the function on the stream that it will be captured on."""
        current = torch.cuda.current_stream(self.stream.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            result = function()
        current.wait_stream(self.stream)  # what follows reads what was computed there
        return result

    def capture(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return a replay, whose result lies at the same place every time."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self.pool, stream=self.stream):
            result = function()

        def replay() -> Any:
            graph.replay()
            return result

        return replay


class OrComputed:
    """Captures as another does; what that cannot capture is computed every time, with a warning.

    Parameters
    ----------
    capture : GraphCapture
    """

    def __init__(self, capture: GraphCapture) -> None:
        self.warm_up = capture.warm_up
        self._capture = capture.capture

    def capture(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Return a replay of the function, or the function itself."""
        try:
            return self._capture(function)
        except RuntimeError as error:
            warnings.warn(
                f"a step could not be captured as a CUDA graph and is computed: {error}",
                stacklevel=2,
            )
            return function


class CapturedUpdate:
    """Does an update, for each shape of batch from its third on as a replay.

    A batch is `padded` to the first shape that holds it and copied, in one piece, to where the
    graph reads it. The first of a shape is computed as ever, which warms libraries up; the second
    is captured.
    The model must be `System.capturable`.

    Parameters
    ----------
    update : callable
        `Learner.update` or `Learner.adversarial_update` of a learner with ``capturable=True``.
    device : torch.device or str
        Where the learner's model is.
    shapes : sequence of Shape
        What batches may have, smallest first (`few_shapes`).
    capture : GraphCapture
        Usually `CudaGraphs`.
    """

    def __init__(
        self,
        update: Update,
        device: torch.device | str,
        shapes: Sequence[Shape],
        capture: GraphCapture,
    ) -> None:
        self.update = update
        self.device = torch.device(device)
        self.shapes = shapes
        self.capture = capture
        self.inputs: dict[Shape, _Inputs] = {}
        self.replays: dict[Shape, Callable[[], dict[str, Tensor]]] = {}

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Update by a batch that is on the CPU; return the losses.

        Raises
        ------
        ValueError
            If none of the shapes holds the batch.
        """
        shape = self._shape(batch)
        fixed = padded(batch, shape)
        if shape not in self.inputs:  # the first of its shape
            self.inputs[shape] = _Inputs.of(fixed, self.device)
            return self.capture.warm_up(lambda: self.update(self.inputs[shape].batch()))
        inputs = self.inputs[shape]
        inputs.fill(fixed)
        if shape not in self.replays:
            self.replays[shape] = self.capture.capture(lambda: self.update(inputs.batch()))
        # Copied: the next replay writes its losses to the same place.
        return {name: loss.clone() for name, loss in self.replays[shape]().items()}

    def _shape(self, batch: Batch) -> Shape:
        sizes = Sizes.of(batch)
        for shape in self.shapes:
            if shape.holds(sizes, Nodes.of(batch)):
                return shape
        raise ValueError(f"none of the shapes holds a batch of {len(batch.labels)} utterances")


@dataclass(frozen=True)
class _Inputs:
    """Where a graph reads its batch: one buffer on the device."""

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
        """Return the batch anew, so that what else is derived is computed in the graph."""
        return rebuilt(self.like, self.views)
