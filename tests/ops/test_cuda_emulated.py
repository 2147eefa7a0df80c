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
from ariigcn_dgl.ops import segment_spmm_reference

pytestmark = pytest.mark.slow  # kernels are emulated

ROOT = Path(__file__).parents[2]
EMULATOR = ROOT / "tests" / "emulator"
COMPILE = ["g++", "-std=c++20", "-O0", f"-I{EMULATOR}", f"-I{ROOT / 'csrc'}"]
KERNELS = ["-x", "c++", str(ROOT / "csrc" / "cuda" / "segment_spmm" / "kernels.cu")]
HARNESS, RACE_CHECK = str(EMULATOR / "harness.cpp"), str(EMULATOR / "race_check.cpp")
DTYPE_CODE = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
ALL_BLOCKS = 2**32 - 1


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
    return ctypes.CDLL(builds[0])


class Kernels:
    """Calls the launchers with tensors; everything they shall write starts as NaN."""

    def __init__(self, library: ctypes.CDLL):
        self.library = library

    def limit_blocks(self, count: int) -> None:
        """Launch at most so many blocks: each takes more of the work."""
        self.library.set_max_blocks(ctypes.c_uint32(count))

    def sample_blocks(self, count: int) -> None:
        """Run the first blocks of a launch only: the rest of the output stays NaN."""
        self.library.set_run_blocks(ctypes.c_uint32(count))

    def segment_spmm(
        self, graph: Graph, weight: Tensor, feat: Tensor, transpose: bool = False
    ) -> Tensor:
        rows = graph.num_src if transpose else graph.num_segments
        out = nan(feat.size(0), rows, feat.size(2), dtype=feat.dtype)
        self._run("segment_spmm", graph, feat, ctypes.c_int(transpose), weight, feat, out)
        return out

    def segment_sddmm(self, graph: Graph, left: Tensor, right: Tensor) -> Tensor:
        out = nan(right.size(0), graph.num_edges, dtype=right.dtype)
        self._run("segment_sddmm", graph, right, left, right, out)
        return out

    def _run(self, name: str, graph: Graph, rows: Tensor, *arguments) -> None:
        assert all(a.is_contiguous() for a in arguments if isinstance(a, Tensor))
        raw = [ctypes.c_void_p(a.data_ptr()) if isinstance(a, Tensor) else a for a in arguments]
        plan, sizes = ctypes.c_void_p(graph.plan.data_ptr()), int64s(*graph.sizes)
        shape = ctypes.c_int64(len(rows)), ctypes.c_int64(rows.size(2))
        code = DTYPE_CODE[rows.dtype]
        assert getattr(self.library, name)(code, plan, sizes, *shape, *raw) == 0


@pytest.fixture
def kernels(library):
    calls = Kernels(library)
    calls.limit_blocks(ALL_BLOCKS)
    calls.sample_blocks(ALL_BLOCKS)
    return calls


def nan(*size: int, dtype: torch.dtype) -> Tensor:
    return torch.full(size, torch.nan, dtype=dtype)


def int64s(*values: int) -> ctypes.Array:
    return (ctypes.c_int64 * len(values))(*values)


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
    dots = (left.double()[:, graph.edge_seg] * feat.double()[:, graph.src]).sum(-1)
    assert_matches(kernels.segment_sddmm(graph, left, feat), dots)
    messages = weight.double().unsqueeze(-1) * left.double()[:, graph.edge_seg]
    back = torch.zeros(*feat.shape, dtype=torch.float64).index_add(1, graph.src, messages)
    assert_matches(kernels.segment_spmm(graph, weight, left, transpose=True), back)


@each_graph
@each_width
@each_precise
def test_segment_sums_and_dots_match_the_reference(kernels, graph, width, dtype):
    check_segment_ops(kernels, graph, width, dtype)


@each_half
def test_segment_sums_and_dots_in_half_precision(kernels, dtype):
    check_segment_ops(kernels, GRAPHS["isolated nodes"], 5, dtype)


def test_results_do_not_depend_on_the_number_of_blocks(kernels):
    graph = GRAPHS["70 targets"]
    weight, feat = draw(2, graph.num_edges, dtype=torch.float32), draw(2, 4, 3, dtype=torch.float32)
    answers = []
    for blocks in (ALL_BLOCKS, 2):
        kernels.limit_blocks(blocks)
        left = kernels.segment_spmm(graph, weight, feat)
        back = kernels.segment_spmm(graph, weight, left, transpose=True)
        answers.append([left, back, kernels.segment_sddmm(graph, left, feat)])
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


def test_nothing_is_launched_for_nothing(kernels):
    before = kernels.library.launch_count()
    check_segment_ops(kernels, GRAPHS["empty"], 3, torch.float32)
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
    assert done.stdout == "3 launches, error 0\n"
