"""Every CUDA kernel on the smallest shapes that take it every way: for compute-sanitizer.

Two tiles of rows, a graph whose sources fit a window in shared memory and one whose do not, widths
that end in a vector and in a tile; with and without tensor cores. `benchmarks/gpu.sh` says which
kernels each test launches; the sanitizers are slow, and its time is short.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.nn import DialogueGRU
from ariigcn_dgl.ops import (
    PairRule,
    contrast_loss,
    pairwise_contrast,
    pairwise_contrast_reference,
    relational_attention,
    relational_attention_reference,
    segment_spmm,
    segment_spmm_reference,
)
from tests.attention_inputs import hubs

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
DEVICE = "cuda"
RULE = PairRule.where(lambda c, m, u: c and not u, lambda c, m, u: not c)
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)


def ring(nodes: int, reach: int, num_rels: int = 2) -> Graph:
    """Every node hears itself and the one before in relation 0, the one `reach` after in 1."""
    node = torch.arange(nodes)
    src = torch.cat([node, node - 1, node + reach]) % nodes
    dst, etypes = node.repeat(3), torch.tensor([0, 0, 1]).repeat_interleave(nodes)
    return Graph.from_edges(src, dst, etypes, num_src=nodes, num_dst=nodes, num_rels=num_rels)


GRAPHS = {
    "window": ring(18, 1),
    "no window": ring(66, 60),
    "many relations": ring(18, 1, num_rels=20),  # most of which no edge has
    "hubs": hubs(90, 90, 5500, 2),
}


def draw(*sizes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, generator=generator) / size[-1] ** 0.5 for size in sizes]


def results(call, inputs: list[Tensor], device: str, dtype: torch.dtype) -> list[Tensor]:
    """Return outputs and gradients, on the CPU in float32."""
    leaves = [x.to(device, dtype).requires_grad_() for x in inputs]
    out = call(*leaves)
    grads = torch.autograd.grad(sum(x.float().square().sum() for x in out), leaves)
    return [x.detach().cpu().float() for x in (*out, *grads)]


def check(ours, reference, inputs: list[Tensor], dtype: torch.dtype) -> None:
    """Fail if ours errs more than the tolerance and more than plain torch in the same type."""
    rounded = [x.to(dtype).float() for x in inputs]
    found = results(ours, inputs, DEVICE, dtype)
    exact = results(reference, rounded, "cpu", torch.float32)
    plain = results(reference, inputs, "cpu", dtype)
    for a, b, c in zip(found, exact, plain, strict=True):
        within = TOLERANCE[dtype] * b.norm().clamp(min=1e-3)
        assert (a - b).norm() <= torch.maximum(within, (c - b).norm())


@each_dtype
def test_segments(dtype):
    graph = GRAPHS["window"]
    moved, inputs = graph.to(DEVICE), draw((1, graph.num_edges), (1, graph.num_src, 33))
    check(
        lambda *x: [segment_spmm(moved, *x)],
        lambda *x: [segment_spmm_reference(graph, *x)],
        inputs,
        dtype,
    )


@pytest.mark.parametrize(
    ("name", "widths", "activation"),
    [
        ("window", (133, 133, 9), "leaky_relu"),
        ("window", (19, 5, 9), "tanh"),
        ("no window", (19, 5, 9), "leaky_relu"),
        ("many relations", (19, 5, 9), "leaky_relu"),
        ("hubs", (19, 5, 9), "tanh"),
    ],
)
@each_dtype
def test_relational_attention(name, widths, activation, dtype):
    graph, (wide, attn, out) = GRAPHS[name], widths
    nodes, rels, moved = graph.num_dst, graph.num_rels, graph.to(DEVICE)
    inputs = draw((1, nodes, wide), (2, wide, attn), (2, wide, attn), (2, attn),
                  (2, rels, wide, out), (2, rels, attn), (graph.num_edges,))  # fmt: skip
    options = {"activation": activation, "negative_slope": 0.1, "gelu": True}

    def with_biases(call, g: Graph):
        return lambda *x: call(g, *x[:5], bias=x[5], edge_weight=x[6], **options)

    check(
        with_biases(relational_attention, moved),
        with_biases(relational_attention_reference, graph),
        inputs,
        dtype,
    )


@each_dtype
def test_contrast(dtype):
    inputs = [F.normalize(x, dim=-1) for x in draw((1, 66, 37))]
    label, zero = torch.arange(66)[None] % 3, torch.zeros(1, 66, dtype=torch.int64)
    ids = label, zero, torch.arange(66)[None]
    moved = [x.to(DEVICE) for x in ids]
    check(
        lambda z: pairwise_contrast(z, *moved, RULE, margin=0.4),
        lambda z: pairwise_contrast_reference(z, *ids, RULE, margin=0.4),
        inputs,
        dtype,
    )


@each_dtype
def test_contrast_loss(dtype):
    inputs, label = draw((1, 66, 37)), torch.arange(66)[None] % 3
    moved = label.to(DEVICE)
    check(
        lambda feat: [contrast_loss(feat, moved, RULE, margin=0.4)],
        lambda feat: [contrast_loss(feat, label, RULE, margin=0.4, impl="reference")],
        inputs,
        dtype,
    )


@each_dtype
def test_gru_scan(dtype):
    layer, lengths = DialogueGRU(5, 14), torch.tensor([3, 1, 2, 4, 3])
    parameters = dict(layer.named_parameters())

    def run(*x):
        given = dict(zip(parameters, x[1:], strict=True))
        return [torch.func.functional_call(layer, given, (x[0], lengths))]

    check(run, run, [*draw((13, 5)), *(p.detach() for p in parameters.values())], dtype)


@pytest.mark.parametrize("precision", ["ieee", "tf32"])  # other tests have the default
@pytest.mark.parametrize("operator", ["relational", "contrast"])
def test_precisions_of_float32(operator, precision, float32_products):
    float32_products.fp32_precision = precision
    if operator == "contrast":
        (z,), ids = draw((1, 66, 37)), [torch.arange(66)[None] % 3] * 3
        found = results(
            lambda z: pairwise_contrast(z, *(x.to(DEVICE) for x in ids), RULE),
            [F.normalize(z, dim=-1)], DEVICE, torch.float32,
        )  # fmt: skip
    else:
        inputs = draw((1, 18, 36), (1, 36, 20), (1, 36, 20), (1, 20), (1, 2, 36, 12))
        moved = GRAPHS["window"].to(DEVICE)
        found = results(lambda *x: relational_attention(moved, *x), inputs, DEVICE, torch.float32)
    assert all(x.isfinite().all() for x in found)
