"""GELU and asynchronous copies of `csrc/cuda`, run on the CPU."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

pytestmark = pytest.mark.slow  # kernels are compiled for the emulator

HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("small") / "libsmall.so"
    flags = ["-std=c++20", "-O1", "-shared", "-fPIC", f"-I{HERE}", f"-I{CSRC}"]
    source = HERE / "small_kernels.cu"
    subprocess.run(["g++", *flags, "-x", "c++", source, "-o", target], check=True)
    return target


def pointer(tensor: Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())


def test_gelu_errs_by_its_rounding_on_a_dense_grid(path):
    x = torch.cat([torch.linspace(-16, 16, 400_001), torch.tensor([0.0, -0.0, 1e30, -1e30])])
    value, grad = torch.full_like(x, torch.nan), torch.full_like(x, torch.nan)
    count = ctypes.c_int64(len(x))
    assert ctypes.CDLL(path).gelu(count, pointer(x), pointer(value), pointer(grad)) == 0
    exact = x.double().requires_grad_()
    cdf = torch.special.ndtr(exact)
    density = (-exact * exact / 2).exp() / (2 * torch.pi) ** 0.5
    size = exact.abs().clamp(min=1)
    assert ((value - exact * cdf).abs() / size).max() < 2e-7
    assert ((grad - cdf - exact * density).abs() / size).max() < 2e-7


def test_gelu_of_negative_numbers_is_relatively_precise(path):
    x = torch.linspace(-9, -1e-3, 100_001)
    value, grad = torch.full_like(x, torch.nan), torch.full_like(x, torch.nan)
    count = ctypes.c_int64(len(x))
    assert ctypes.CDLL(path).gelu(count, pointer(x), pointer(value), pointer(grad)) == 0
    exact = x.double() / 2 * torch.special.erfc(x.double() * -(0.5**0.5))
    # of exp2's argument, up to 58, the last place and a half is lost
    torch.testing.assert_close(value.double(), exact, rtol=5e-6, atol=0)


def copied(path: Path, allowed: int) -> Tensor:
    """Return what 4 threads read, with so many of their two groups allowed to be on their way."""
    given, found = torch.arange(16.0), torch.empty(16)
    given[4] = -1
    assert ctypes.CDLL(path).copy(allowed, 1, pointer(given), pointer(found)) == 0
    return found


def test_a_copy_is_there_after_its_wait_and_zeros_where_nothing_is_inside(path):
    assert copied(path, 1).tolist() == [0, 1, 2, 3, 0, 0, 0, 0, *range(8, 16)]


def test_a_copy_that_was_not_waited_for_is_nan(path):
    assert copied(path, 2).isnan().all()


def test_a_kernel_must_wait_for_its_copies(path):
    program = (
        "import ctypes, torch; x = torch.zeros(16)\n"
        f"ctypes.CDLL({str(path)!r}).copy(1, 0, *[ctypes.c_void_p(x.data_ptr())] * 2)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode != 0
    assert "a kernel ends before its copies do" in done.stderr
