"""Pairwise contrast: the problem, the work it needs, and its result in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ariigcn_dgl.benchmark.contrast.inputs import DIM, ContrastInputs, Form, draw_rows
from ariigcn_dgl.benchmark.contrast.our_peers import OUR_PEERS
from ariigcn_dgl.benchmark.contrast.pml_peers import PML_PEERS
from ariigcn_dgl.benchmark.contrast.torch_peers import TORCH_PEERS, anchor_losses
from ariigcn_dgl.benchmark.problem import Peer
from ariigcn_dgl.benchmark.record import PASSES, Pass

TRUTH_ELEMENTS = 2**22  # of a block of the (N, N) similarities in float64: 32 MB


@dataclass(frozen=True)
class ContrastProblem:
    """N rows of one modality, and the form of the loss.

    "infonce" has the regulariser, "supcon" has none: then it is what other libraries call SupCon.
    """

    size: int
    form: Form
    operator = "contrast"
    passes = PASSES

    @property
    def shape(self) -> str:
        """What tables call it."""
        return f"N{self.size} {self.form}"

    def inputs(self, dtype: torch.dtype, device: torch.device) -> ContrastInputs:
        """Return tensors for all peers."""
        return draw_rows(self.size, self.form, dtype, device)

    def sizes(self, inputs: ContrastInputs) -> dict[str, int]:
        """Return rows N and width D."""
        return {"N": self.size, "D": DIM}

    def work(self, inputs: ContrastInputs) -> Mapping[Pass, tuple[float, float]]:
        """Return the FLOPs and bytes that no implementation can avoid."""
        return contrast_work(self.size, DIM, inputs.feat.element_size())

    def grad(self, inputs: ContrastInputs) -> None:
        """Return nothing: the loss is a scalar."""

    def truth(self, inputs: ContrastInputs, name: Pass) -> list[Tensor]:
        """Return loss and gradient by plain torch in float64, some anchors at a time."""
        feat = inputs.feat.detach().double().requires_grad_()
        loss, gradient = torch.zeros((), dtype=torch.double), torch.zeros_like(feat)
        for rows in torch.arange(self.size, device=feat.device).split(TRUTH_ELEMENTS // self.size):
            part = anchor_losses(feat, inputs.label, rows, inputs.form).sum() / self.size
            loss = loss + part.detach().cpu()
            if name != "forward":
                gradient += torch.autograd.grad(part, feat)[0]
        return [loss] if name == "forward" else [loss, gradient]

    def peers(self) -> Sequence[Peer]:
        """Return the implementations, ours first."""
        return (*OUR_PEERS, *TORCH_PEERS, *(PML_PEERS if self.form == "supcon" else ()))


def contrast_work(size: int, dim: int, item: int) -> dict[Pass, tuple[float, float]]:
    """Return the FLOPs and bytes of both passes.

    The similarities are symmetric: half of 2 N² D FLOPs makes them. The backward pass makes them
    again, and multiplies its weights, which are symmetric too but have to meet every row, with all
    rows: N² D + N² D + 2 N² D.

    Examples
    --------
    >>> contrast_work(size=10, dim=2, item=4)
    {'forward': (200.0, 80.0), 'forward+backward': (800.0, 240.0)}
    """
    pairs, rows = float(size**2 * dim), float(item * size * dim)
    return {"forward": (pairs, rows), "forward+backward": (4 * pairs, 3 * rows)}
