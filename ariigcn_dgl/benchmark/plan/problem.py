"""The plan of a batch: the problem, the work it needs, and the edges it must have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.dialogues import SHAPES, draw_speakers, window_edges
from ariigcn_dgl.benchmark.plan.inputs import SPEAKERS, PlanInputs
from ariigcn_dgl.benchmark.plan.peers import PEERS
from ariigcn_dgl.benchmark.problem import Peer
from ariigcn_dgl.benchmark.record import Pass

INDEX_BYTES = 4


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

    def inputs(self, dtype: torch.dtype, device: torch.device) -> PlanInputs:
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
