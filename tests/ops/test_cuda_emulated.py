"""The CUDA kernels, unchanged, built for the CPU (tests/emulator) and compared with the references.

This shows their logic, bounds, barriers and races on machines without a GPU; tests/ops/test_cuda.py
runs the same operators on one.
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Graph
from ariigcn_dgl.ops import edge_attention_reference, segment_spmm_reference

pytestmark = pytest.mark.slow  # kernels are emulated

ROOT = Path(__file__).parents[2]
EMULATOR = ROOT / "tests" / "emulator"
COMPILE = ["g++", "-std=c++20", "-O0", "-pthread", f"-I{EMULATOR}", f"-I{ROOT / 'csrc'}"]
NAMES = ("edge_attention", "segment_spmm")
KERNELS = ["-x", "c++", *(str(ROOT / "csrc" / "cuda" / f"{name}.cu") for name in NAMES)]
HARNESS, RACE_CHECK = str(EMULATOR / "harness.cpp"), str(EMULATOR / "race_check.cpp")
DTYPE_CODE = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
INDEX_CODE = {torch.int32: 0, torch.int64: 1}
ALL_BLOCKS = 2**32 - 1
SLOPE = 0.1
STRUCTURE = ("indptr", "indices", "dst", "t_indptr", "t_eids")


@pytest.fixture(scope="session")
def builds(tmp_path_factory):
    """Start both compilations at once: a library to call, and a program that looks for races."""
    folder = tmp_path_factory.mktemp("emulator")
    library, program = folder / "libkernels.so", folder / "race_check"
    commands = {
        library: [*COMPILE, "-shared", "-fPIC", HARNESS, *KERNELS],
        program: [*COMPILE, "-fsanitize=thread", HARNESS, RACE_CHECK, *KERNELS],
    }
    running = [
        subprocess.Popen([*command, "-o", target], stderr=subprocess.PIPE, text=True)
        for target, command in commands.items()
    ]
    errors = [process.communicate()[1] for process in running]
    assert errors == ["", ""]
    return library, program


@pytest.fixture(scope="session")
def library(builds):
    loaded = ctypes.CDLL(builds[0])
    loaded.attention_partial_rows.restype = ctypes.c_int64
    return loaded


class Kernels:
    """Calls the launchers with tensors; everything they shall write starts as NaN."""

    def __init__(self, library: ctypes.CDLL, index: torch.dtype = torch.int32):
        self.library, self.index = library, index

    def limit_blocks(self, count: int) -> None:
        """Launch at most so many blocks: each takes more of the work."""
        self.library.set_max_blocks(ctypes.c_uint32(count))

    def sample_blocks(self, count: int) -> None:
        """Run the first blocks of a launch only: the rest of the output stays NaN."""
        self.library.set_run_blocks(ctypes.c_uint32(count))

    def segment_spmm(self, graph: Graph, weight: Tensor, feat: Tensor) -> Tensor:
        out = nan(feat.size(0), graph.num_segments, feat.size(2), dtype=feat.dtype)
        structure = (x.to(self.index) for x in (graph.seg_ptr, graph.indices))
        self._run("segment_spmm", feat, shape(graph, feat), *structure, weight, feat, out)
        return out

    def segment_sddmm(self, graph: Graph, left: Tensor, right: Tensor) -> Tensor:
        out = nan(right.size(0), graph.num_edges, dtype=right.dtype)
        structure = (x.to(self.index) for x in (graph.indices, graph.edge_seg))
        self._run("segment_sddmm", right, shape(graph, right), *structure, left, right, out)
        return out

    def edge_attention(self, graph: Graph, u: Tensor, v: Tensor, w: Tensor) -> Tensor:
        alpha = nan(len(u), graph.num_edges, dtype=u.dtype)
        scores = alpha if u.dtype == acc_dtype(u) else alpha.to(acc_dtype(u))
        self._run_attention("edge_attention", graph, u, v, w, ctypes.c_double(SLOPE), scores, alpha)
        return alpha

    def edge_attention_backward(
        self, graph: Graph, grad: Tensor, alpha: Tensor, u: Tensor, v: Tensor, w: Tensor
    ) -> list[Tensor]:
        rows = self.library.attention_partial_rows(attention_shape(graph, u))
        score = nan(*alpha.shape, dtype=acc_dtype(u))
        partial = nan(len(u), rows, u.size(2), dtype=acc_dtype(u))
        grads = [nan(*tensor.shape, dtype=u.dtype) for tensor in (u, v, w)]
        self._run_attention("edge_attention_backward", graph, grad, alpha, u, v, w,
                            ctypes.c_double(SLOPE), score, partial, *grads)  # fmt: skip
        return grads

    def _run_attention(self, name: str, graph: Graph, *arguments) -> None:
        rows = next(x for x in arguments if isinstance(x, Tensor) and x.dim() == 3)
        index = [getattr(graph, x).to(self.index) for x in STRUCTURE]
        self._run(name, rows, attention_shape(graph, rows), pointers(*index), *arguments)

    def _run(self, name: str, typed: Tensor, *arguments) -> None:
        assert all(a.is_contiguous() for a in arguments if isinstance(a, Tensor))
        raw = [ctypes.c_void_p(a.data_ptr()) if isinstance(a, Tensor) else a for a in arguments]
        codes = DTYPE_CODE[typed.dtype], INDEX_CODE[self.index]
        assert getattr(self.library, name)(*codes, *raw) == 0


@pytest.fixture(params=INDEX_CODE, ids=str)
def kernels(library, request):
    calls = Kernels(library, request.param)
    calls.limit_blocks(ALL_BLOCKS)
    calls.sample_blocks(ALL_BLOCKS)
    return calls


def nan(*size: int, dtype: torch.dtype) -> Tensor:
    return torch.full(size, torch.nan, dtype=dtype)


def acc_dtype(tensor: Tensor) -> torch.dtype:
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32


def int64s(*values: int) -> ctypes.Array:
    return (ctypes.c_int64 * len(values))(*values)


def pointers(*tensors: Tensor) -> ctypes.Array:
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))


def shape(graph: Graph, rows: Tensor) -> ctypes.Array:
    return int64s(len(rows), graph.num_segments, graph.num_edges, graph.num_src, rows.size(2))


def attention_shape(graph: Graph, u: Tensor) -> ctypes.Array:
    return int64s(len(u), graph.num_dst, graph.num_src, graph.num_edges, u.size(2))


def random_graph(degrees: list[int], num_src: int) -> Graph:
    """Draw sources with repetition, in up to three relations per target."""
    generator = torch.Generator().manual_seed(sum(degrees))
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
    "degree 40": random_graph([2, 40], 5),
    "70 targets": random_graph([1, 0] * 35, 4),
}
each_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS.keys())
each_width = pytest.mark.parametrize("width", [1, 35])
each_precise = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
each_half = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)


def draw(*size: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed)).to(dtype)


def attention_inputs(graph: Graph, width: int, dtype: torch.dtype) -> tuple[Tensor, ...]:
    groups = 2
    u = draw(groups, graph.num_dst, width, dtype=dtype, seed=1)
    v = draw(groups, graph.num_src, width, dtype=dtype, seed=2)
    return u, v, draw(groups, width, dtype=dtype, seed=3)


def assert_matches(actual: Tensor, expected: Tensor) -> None:
    """Compare with a float64 answer, at the precision of `actual`."""
    tolerance = {torch.float64: 1e-12, torch.float32: 2e-5, torch.float16: 4e-3}
    error = tolerance.get(actual.dtype, 3e-2)
    torch.testing.assert_close(actual.double(), expected, rtol=error, atol=error)


def check_segment_ops(kernels: Kernels, graph: Graph, width: int, dtype: torch.dtype) -> None:
    weight = draw(2, graph.num_edges, dtype=dtype)
    feat = draw(2, graph.num_src, width, dtype=dtype, seed=1)
    left = draw(2, graph.num_segments, width, dtype=dtype, seed=2)
    sums = segment_spmm_reference(graph, weight.double(), feat.double())
    assert_matches(kernels.segment_spmm(graph, weight, feat), sums)
    dots = (left.double()[:, graph.edge_seg] * feat.double()[:, graph.indices]).sum(-1)
    assert_matches(kernels.segment_sddmm(graph, left, feat), dots)


def check_attention(kernels: Kernels, graph: Graph, width: int, dtype: torch.dtype) -> None:
    inputs = attention_inputs(graph, width, dtype)
    exact = [tensor.double().requires_grad_() for tensor in inputs]
    expected = edge_attention_reference(graph, *exact, negative_slope=SLOPE)
    alpha = kernels.edge_attention(graph, *inputs)
    assert_matches(alpha, expected.detach())
    grad = draw(*alpha.shape, dtype=dtype, seed=4)
    expected_grads = torch.autograd.grad(expected, exact, grad.double())
    for actual, wanted in zip(
        kernels.edge_attention_backward(graph, grad, alpha, *inputs), expected_grads, strict=True
    ):
        assert_matches(actual, wanted)


@each_graph
@each_width
@each_precise
def test_segment_sums_and_dots_match_the_reference(kernels, graph, width, dtype):
    check_segment_ops(kernels, graph, width, dtype)


@each_half
def test_segment_sums_and_dots_in_half_precision(kernels, dtype):
    check_segment_ops(kernels, GRAPHS["isolated nodes"], 5, dtype)


@each_graph
@each_width
@each_precise
def test_attention_and_its_gradient_match_the_reference(kernels, graph, width, dtype):
    check_attention(kernels, graph, width, dtype)


@each_half
def test_attention_and_its_gradient_in_half_precision(kernels, dtype):
    check_attention(kernels, GRAPHS["isolated nodes"], 5, dtype)


def test_attention_of_scores_beyond_exp(kernels):
    graph = random_graph([3], 3)
    u, v, w = attention_inputs(graph, 4, torch.float32)
    alpha = kernels.edge_attention(graph, u, v, w * 1000)
    assert torch.isfinite(alpha).all()
    torch.testing.assert_close(alpha.sum(1), torch.ones(2))


def test_results_do_not_depend_on_the_number_of_blocks(kernels):
    graph = GRAPHS["70 targets"]
    u, v, w = attention_inputs(graph, 3, torch.float32)
    answers = []
    for blocks in (ALL_BLOCKS, 2):
        kernels.limit_blocks(blocks)
        alpha = kernels.edge_attention(graph, u, v, w)
        left = kernels.segment_spmm(graph, alpha, v)
        answers.append(
            [
                *kernels.edge_attention_backward(graph, alpha.square(), alpha, u, v, w),
                kernels.segment_sddmm(graph, left, v),
                *(alpha, left),
            ]
        )
    assert all(torch.equal(a, b) for a, b in zip(*answers, strict=True))


def test_both_index_types_give_the_same_bits(library):
    graph, answers = GRAPHS["70 targets"], []
    u, v, w = attention_inputs(graph, 3, torch.float32)
    for index in INDEX_CODE:
        calls = Kernels(library, index)
        alpha = calls.edge_attention(graph, u, v, w)
        sums = calls.segment_spmm(graph, alpha, v)
        dots = calls.segment_sddmm(graph, sums, v)
        answers.append(
            [alpha, sums, dots, *calls.edge_attention_backward(graph, dots, alpha, u, v, w)]
        )
    assert all(torch.equal(a, b) for a, b in zip(*answers, strict=True))


def sparse(path: Path, rows: int, width: int) -> Tensor:
    """Return zeros, (1, rows, width) float32, that take no memory where they are not written to."""
    size = rows * width
    return torch.from_file(str(path), shared=True, size=size).view(1, rows, width)


def test_rows_may_start_beyond_2_to_the_31_elements(kernels, tmp_path):
    rows, width = 2**16 + 1, 2**15  # the last row starts at 2**31
    graph = Graph.from_csr(torch.tensor([0, 2]), torch.tensor([rows - 2, rows - 1]), num_src=rows)
    feat = sparse(tmp_path / "feat", rows, width)
    feat[0, -2:, :2] = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    feat[0, -2:, -1] = torch.tensor([5.0, 6.0])
    sums = kernels.segment_spmm(graph, torch.tensor([[1.0, 10.0]]), feat)
    assert (sums[0, 0, :3].tolist(), sums[0, 0, -1]) == ([31.0, 42.0, 0.0], 65.0)
    dots = kernels.segment_sddmm(graph, torch.ones(1, 1, width), feat)
    assert dots.tolist() == [[8.0, 13.0]]
    alpha = kernels.edge_attention(graph, torch.zeros(1, 1, width), feat, torch.ones(1, width))
    torch.testing.assert_close(alpha, torch.tensor([[8.0, 13.0]]).softmax(1))


def test_nothing_is_launched_for_nothing(kernels):
    before = kernels.library.launch_count()
    check_segment_ops(kernels, GRAPHS["empty"], 3, torch.float32)
    kernels.edge_attention(GRAPHS["empty"], *attention_inputs(GRAPHS["empty"], 3, torch.float32))
    assert kernels.library.launch_count() == before


@each_half
def test_emulated_halves_round_as_torch_does(kernels, dtype):
    values = torch.cat([draw(200, dtype=torch.float32) * 10.0**e for e in range(-9, 7)])
    special = torch.tensor([0.0, -0.0, torch.inf, -torch.inf, torch.nan, 65519.0, 65520.0, 2**-25])
    values = torch.cat([values, special])
    stored, back = torch.empty(len(values), dtype=dtype), torch.empty(len(values))
    arguments = [ctypes.c_void_p(tensor.data_ptr()) for tensor in (values, stored, back)]
    kernels.library.round_trip(DTYPE_CODE[dtype], ctypes.c_int64(len(values)), *arguments)
    torch.testing.assert_close(stored, values.to(dtype), rtol=0, atol=0, equal_nan=True)
    torch.testing.assert_close(back, values.to(dtype).float(), rtol=0, atol=0, equal_nan=True)


def test_no_two_threads_race(builds):
    done = subprocess.run([builds[1]], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "7 launches, error 0\n"
