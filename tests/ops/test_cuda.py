"""The operators on a CUDA device: equal to the CPU's, deterministic, on the current stream."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import (
    PairRule,
    contrast_loss,
    dot_attention,
    pairwise_contrast,
    relational_sum,
    segment_spmm,
)

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
RULE = PairRule.where(lambda c, m, u: c and not m, lambda c, m, u: not c and not u)


def random_graph(degrees: list[int], num_src: int) -> Graph:
    generator = torch.Generator().manual_seed(0)
    edges = sum(degrees)
    indices = torch.randint(max(num_src, 1), (edges,), generator=generator)
    rows = torch.randint(3, (edges,), generator=generator).split(degrees)
    etypes = torch.cat([row.sort().values for row in rows]) if degrees else indices
    indptr = torch.tensor([0, *degrees]).cumsum(0)
    return Graph.from_csr(indptr, indices, etypes, num_rels=3, num_src=num_src)


GRAPHS = {
    "empty": random_graph([], 0),
    "no edges": random_graph([0, 0], 3),
    "isolated nodes": random_graph([0, 3, 0, 1], 9),
    "degree 300": random_graph([2, 300, 0], 50),
    "1000 targets": random_graph([k % 23 for k in range(1000)], 700),
}


def dot_attention_case(graph: Graph, width: int) -> tuple:
    sizes = (2, graph.num_dst, width), (2, graph.num_src, width)
    return lambda g, *x: [dot_attention(g, *x)], sizes


def segment_spmm_case(graph: Graph, width: int) -> tuple:
    sizes = (2, graph.num_edges), (2, graph.num_src, width)
    return lambda g, *x: [segment_spmm(g, *x)], sizes


def relational_sum_case(graph: Graph, width: int) -> tuple:
    sizes = (2, graph.num_edges), (2, graph.num_src, width), (2, graph.num_rels, width, 3)
    return lambda g, *x: [relational_sum(g, *x)], sizes


CASES = (dot_attention_case, segment_spmm_case, relational_sum_case)


def draw(sizes, dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(*size, generator=generator).to(dtype) for size in sizes]


def values_and_grads(compute, inputs: list[Tensor], device: str) -> list[Tensor]:
    """Return outputs and input gradients of `compute` on a device, as CPU tensors."""
    leaves = [tensor.to(device).requires_grad_() for tensor in inputs]
    outputs = [out for out in compute(*leaves) if out.requires_grad]
    # Neighbours differ, so that the gradient of a softmax is no difference of equal numbers.
    seeds = [torch.arange(out.numel()).cos().view(out.shape).to(out) for out in outputs]
    grads = torch.autograd.grad(outputs, leaves, seeds)
    return [tensor.detach().cpu() for tensor in (*outputs, *grads)]


def assert_matches(actual: list[Tensor], expected: list[Tensor]) -> None:
    """Compare results whose sums were taken in another order."""
    tolerance = {torch.float64: 1e-10, torch.float32: 1e-4, torch.float16: 1e-2}
    for a, b in zip(actual, expected, strict=True):
        error = tolerance.get(a.dtype, 6e-2)
        scale = float(b.abs().amax()) if b.numel() else 0.0
        torch.testing.assert_close(a, b, rtol=error, atol=error * scale)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("width", [1, 35, 300])
@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("case", CASES)
def test_graph_operator_equals_the_cpu(case, name, width, dtype):
    graph = GRAPHS[name]
    compute, sizes = case(graph, width)
    inputs = draw(sizes, dtype)
    expected = values_and_grads(lambda *x: compute(graph, *x), inputs, "cpu")
    on_device = graph.to("cuda")
    actual = values_and_grads(lambda *x: compute(on_device, *x), inputs, "cuda")
    assert_matches(actual, expected)


def contrast_case(rows: int, width: int, dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor]]:
    (z,) = draw([(2, rows, width)], dtype)
    generator = torch.Generator().manual_seed(2)
    ids = [torch.randint(n, (2, rows), generator=generator) for n in (5, 3, 90)]
    return [torch.nn.functional.normalize(z, dim=-1)], [ids[0] - 1, *ids[1:]]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(("rows", "width"), [(0, 3), (1, 3), (63, 1), (200, 67), (500, 300)])
def test_contrast_equals_the_cpu(rows, width, dtype):
    inputs, ids = contrast_case(rows, width, dtype)
    answers = []
    for device in ("cuda", "cpu"):
        there = [tensor.to(device) for tensor in ids]
        answers.append(
            values_and_grads(
                lambda z, there=there: pairwise_contrast(z, *there, RULE, margin=0.4),
                inputs,
                device,
            )
        )
    assert_matches(*answers)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("temperature", [0.1, 0.01])
@pytest.mark.parametrize(("rows", "width"), [(0, 3), (63, 1), (200, 67), (500, 256)])
def test_contrast_loss_equals_the_cpu(rows, width, temperature, dtype):
    inputs, (label, modality, _) = contrast_case(rows, width, dtype)

    def loss(feat: Tensor) -> list[Tensor]:
        ids = {"label": label.to(feat.device), "modality": modality.to(feat.device)}
        options = {"form": "supcon", "temperature": temperature}
        return [contrast_loss(feat, rule=RULE, **ids, **options)]

    assert_matches(*(values_and_grads(loss, inputs, device) for device in ("cuda", "cpu")))


@pytest.mark.parametrize("case", CASES)
def test_graph_operator_repeats_bit_for_bit(case):
    graph = GRAPHS["1000 targets"].to("cuda")
    compute, sizes = case(graph, 64)
    inputs = draw(sizes, torch.float32)
    first, second = (
        values_and_grads(lambda *x: compute(graph, *x), inputs, "cuda") for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_contrast_repeats_bit_for_bit():
    inputs, ids = contrast_case(500, 64, torch.float32)
    ids = [tensor.cuda() for tensor in ids]
    first, second = (
        values_and_grads(lambda z: pairwise_contrast(z, *ids, RULE), inputs, "cuda")
        for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_contrast_can_be_captured_as_a_cuda_graph(dtype):
    (z,), ids = contrast_case(200, 67, dtype)
    z, ids = z.cuda().requires_grad_(), [tensor.cuda() for tensor in ids]

    def both() -> list[Tensor]:
        stats = torch.stack(pairwise_contrast(z, *ids, RULE))
        # No autograd graph outlives the call, or its nodes would remember the stream.
        return [stats.detach(), *torch.autograd.grad(stats.sum(), z)]

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        expected = both()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = both()
    graph.replay()
    torch.cuda.synchronize()
    assert all(torch.equal(a, b) for a, b in zip(captured, expected, strict=True))


def test_floats_are_multiplied_as_torch_is_told_to(float32_products):
    (z,), ids = contrast_case(200, 67, torch.float32)
    z, ids = z.cuda(), [tensor.cuda() for tensor in ids]
    exact = torch.stack(pairwise_contrast(z.double(), *ids, RULE))
    found = []
    for precision in ("ieee", "none", "tf32"):
        float32_products.fp32_precision = precision
        found.append(torch.stack(pairwise_contrast(z, *ids, RULE)))
    errors = [float((stats - exact).abs().amax()) for stats in found]
    assert max(errors[:2]) < 1e-4 < errors[2] < 0.5
    assert not found[0].equal(found[1])


def test_operator_runs_on_the_current_stream():
    graph = GRAPHS["isolated nodes"].to("cuda")
    weight, feat = (t.cuda() for t in draw([(2, 4), (2, 9, 5)], torch.float32))
    expected = segment_spmm(graph, weight, feat)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(10_000_000)  # whoever ignores the stream reads the zeros
        late = torch.zeros_like(feat)
        late.copy_(feat)
        out = segment_spmm(graph, weight, late)
    stream.synchronize()
    torch.testing.assert_close(out, expected, rtol=0, atol=0)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_operator_runs_on_the_device_of_its_tensors():
    graph = GRAPHS["isolated nodes"]
    weight, feat = draw([(2, 4), (2, 9, 5)], torch.float32)
    actual = segment_spmm(graph.to("cuda:1"), weight.to("cuda:1"), feat.to("cuda:1"))
    torch.testing.assert_close(actual.cpu(), segment_spmm(graph, weight, feat))
