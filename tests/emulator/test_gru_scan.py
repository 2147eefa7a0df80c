"""The CUDA kernels of a GRU's recurrence, unchanged, built for the CPU and compared with torch."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.graph import Table
from ariigcn_dgl.nn._gru_scan import GRUScan, parameter_gradients, scan_bytes

pytestmark = pytest.mark.slow  # kernels are compiled for the emulator

ROOT = Path(__file__).parents[2]
EMULATOR = ROOT / "tests" / "emulator"
KERNELS = ROOT / "csrc" / "cuda" / "gru_scan" / "kernels.cu"
COMPILE = ["g++", "-std=c++20", f"-I{EMULATOR}", f"-I{ROOT / 'csrc'}"]
SOURCES = ["-x", "c++", EMULATOR / "gru_scan.cpp", KERNELS]
DTYPE_CODE = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
# Relative to float64: rounding of each state, which the next steps go on from.
TOLERANCE = {
    torch.float32: 1e-6, torch.float64: 1e-14, torch.float16: 1e-3, torch.bfloat16: 8e-3,
}  # fmt: skip
ALL_BLOCKS = 2**32 - 1
# D, B, H and the longest of the sequences: one of everything, an odd width, blocks of one, two and
# four sequences with some left.
SIZES = [(1, 1, 1, 1), (2, 3, 7, 4), (2, 131, 5, 3), (1, 514, 4, 2)]


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gru")
    subprocess.run([*COMPILE, "-O1", "-shared", "-fPIC", *SOURCES, "-o", folder / "lib.so"],
                   check=True)  # fmt: skip
    return ctypes.CDLL(folder / "lib.so")


@pytest.fixture
def kernels(library):
    library.set_max_blocks(ctypes.c_uint32(ALL_BLOCKS))
    return library


def call(library, name: str, sizes: tuple, dtype: torch.dtype, *tensors: Tensor) -> int:
    pointers = [ctypes.c_void_p(x.data_ptr()) for x in tensors]
    return getattr(library, name)(DTYPE_CODE[dtype], (ctypes.c_int64 * 4)(*sizes), *pointers)


def random_inputs(sizes: tuple, dtype: torch.dtype) -> list[Tensor]:
    """Return inputs, rows, weight and bias; the rows of the sequences are mixed."""
    directions, sequences, width, longest = sizes
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, longest + 1, (sequences,), generator=generator)
    lengths[0] = longest
    count = int(lengths.sum())
    table = Table.of(lengths, torch.randperm(count, generator=generator))
    shapes = [
        (count, directions, 3 * width),
        (directions, 3 * width, width),
        (directions, 3 * width),
    ]
    found = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    found[1] /= width**0.5
    inputs, weight, bias = (x.to(dtype) for x in found)
    return [inputs, table.rows[:directions].contiguous(), weight, bias]


def run(library, inputs: list[Tensor]) -> list[Tensor]:
    """Return out, states and gates of the kernel, which had NaN before (out: zeros)."""
    rows, (count, _, width) = inputs[1], inputs[0].shape
    directions, steps, sequences = rows.shape
    width, dtype = width // 3, inputs[0].dtype
    out = torch.zeros(count, directions, width, dtype=dtype)
    states = torch.full((directions, steps + 1, sequences, width), torch.nan, dtype=dtype)
    gates = torch.full((directions, steps, sequences, 4 * width), torch.nan, dtype=dtype)
    sizes = (directions, steps, sequences, width)
    assert call(library, "gru_scan", sizes, dtype, *inputs, out, states, gates) == 0
    return [out, states, gates]


def run_backward(library, grad: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Return the gradients of inputs, weight and bias, as `GRUScan` makes them."""
    _, states, gates = run(library, inputs)
    rows, weight, dtype = inputs[1], inputs[2], grad.dtype
    grad_inputs = torch.zeros_like(inputs[0])
    recurrent = torch.full((*rows.shape, 3 * grad.size(-1)), torch.nan, dtype=dtype)
    tensors = (grad, rows, states, gates, weight, grad_inputs, recurrent)
    sizes = (*rows.shape, grad.size(-1))
    assert call(library, "gru_scan_backward", sizes, dtype, *tensors) == 0
    return [grad_inputs, *parameter_gradients(recurrent, states)]


def exact(inputs: list[Tensor], grad: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return states and gradients as the CPU computes them, in float64."""
    given = [x.double().requires_grad_() for x in (inputs[0], *inputs[2:])]
    states = GRUScan.apply(given[0], inputs[1], *given[1:])
    return states.detach(), list(torch.autograd.grad(states, given, grad.double()))


def error(found: Tensor, right: Tensor) -> float:
    assert not found.isnan().any()
    return float((found.double() - right).abs().max() / right.abs().max().clamp(min=1e-12))


def gradient(inputs: list[Tensor]) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    count, directions, width = inputs[0].shape
    grad = torch.randn(count, directions, width // 3, generator=generator, dtype=torch.float64)
    return grad.to(inputs[0].dtype)


@pytest.mark.parametrize("dtype", DTYPE_CODE, ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_states_equal_the_loop(kernels, sizes: tuple, dtype: torch.dtype):
    inputs = random_inputs(sizes, dtype)
    out, states, _ = run(kernels, inputs)
    assert not states[:, 0].any()
    assert error(out, exact(inputs, gradient(inputs))[0]) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPE_CODE, ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_equal_the_loop(kernels, sizes: tuple, dtype: torch.dtype):
    inputs = random_inputs(sizes, dtype)
    grad = gradient(inputs)
    found = run_backward(kernels, grad, inputs)
    for one, right in zip(found, exact(inputs, grad)[1], strict=True):
        assert error(one, right) < 8 * TOLERANCE[dtype]  # gates are kept in the type, too


def test_a_row_that_no_sequence_reads_stays_zero(kernels):
    inputs = random_inputs((2, 3, 7, 4), torch.float32)
    more = torch.cat([inputs[0], torch.full_like(inputs[0][:2], torch.nan)])
    out, _, _ = run(kernels, [more, *inputs[1:]])
    assert not out[-2:].any()
    assert out[:-2].equal(run(kernels, inputs)[0])


def test_without_a_step_states_are_those_before_the_first(kernels):
    inputs, _, weight, bias = random_inputs((2, 3, 4, 1), torch.float32)
    rows = torch.empty(2, 0, 3, dtype=torch.int64)
    out, states, _ = run(kernels, [inputs, rows, weight, bias])
    assert not out.any()
    assert states.equal(torch.zeros(2, 1, 3, 4))


@pytest.mark.parametrize("name", ["states", "gradients"])
def test_a_smaller_grid_computes_the_same_bits(kernels, name: str):
    inputs, found = random_inputs((2, 131, 5, 3), torch.float32), []
    for blocks in (ALL_BLOCKS, 7):
        kernels.set_max_blocks(ctypes.c_uint32(blocks))
        if name == "states":
            found.append(run(kernels, inputs))
        else:
            found.append(run_backward(kernels, gradient(inputs), inputs))
    assert all(a.equal(b) for a, b in zip(*found, strict=True))


def test_a_sequence_has_the_same_bits_beside_any_others(kernels):
    inputs = random_inputs((2, 514, 4, 3), torch.float32)
    together = run(kernels, inputs)[0]
    alone = inputs[1][:, :, 2:3].contiguous()
    rows = alone[alone >= 0].unique()
    assert run(kernels, [inputs[0], alone, *inputs[2:]])[0][rows].equal(together[rows])


@pytest.mark.parametrize("dtype", DTYPE_CODE, ids=str)
@pytest.mark.parametrize("width", [1, 7, 100])
def test_python_knows_the_kernels_memory(kernels, width: int, dtype: torch.dtype):
    kernels.gru_scan_bytes.restype = ctypes.c_int64
    found = kernels.gru_scan_bytes(DTYPE_CODE[dtype], ctypes.c_int64(width))
    assert found == scan_bytes(width, dtype)


def test_a_width_that_does_not_fit_is_refused(kernels):
    inputs = random_inputs((1, 1, 160, 1), torch.float32)
    made = torch.empty(1, 1, 160), torch.empty(1, 2, 1, 160), torch.empty(1, 1, 1, 640)
    assert call(kernels, "gru_scan", (1, 1, 1, 160), torch.float32, *inputs, *made) != 0
