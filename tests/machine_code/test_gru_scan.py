"""Registers, spills and loads of the GRU's recurrence."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.slow  # kernels are compiled and disassembled

KERNELS = ("gru_scan_kernel", "gru_scan_backward_kernel")


# Of the widest block, in fours of warps as a multiprocessor takes them.
THREADS = {"Id": 384, "If": 512, "I6__half": 512, "I13__nv_bfloat16": 512}


@pytest.mark.parametrize("dtype", THREADS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_widest_block_fits_without_spills(machine_code, kernel: str, dtype: str, arch: str):
    found = machine_code.kernels(arch, kernel + dtype)
    assert len(found) == 3  # 1, 2 and 4 sequences a block
    uses = [machine_code.resources(arch)[name] for name in found]
    assert {use["STACK"] for use in uses} == {0}
    assert max(use["REG"] for use in uses) * THREADS[dtype] <= 65536


@pytest.mark.parametrize("kernel", KERNELS)
def test_numbers_are_read_from_shared_memory_four_at_a_time(machine_code, kernel: str, arch: str):
    sass = machine_code.code(arch, kernel + "If", "Li4E")
    loop = max(_loops(sass), key=lambda code: code.count("FFMA"))
    # Four columns of the weight and of four sequences: 5 loads for 16 multiply-adds.
    assert len(re.findall(r"LDS\S*\.128", loop)) * 16 == loop.count("FFMA") * 5
    assert "FFMA" in loop
    assert "LDG" not in loop


def _loops(sass: str) -> list[str]:
    """Return the code between each jump backwards and where it goes, without loops around it."""
    lines = [(int(m[1], 16), m[2]) for m in re.finditer(r"/\*([0-9a-f]{4,})\*/\s+(.*);", sass)]
    loops = []
    for address, code in lines:
        target = re.search(r"BRA.* 0x([0-9a-f]+)", code)
        if target and int(target[1], 16) < address:
            body = [c for a, c in lines if int(target[1], 16) <= a <= address]
            if sum("BRA" in c for c in body) == 1:
                loops.append("\n".join(body))
    return loops
