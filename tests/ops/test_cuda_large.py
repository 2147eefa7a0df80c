"""The operators at sizes that only a GPU computes in a moment: many blocks, and 64-bit offsets.

The same checks run on the CPU in small, so that they are known to work before a GPU is at hand.
"""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl.benchmark.contrast import ContrastProblem
from ariigcn_dgl.benchmark.equality import TOLERANCE, poisoned, relative_error
from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import ICCLLoss
from ariigcn_dgl.ops import (
    relational_attention,
    relational_attention_reference,
    segment_spmm,
    segment_spmm_reference,
)

BLOCK = 64  # nodes that hear each other; a whole number of them
# More than 2**16 blocks, which is all that a grid's second and third dimension hold, of 64 rows of
# (target, relation) pairs, two for each node.
MANY_NODES = 2**21 + BLOCK
WIDE, MANY_ROWS = 256, 2**23 + BLOCK  # together more than 2**31 elements
BYTES = 60 * 2**30  # of the attention over them in bfloat16, forward: 26 GB, and the graph's


def on_gpu(*values: object) -> object:
    marks = [
        pytest.mark.cuda,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    ]
    return pytest.param("cuda", *values, marks=marks)


def blocks(nodes: int, device: str) -> Graph:
    """Each node hears itself in relation 0, and the one before it in its block in relation 1."""
    node = torch.arange(nodes, device=device)
    later = node[node % BLOCK > 0]
    return Graph.from_edges(
        torch.cat([node, later - 1]),
        torch.cat([node, later]),
        torch.tensor([0, 1], device=device).repeat_interleave(
            torch.tensor([nodes, len(later)], device=device)
        ),
        num_src=nodes,
        num_dst=nodes,
        num_rels=2,
    )


def draw(*sizes: tuple[int, ...], dtype: torch.dtype, device: str) -> list[torch.Tensor]:
    generator = torch.Generator(device).manual_seed(0)
    return [
        torch.randn(size, generator=generator, dtype=dtype, device=device) / size[-1] ** 0.5
        for size in sizes
    ]


def weights(width: int, dtype: torch.dtype, device: str) -> list[torch.Tensor]:
    return draw((1, width, width), (1, width, width), (1, width), (1, 2, width, width),
                dtype=dtype, device=device)  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("form", ["infonce", "supcon"])
@pytest.mark.parametrize(("device", "rows"), [("cpu", 130), on_gpu(2500), on_gpu(8192)])
def test_contrast_of_many_rows_equals_float64(device, rows, form, dtype):
    problem = ContrastProblem(rows, form)
    inputs = problem.inputs(dtype, torch.device(device))
    loss = ICCLLoss(form, 0.1, regularise=form == "infonce")
    with poisoned():
        value = loss(inputs.feat.unsqueeze(0), inputs.label.unsqueeze(0))
        (grad,) = torch.autograd.grad(value, inputs.feat, problem.grad(inputs).to(value.dtype))
    exact = problem.truth(inputs, "forward+backward")
    assert relative_error([value, grad], exact) < TOLERANCE[dtype]


@pytest.mark.parametrize(("device", "nodes"), [("cpu", 3 * BLOCK), on_gpu(MANY_NODES)])
def test_attention_in_many_blocks_equals_float64(device, nodes):
    graph = blocks(nodes, device)
    inputs = draw((1, nodes, 8), dtype=torch.float32, device=device)
    inputs = [x.requires_grad_() for x in inputs + weights(8, torch.float32, device)]
    exact_inputs = [x.detach().double().requires_grad_() for x in inputs]
    # Smooth, as among so many scores some are at the kink of ReLU.
    (seed,) = draw((1, nodes, 8), dtype=torch.float32, device=device)
    results = []
    for call, given in (
        (relational_attention, inputs),
        (relational_attention_reference, exact_inputs),
    ):
        with poisoned():
            out = call(graph, *given, activation="tanh", gelu=True)[0]
            grads = torch.autograd.grad(out, given, seed.to(out))
        results.append([out.detach(), *grads])
    # Weights' gradients are sums over all nodes, in an order of their own on each device.
    assert relative_error(*results) < 10 * TOLERANCE[torch.float32]


@pytest.mark.parametrize(("device", "nodes", "width"), [("cpu", 3 * BLOCK, 9), on_gpu(2**20, 2)])
def test_segments_in_many_blocks_equal_float64(device, nodes, width):
    graph = blocks(nodes, device)
    weight, feat = draw((1, graph.num_edges), (1, nodes, width), dtype=torch.float32, device=device)
    with poisoned():
        found = segment_spmm(graph, weight, feat)
    exact = segment_spmm_reference(graph, weight.double(), feat.double())
    assert relative_error([found], [exact]) < TOLERANCE[torch.float32]


@pytest.mark.parametrize(
    ("device", "nodes", "width"), [("cpu", 3 * BLOCK, 16), on_gpu(MANY_ROWS, WIDE)]
)
def test_offsets_beyond_32_bits_reach_the_last_block(device, nodes, width):
    if device == "cuda" and torch.cuda.mem_get_info()[0] < BYTES:
        pytest.skip(f"needs {BYTES / 2**30:.0f} GB of a GPU's memory")
    graph, last = blocks(nodes, device), blocks(BLOCK, device)
    (feat,) = draw((1, nodes, width), dtype=torch.bfloat16, device=device)
    given = weights(width, torch.bfloat16, device)
    with torch.no_grad(), poisoned():
        out = relational_attention(graph, feat, *given, activation="tanh", gelu=True)[0]
    exact, _ = relational_attention_reference(
        last, *(x.double() for x in (feat[:, -BLOCK:], *given)), activation="tanh", gelu=True
    )
    assert relative_error([out[:, -BLOCK:]], [exact]) < 2 * TOLERANCE[torch.bfloat16]
    assert out.isfinite().all()
