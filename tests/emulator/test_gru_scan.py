"""The CUDA kernels of a GRU's recurrence, unchanged, built for the CPU and compared with torch."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.nn._gru_scan import GRUScan, scan_bytes, scan_gradients

pytestmark = pytest.mark.slow  # kernels are compiled for the emulator

ROOT = Path(__file__).parents[2]
EMULATOR = ROOT / "tests" / "emulator"
KERNELS = ROOT / "csrc" / "cuda" / "gru_scan" / "kernels.cu"
COMPILE = ["g++", "-std=c++20", "-pthread", f"-I{EMULATOR}", f"-I{ROOT / 'csrc'}"]
SOURCES = ["-x", "c++", EMULATOR / "gru_scan.cpp", KERNELS]
DTYPE_CODE = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
# Relative to float64: rounding of each state, which the next steps go on from.
TOLERANCE = {
    torch.float32: 1e-6, torch.float64: 1e-14, torch.float16: 1e-3, torch.bfloat16: 8e-3,
}  # fmt: skip
ALL_BLOCKS = 2**32 - 1
# T, S, B, H: one of everything, an odd width, blocks of one, two and four sequences with some left.
SIZES = [(1, 1, 1, 1), (4, 2, 3, 7), (3, 2, 131, 5), (2, 1, 514, 4)]


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
    """Return inputs, weight and bias."""
    steps, directions, sequences, width = sizes
    generator = torch.Generator().manual_seed(0)
    shapes = [
        (steps, directions, sequences, 3 * width),
        (directions, 3 * width, width),
        (directions, 3 * width),
    ]
    found = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    found[1] /= width**0.5
    return [x.to(dtype) for x in found]


def run(library, sizes: tuple, dtype: torch.dtype, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return states, from the zeros on, and gates of the kernel, which had NaN before."""
    steps, directions, sequences, width = sizes
    states = torch.full((steps + 1, directions, sequences, width), torch.nan, dtype=dtype)
    gates = torch.full((steps, directions, sequences, 4 * width), torch.nan, dtype=dtype)
    assert call(library, "gru_scan", sizes, dtype, *inputs, states, gates) == 0
    return states, gates


def run_backward(
    library, sizes: tuple, dtype: torch.dtype, grad: Tensor, inputs: list[Tensor]
) -> list[Tensor]:
    """Return the gradients of inputs, weight and bias, as `GRUScan` makes them on CUDA."""
    states, gates = run(library, sizes, dtype, inputs)
    recurrent = torch.full((*grad.shape[:3], 3 * sizes[3]), torch.nan, dtype=dtype)
    grad_new = torch.full_like(grad, torch.nan)
    tensors = (grad, states, gates, inputs[1], recurrent, grad_new)
    assert call(library, "gru_scan_backward", sizes, dtype, *tensors) == 0
    return list(scan_gradients(recurrent, grad_new, states[:-1]))


def exact(inputs: list[Tensor], grad: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return states and gradients by the loop of torch's operators, in float64."""
    given = [x.double().requires_grad_() for x in inputs]
    states = GRUScan.apply(*given)
    return states.detach(), list(torch.autograd.grad(states, given, grad.double()))


def error(found: Tensor, right: Tensor) -> float:
    assert not found.isnan().any()
    return float((found.double() - right).abs().max() / right.abs().max().clamp(min=1e-12))


@pytest.mark.parametrize("dtype", DTYPE_CODE, ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_states_equal_the_loop(kernels, sizes: tuple, dtype: torch.dtype):
    inputs = random_inputs(sizes, dtype)
    states, _ = run(kernels, sizes, dtype, inputs)
    assert not states[0].any()
    assert error(states[1:], exact(inputs, torch.ones(sizes))[0]) < TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", DTYPE_CODE, ids=str)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_equal_the_loop(kernels, sizes: tuple, dtype: torch.dtype):
    inputs = random_inputs(sizes, dtype)
    generator = torch.Generator().manual_seed(1)
    grad = torch.randn(sizes, generator=generator, dtype=torch.float64).to(dtype)
    found = run_backward(kernels, sizes, dtype, grad, inputs)
    for one, right in zip(found, exact(inputs, grad)[1], strict=True):
        assert error(one, right) < 8 * TOLERANCE[dtype]  # gates are kept in the type, too


def test_no_time_is_nothing_to_do(kernels):
    sizes = (0, 2, 3, 4)
    states, _ = run(kernels, sizes, torch.float32, random_inputs(sizes, torch.float32))
    assert len(states) == 1


@pytest.mark.parametrize("name", ["states", "gradients"])
def test_a_smaller_grid_computes_the_same_bits(kernels, name: str):
    sizes, found = (3, 2, 131, 5), []
    inputs = random_inputs(sizes, torch.float32)
    for blocks in (ALL_BLOCKS, 7):
        kernels.set_max_blocks(ctypes.c_uint32(blocks))
        if name == "states":
            found.append(list(run(kernels, sizes, torch.float32, inputs)))
        else:
            grad = torch.ones(sizes)
            found.append(run_backward(kernels, sizes, torch.float32, grad, inputs))
    assert all(a.equal(b) for a, b in zip(*found, strict=True))


def test_a_sequence_has_the_same_bits_beside_any_others(kernels):
    sizes = (3, 2, 514, 4)
    inputs = random_inputs(sizes, torch.float32)
    together, _ = run(kernels, sizes, torch.float32, inputs)
    alone = [inputs[0][:, :, 2:3].contiguous(), *inputs[1:]]
    assert run(kernels, (3, 2, 1, 4), torch.float32, alone)[0].equal(together[:, :, 2:3])


@pytest.mark.parametrize("dtype", DTYPE_CODE, ids=str)
@pytest.mark.parametrize("width", [1, 7, 100])
def test_python_knows_the_kernels_memory(kernels, width: int, dtype: torch.dtype):
    kernels.gru_scan_bytes.restype = ctypes.c_int64
    found = kernels.gru_scan_bytes(DTYPE_CODE[dtype], ctypes.c_int64(width))
    assert found == scan_bytes(width, dtype)


def test_a_width_that_does_not_fit_is_refused(kernels):
    sizes = (1, 1, 1, 160)
    inputs = random_inputs(sizes, torch.float32)
    states, gates = torch.empty(2, 1, 1, 160), torch.empty(1, 1, 1, 640)
    assert call(kernels, "gru_scan", sizes, torch.float32, *inputs, states, gates) != 0
