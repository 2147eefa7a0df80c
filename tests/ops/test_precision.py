"""How torch's settings choose the way that matrices of float32 are multiplied."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl.ops._precision import fp32_precision

CUDA = torch.device("cuda")  # settings are read without one


@pytest.fixture(autouse=True)
def restored():
    matmul = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    yield
    matmul.fp32_precision = before


@pytest.mark.parametrize(
    ("setting", "precision"), [("none", "tf32x3"), ("ieee", "ieee"), ("tf32", "tf32")]
)
def test_products_of_floats_are_as_torch_was_told(setting, precision):
    torch.backends.cuda.matmul.fp32_precision = setting
    assert fp32_precision(CUDA, torch.float32) == precision


@pytest.mark.parametrize("setting", ["none", "ieee", "tf32"])
def test_other_types_and_the_cpu_have_one_way(setting):
    torch.backends.cuda.matmul.fp32_precision = setting
    assert fp32_precision(CUDA, torch.bfloat16) == "ieee"
    assert fp32_precision(torch.device("cpu"), torch.float32) == "ieee"
