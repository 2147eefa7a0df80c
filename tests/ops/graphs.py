"""Small graphs of every shape, and the gradients of what operators compute on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph


def csr_graph(degrees: list[int], num_src: int, num_rels: int = 3) -> Graph:
    generator = torch.Generator().manual_seed(0)
    indices = torch.randint(max(num_src, 1), (sum(degrees),), generator=generator)
    rows = torch.randint(num_rels, (sum(degrees),), generator=generator).split(degrees)
    etypes = torch.cat([row.sort().values for row in rows]) if degrees else indices
    indptr = torch.tensor([0, *degrees]).cumsum(0)
    return Graph.from_csr(indptr, indices, etypes, num_rels, num_src)


GRAPHS = {
    "empty": csr_graph([], 0),
    "no targets": csr_graph([], 3),
    "no edges": csr_graph([0, 0], 3),
    "one node": csr_graph([1], 1),
    "isolated nodes": csr_graph([0, 4, 0, 1], 9),
    "double edges": csr_graph([5, 6], 2),
    "many": csr_graph([k % 7 for k in range(90)], 70),
}
every_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)


def gradients(function: Callable, graph: Graph, inputs: list[Tensor]) -> list[Tensor]:
    """Return the output, then the gradients of a sum that weighs each entry differently."""
    inputs = [x.detach().clone().requires_grad_() for x in inputs]
    out = function(graph, *inputs)
    cotangent = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    return [out.detach(), *torch.autograd.grad(out, inputs, cotangent)]
