"""Registers and loads of the GRU's recurrence."""

from __future__ import annotations

import pytest

from tests.machine_code.sass import count, inner_loops

pytestmark = pytest.mark.slow  # kernels are compiled and disassembled

KERNELS = ("gru_scan_kernel", "gru_scan_backward_kernel")


# Of the widest block, in fours of warps as a multiprocessor takes them.
THREADS = {"Id": 384, "If": 512, "I6__half": 512, "I13__nv_bfloat16": 512}


@pytest.mark.parametrize("dtype", THREADS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_widest_block_fits(machine_code, kernel: str, dtype: str, arch: str):
    found = machine_code.kernels(arch, kernel + dtype)
    assert len(found) == 3  # 1, 2 and 4 sequences a block
    uses = [machine_code.resources(arch)[name] for name in found]
    assert max(use["REG"] for use in uses) * THREADS[dtype] <= 65536


@pytest.mark.parametrize("kernel", KERNELS)
def test_numbers_are_read_from_shared_memory_four_at_a_time(machine_code, kernel: str, arch: str):
    sass = machine_code.code(arch, kernel + "If", "Li4E")
    loop = max(inner_loops(sass), key=lambda code: count(code, "FFMA"))
    # Four columns of the weight and of four sequences: 5 loads for 16 multiply-adds.
    loads = [one for one in loop if one.is_a("LDS") and ".128" in one.text]
    assert len(loads) * 16 == count(loop, "FFMA") * 5
    assert loads
    assert not any(one.name.startswith("LDG") for one in loop)  # nor LDGSTS
