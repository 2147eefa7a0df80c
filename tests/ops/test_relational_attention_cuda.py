"""Relational attention on a CUDA device: equal to the CPU's, deterministic, never waited for."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import relational_attention, relational_attention_reference
from ariigcn_dgl.ops.relational_attention import ACTIVATIONS
from tests.attention_inputs import (
    OPTIONAL,
    arguments,
    dialogues,
    edges,
    errors,
    hubs,
    weights_like,
)
from tests.waiting import waiting_is_an_error

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
NAMES = ("dst_feat", "feat", "weight_dst", "weight_src", "score", "rel_weight", *OPTIONAL[1:])
ROUNDING = {torch.float64: 1e-12, torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}


GRAPHS = {
    "no nodes": edges(0, 0, 0),
    "no targets": edges(0, 3, 0),
    "no sources": edges(3, 0, 0),
    "no edges": edges(3, 3, 0),
    "isolated nodes": edges(9, 9, 5),
    "dialogues": dialogues([30, 1, 12], relations="pairs"),
    "sources that fit no window": edges(18, 500, 60),
    "a target of 2000 edges": edges(3, 60, 2000, 3),
    "many relations": edges(300, 300, 3000, 40),
    "hubs": hubs(400, 500, 9900, 3),
    "1000 targets": dialogues([50] * 20, relations="pairs"),
}
SMALL, LARGE = edges(30, 30, 200), GRAPHS["1000 targets"]


def tensors(
    graph: Graph,
    widths: tuple[int, int, int] = (17, 33, 20),
    groups: tuple[int, int] = (1, 2),
    **options: object,
) -> dict[str, Tensor]:
    return arguments(graph, widths, groups, **options)


def results(compute, inputs: dict[str, Tensor], device: str) -> dict[str, Tensor]:
    """Return outputs and gradients on a device, as CPU tensors."""
    leaves = {k: x.detach().to(device).requires_grad_() for k, x in inputs.items()}
    out = compute(**leaves)
    grads = torch.autograd.grad(
        out, list(leaves.values()), [weights_like(x) for x in out], materialize_grads=True
    )
    found = (x.detach().cpu() for x in (*out, *grads))
    return dict(zip(("out", "alpha", *leaves), found, strict=True))


def on(graph: Graph, device: str, **options):
    moved = graph.to(device)
    return lambda **inputs: relational_attention(moved, **inputs, **options)


def assert_close(ours: dict[str, Tensor], exact: dict[str, Tensor], tolerance: float) -> None:
    found = errors(ours, exact)
    assert {k: e for k, e in found.items() if not e < tolerance} == {}


def check(graph: Graph, inputs: dict[str, Tensor], **options) -> None:
    """Fail if the CUDA kernels err more than twice as much as plain torch in the same type."""
    dtype = inputs["feat"].dtype
    plain = partial(relational_attention_reference, graph, **options)
    exact = results(plain, {k: x.double() for k, x in inputs.items()}, "cpu")
    naive = errors(results(plain, inputs, "cpu"), exact)
    ours = results(on(graph, "cuda", **options), inputs, "cuda")
    assert {x.dtype for x in ours.values()} == {dtype}
    found, slack = errors(ours, exact), ROUNDING[dtype]
    assert {k: (e, naive[k]) for k, e in found.items() if not e <= 2 * naive[k] + slack} == {}


def assert_same_bits(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert all(x.equal(second[k]) for k, x in first.items())


@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
@pytest.mark.parametrize("optional", [(), OPTIONAL], ids=["plain", "all"])
@pytest.mark.parametrize("name", GRAPHS)
def test_equals_the_cpu_on_any_graph(name, optional, dtype):
    inputs = tensors(GRAPHS[name], optional=optional, dtype=dtype)
    check(GRAPHS[name], inputs, gelu=bool(optional), activation="tanh")


@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
@pytest.mark.parametrize(
    "widths", [(1, 1, 1), (64, 64, 64), (65, 130, 33), (257, 16, 300)], ids=str
)
def test_equals_the_cpu_around_tile_edges(widths, dtype):
    check(SMALL, tensors(SMALL, widths, dtype=dtype), activation="tanh")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("normalise", [False, True], ids=["sum", "mean"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_equals_the_cpu_with_any_activation(activation, normalise, dtype):
    options = {"activation": activation, "negative_slope": 0.2, "normalise": normalise}
    check(SMALL, tensors(SMALL, groups=(3, 2), dtype=dtype), **options)


def with_seed(graph: Graph, device: str, dropout: float):
    moved, seed = graph.to(device), torch.tensor(7, device=device)
    options = 0, 0.2, dropout, True, True, False, 0, True  # fp32_precision, keep

    def compute(**inputs: Tensor) -> tuple[Tensor, Tensor]:
        given = [inputs.get(k) for k in NAMES]
        call = torch.ops.ariigcn.relational_attention
        return call(*given, seed, moved.plan, moved.sizes, *options)[:2]

    return compute


def test_dropout_is_the_cpus():
    inputs = tensors(LARGE)
    ours = results(with_seed(LARGE, "cuda", 0.4), inputs, "cuda")
    assert_close(ours, results(with_seed(LARGE, "cpu", 0.4), inputs, "cpu"), 1e-12)


def test_precision_of_floats_follows_torchs_setting(float32_products):
    inputs, found = tensors(SMALL, (64, 64, 64), dtype=torch.float32), {}
    for precision in ("ieee", "none", "tf32"):
        float32_products.fp32_precision = precision
        found[precision] = results(on(SMALL, "cuda"), inputs, "cuda")
    if torch.cuda.get_device_capability() >= (8, 0):
        assert not found["none"]["out"].equal(found["ieee"]["out"])
        assert not found["none"]["out"].equal(found["tf32"]["out"])
    exact = {k: x.double() for k, x in found["ieee"].items()}
    assert_close(found["none"], exact, 5e-5)
    assert_close(found["tf32"], exact, 1e-2)


@pytest.mark.parametrize("dtype", ROUNDING, ids=str)
def test_repeats_bit_for_bit(dtype):
    inputs, compute = tensors(LARGE, dtype=dtype), on(LARGE, "cuda", gelu=True)
    assert_same_bits(*(results(compute, inputs, "cuda") for _ in range(2)))


def step(compute, leaves: dict[str, Tensor]) -> tuple[Tensor, ...]:
    out = compute(**leaves)
    loss = out[0].sum() + (out[1] * out[1]).sum()
    grads = torch.autograd.grad(loss, list(leaves.values()))
    return *(x.detach() for x in out), *grads  # no autograd graph outlives the step


def test_nothing_waits_for_the_device():
    compute = on(LARGE, "cuda", dropout=0.3, gelu=True)
    inputs = tensors(LARGE, dtype=torch.bfloat16)
    leaves = {k: x.cuda().requires_grad_() for k, x in inputs.items()}
    with waiting_is_an_error():
        step(compute, leaves)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_cuda_graph_replays_it(dropout: float):
    compute = on(LARGE, "cuda", dropout=dropout, gelu=True)
    inputs = tensors(LARGE, dtype=torch.float32)
    leaves = {k: x.cuda().requires_grad_() for k, x in inputs.items()}
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        expected = step(compute, leaves)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step(compute, leaves)
    replays = []
    for _ in range(2):
        graph.replay()
        torch.cuda.synchronize()
        replays.append([x.detach().clone() for x in captured])
    same = all(a.equal(b) for a, b in zip(*replays, strict=True))
    assert same == (dropout == 0)  # every replay drops other edges
    if dropout == 0:
        assert all(a.equal(b) for a, b in zip(replays[0], expected, strict=True))


def test_launches_three_kernels_and_six():
    compute, inputs = on(LARGE, "cuda", gelu=True), tensors(LARGE, dtype=torch.float32)
    leaves = {k: x.cuda().requires_grad_() for k, x in inputs.items()}
    step(compute, leaves)
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities, acc_events=True) as profile:
        out, _ = compute(**leaves)
        torch.autograd.grad(out, list(leaves.values()), torch.ones_like(out))
        torch.cuda.synchronize()
    ours = [event.count for event in profile.key_averages() if "ariigcn" in event.key]
    assert sum(ours) == 3 + 6


def test_runs_on_the_current_stream():
    compute, inputs = on(LARGE, "cuda"), tensors(LARGE, dtype=torch.float32)
    moved = {k: x.cuda() for k, x in inputs.items()}
    expected, _ = compute(**moved)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(10_000_000)  # whoever ignores the stream reads the zeros
        late = {k: torch.zeros_like(x) for k, x in moved.items()}
        for k, x in moved.items():
            late[k].copy_(x)
        out, _ = compute(**late)
    stream.synchronize()
    assert out.equal(expected)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_runs_on_the_device_of_its_tensors():
    inputs = tensors(SMALL)
    exact = results(on(SMALL, "cpu"), inputs, "cpu")
    assert_close(results(on(SMALL, "cuda:1"), inputs, "cuda:1"), exact, 1e-12)


def test_autocast_computes_in_its_type():
    inputs = tensors(SMALL, dtype=torch.float32)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        cast = results(on(SMALL, "cuda"), inputs, "cuda")
    halves = results(on(SMALL, "cuda"), {k: x.bfloat16() for k, x in inputs.items()}, "cuda")
    assert cast["out"].dtype == torch.bfloat16
    assert cast["out"].equal(halves["out"])
    assert cast["feat"].dtype == torch.float32  # of the leaf


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, while it compiles
def test_compiles_into_one_graph():
    moved, inputs = SMALL.to("cuda"), tensors(SMALL, dtype=torch.float32)
    compiled = torch.compile(relational_attention, fullgraph=True, backend="aot_eager")
    eager = results(lambda **x: relational_attention(moved, **x), inputs, "cuda")
    assert_same_bits(results(lambda **x: compiled(moved, **x), inputs, "cuda"), eager)


def test_follows_the_rules_for_operators():
    inputs, moved = tensors(SMALL, (3, 2, 5)), SMALL.to("cuda")
    given = [inputs[k].cuda().requires_grad_() for k in NAMES]
    seed = torch.tensor(7, device="cuda")
    raw = (*given, seed, moved.plan, moved.sizes, 0, 0.2, 0.3, True, True, False, 0, True)
    torch.library.opcheck(torch.ops.ariigcn.relational_attention.default, raw)


def test_takes_inputs_that_start_anywhere():
    inputs = tensors(SMALL, (64, 64, 64), dtype=torch.bfloat16)
    expected = results(on(SMALL, "cuda"), inputs, "cuda")
    shifted = {k: torch.cat([x.flatten()[:1], x.flatten()]).cuda() for k, x in inputs.items()}
    shifted = {k: x[1:].view(inputs[k].shape) for k, x in shifted.items()}
    assert all(x.data_ptr() % 16 for x in shifted.values())
    assert_same_bits(results(on(SMALL, "cuda"), shifted, "cuda"), expected)
