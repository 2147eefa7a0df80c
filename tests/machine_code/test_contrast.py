"""Registers, spills and matrix instructions of the pairwise contrast's kernels."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.slow  # kernels are compiled and disassembled

MAIN = ("stats_kernel", "grad_kernel")
# From dtype and way to multiply to the instructions of the similarities and of the gradient.
MATRIX = {
    "MmaProductI13__nv_bfloat16": ({"HMMA.16816.F32.BF16"}, {"HMMA.16816.F32.BF16"}),
    "MmaProductI6__half": ({"HMMA.16816.F32"}, {"HMMA.16816.F32", "HMMA.1688.F32.TF32"}),
    "MmaProductIf": ({"HMMA.1688.F32.TF32"}, {"HMMA.1688.F32.TF32"}),
    "FmaProductIf": (set(), set()),
}


@pytest.mark.parametrize("product", MATRIX)
@pytest.mark.parametrize("kernel", MAIN)
def test_everything_stays_in_registers(machine_code, kernel: str, product: str, tensor_arch: str):
    found = machine_code.kernels(tensor_arch, kernel, product)
    assert found
    stacks = {name: machine_code.resources(tensor_arch)[name]["STACK"] for name in found}
    assert stacks == dict.fromkeys(found, 0)


@pytest.mark.parametrize("product", MATRIX)
def test_products_run_on_tensor_cores(machine_code, product: str, tensor_arch: str):
    for kernel, wanted in zip(MAIN, MATRIX[product], strict=True):
        code = machine_code.code(tensor_arch, kernel, product)
        assert set(re.findall(r"HMMA[\w.]+", code)) == wanted
