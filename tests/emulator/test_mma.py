"""The products of `csrc/cuda/mma.h`, run on the CPU, and what nvcc makes of them."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch import Tensor

pytestmark = pytest.mark.slow  # kernels are compiled for the emulator

HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"
SOURCE = HERE / "mma_product.cu"
CODE = {torch.float32: 0, torch.float16: 2, torch.bfloat16: 3}
DEPTH = {torch.float32: 8, torch.float16: 16, torch.bfloat16: 16}
each_dtype = pytest.mark.parametrize("dtype", CODE, ids=str)
each_layout = pytest.mark.parametrize("transposed", [False, True], ids=["rows", "transposed"])


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    target = tmp_path_factory.mktemp("mma") / "libmma.so"
    flags = ["-std=c++20", "-O0", "-shared", "-fPIC", f"-I{HERE}", f"-I{CSRC}"]
    subprocess.run(["g++", *flags, "-x", "c++", SOURCE, "-o", target], check=True)
    return ctypes.CDLL(target)


def product(library, a: Tensor, b: Tensor, transposed: bool) -> Tensor:
    """Return a @ b, (16, 16)."""
    c = torch.full((16, 16), torch.nan)
    stored = (a.T if transposed else a).contiguous(), (b if transposed else b.T).contiguous()
    pointers = [ctypes.c_void_p(t.data_ptr()) for t in (*stored, c)]
    assert library.mma_product(CODE[a.dtype], int(transposed), *pointers) == 0
    return c


@each_dtype
@each_layout
def test_product_of_one_pair_of_ones_lands_in_its_row_and_column(library, dtype, transposed):
    for i, k, j in [(0, 0, 0), (3, 1, 9), (9, 5, 6), (15, DEPTH[dtype] - 1, 15)]:
        a, b = torch.zeros(16, DEPTH[dtype]), torch.zeros(DEPTH[dtype], 16)
        a[i, k], b[k, j] = 2, 3
        c = product(library, a.to(dtype), b.to(dtype), transposed)
        assert c.nonzero().tolist() == [[i, j]]
        assert c[i, j] == 6


@each_dtype
@each_layout
def test_product_of_small_integers_is_exact(library, dtype, transposed):
    generator = torch.Generator().manual_seed(0)
    a = torch.randint(-9, 10, (16, DEPTH[dtype]), generator=generator).to(dtype)
    b = torch.randint(-9, 10, (DEPTH[dtype], 16), generator=generator).to(dtype)
    c = product(library, a, b, transposed)
    torch.testing.assert_close(c, a.float() @ b.float(), rtol=0, atol=0)


def test_floats_are_multiplied_as_tf32(library):
    a, b = torch.ones(16, 8), torch.ones(8, 16)
    a[0] += 2**-10
    a[1] += 2**-11
    c = product(library, a, b, transposed=False)
    assert c[:3, 0].tolist() == [8 + 2**-7, 8, 8]


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
@pytest.mark.parametrize(("arch", "instructions"), [("75", 0), ("80", 6)])
def test_nvcc_accepts_the_instructions(arch, instructions):
    command = ["nvcc", "-std=c++20", f"-arch=compute_{arch}", "--Werror=all-warnings", "-ptx"]
    command += [f"-I{CSRC}", SOURCE, "-o", "-"]
    code = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert code.count("mma.sync.aligned.m16n8k") == instructions
