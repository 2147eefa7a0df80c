"""The plan: from lengths and speakers to the index structure of a batch, in several ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ariigcn_dgl._dgl import import_dgl
from ariigcn_dgl.benchmark.dialogues import SHAPES, WINDOW, draw_speakers, window_edges
from ariigcn_dgl.benchmark.machine import load_dgl
from ariigcn_dgl.benchmark.problem import Built, Peer
from ariigcn_dgl.benchmark.record import OURS, Pass
from ariigcn_dgl.graph import Graph

if TYPE_CHECKING:
    import dgl

NODE = "utterance"
SPEAKERS = 2
RELATIONS = 2 * SPEAKERS**2 + 1
INDEX_BYTES = 4
MOST_NODES_IN_PYTHON = 5000  # 36 microseconds and more an edge


@dataclass(frozen=True)
class PlanInputs:
    """Equal lengths of all dialogues (B,), and the speaker of every utterance (N,)."""

    lengths: Tensor
    speakers: Tensor


@dataclass(frozen=True)
class PlanProblem:
    """Lengths and speakers of one shape's batch; pairs of two speakers are the relations."""

    batch: str
    operator = "plan"
    passes: tuple[Pass, ...] = ("forward",)

    @property
    def shape(self) -> str:
        """What tables call it."""
        return self.batch

    def inputs(self, dtype: torch.dtype, device: torch.device, seed: int = 0) -> PlanInputs:
        """Return lengths and speakers, on the CPU: there they come from, whatever the device."""
        dialogues, length = SHAPES[self.batch]
        speakers = draw_speakers(dialogues, length, SPEAKERS)
        return PlanInputs(torch.full((dialogues,), length), speakers)

    def sizes(self, inputs: PlanInputs) -> dict[str, int]:
        """Return dialogues B, nodes N and edges E."""
        sizes = {"B": len(inputs.lengths), "N": len(inputs.speakers)}
        return sizes | {"E": len(self.truth(inputs, "forward")[0])}

    def work(self, inputs: PlanInputs) -> Mapping[Pass, tuple[float, float]]:
        """Return no FLOPs, and the bytes that no implementation can avoid."""
        sizes = self.sizes(inputs)
        return {"forward": plan_work(sizes["N"], sizes["E"])}

    def grad(self, inputs: PlanInputs) -> None:
        """Return nothing: there is no gradient."""

    def truth(self, inputs: PlanInputs, name: Pass) -> list[Tensor]:
        """Return the sorted rows (target, relation, source) of all edges."""
        length = int(inputs.lengths[0])
        src, dst, etypes = window_edges(length, inputs.speakers, SPEAKERS)
        return [torch.stack([dst, etypes, src], dim=1).double()]

    def peers(self) -> Sequence[Peer]:
        """Return the implementations, ours first."""
        return PEERS


def plan_work(nodes: int, edges: int) -> tuple[float, float]:
    """Return the FLOPs and bytes: source and relation of every edge, one row pointer, in int32.

    Examples
    --------
    >>> plan_work(nodes=3, edges=5)
    (0.0, 52.0)
    """
    return 0.0, float(INDEX_BYTES * (2 * edges + nodes))


def _rows(src: Tensor, dst: Tensor, etypes: Tensor) -> list[Tensor]:
    """Return the rows (target, relation, source), sorted, for comparison."""
    rows = torch.stack([dst, etypes, src], dim=1)
    for column in (2, 1, 0):
        rows = rows[rows[:, column].argsort(stable=True)]
    return [rows.double()]


def _ours(inputs: PlanInputs) -> Built:
    def values(results: list[Graph]) -> list[Tensor]:
        graph = results[0]
        return _rows(graph.src.long(), graph.dst.long(), graph.etypes.long())

    def forward() -> Graph:
        return Graph.from_dialogues(
            inputs.lengths, inputs.speakers, relations="pairs", num_speakers=SPEAKERS
        )

    return Built(forward, values=values)


def _per_edge(inputs: PlanInputs) -> Built:
    """Loop as published code for this task does: a small tensor per edge, a table of relations."""
    names = {
        f"{j}{i}{int(later)}": 2 * (j * SPEAKERS + i) + int(later)
        for j in range(SPEAKERS)
        for i in range(SPEAKERS)
        for later in (False, True)
    }

    def forward() -> tuple[Tensor, Tensor]:
        edges, etypes, first = [], [], 0
        for length in inputs.lengths.tolist():
            for i in range(length):
                for j in range(max(0, i - WINDOW), min(length, i + WINDOW + 1)):
                    edges.append(torch.tensor([first + j, first + i]))
                    pair = f"{inputs.speakers[first + j]}{inputs.speakers[first + i]}"
                    etypes.append(RELATIONS - 1 if i == j else names[pair + str(int(j > i))])
            first += length
        return torch.stack(edges).T, torch.tensor(etypes)

    def values(results: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
        edges, etypes = results[0]
        return _rows(edges[0], edges[1], etypes)

    return Built(forward, values=values)


def _heterograph(length: int, speakers: Tensor) -> dgl.DGLGraph:
    src, dst, etypes = window_edges(length, speakers, SPEAKERS)
    edges = {}
    for relation in range(RELATIONS):
        chosen = etypes == relation
        edges[NODE, str(relation), NODE] = (src[chosen], dst[chosen])
    return import_dgl().heterograph(edges, num_nodes_dict={NODE: len(speakers)})


def _hetero_values(results: list[dgl.DGLGraph]) -> list[Tensor]:
    parts = [(*results[0].edges(etype=str(r)), r) for r in range(RELATIONS)]
    src, dst = (torch.cat(one) for one in list(zip(*parts, strict=True))[:2])
    etypes = torch.cat([torch.full_like(one, relation) for one, _, relation in parts])
    return _rows(src, dst, etypes)


def _dgl(build: Callable[[PlanInputs], dgl.DGLGraph]) -> Callable[[PlanInputs], Built]:
    def forward(inputs: PlanInputs) -> dgl.DGLGraph:
        graph = build(inputs)
        graph.create_formats_()
        return graph

    def prepare(inputs: PlanInputs) -> Built:
        load_dgl()
        return Built(lambda: forward(inputs), values=_hetero_values)

    return prepare


def _per_dialogue(inputs: PlanInputs) -> dgl.DGLGraph:
    lengths = inputs.lengths.tolist()
    parts = zip(lengths, inputs.speakers.split(lengths), strict=True)
    return import_dgl().batch([_heterograph(length, speakers) for length, speakers in parts])


def _at_once(inputs: PlanInputs) -> dgl.DGLGraph:
    return _heterograph(int(inputs.lengths[0]), inputs.speakers)


def _torch(inputs: PlanInputs) -> Built:
    """Sorted edges, segments and the transpose, by whole-tensor operations."""
    length, nodes = int(inputs.lengths[0]), len(inputs.speakers)

    def forward() -> tuple[Any, ...]:
        src, dst, etypes = window_edges(length, inputs.speakers, SPEAKERS)
        indptr = torch.searchsorted(dst, torch.arange(nodes + 1))
        segment = torch.unique_consecutive(dst * RELATIONS + etypes, return_counts=True)
        transpose = torch.argsort(src, stable=True)
        return src, dst, etypes, indptr, segment, transpose, torch.bincount(src, minlength=nodes)

    return Built(forward, values=lambda results: _rows(*results[0][:3]))


def _too_slow(inputs: PlanInputs) -> str:
    fits = len(inputs.speakers) <= MOST_NODES_IN_PYTHON
    return "" if fits else "takes more than a minute at this size"


PEERS = (
    Peer(OURS, "ours", _ours, slack=1),
    Peer("python", "per-edge Python", _per_edge, refusal=_too_slow),
    Peer("dgl-batch", "DGL heterographs + batch", _dgl(_per_dialogue), package="dgl"),
    Peer("dgl-hetero", "DGL heterograph", _dgl(_at_once), package="dgl"),
    Peer("torch", "torch, vectorised", _torch),
)
