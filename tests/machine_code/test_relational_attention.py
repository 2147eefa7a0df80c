"""Registers and instructions of relational attention's kernels."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.slow  # kernels are compiled and disassembled

SINGLE = "If"
EDGE_KERNELS = ("attention_edges_kernel", "target_grads_kernel", "source_grads_kernel")


@pytest.mark.parametrize("kernel", EDGE_KERNELS)
def test_four_blocks_of_an_edge_kernel_fit_on_a_multiprocessor(
    machine_code, kernel: str, arch: str
):
    uses = [machine_code.resources(arch)[name] for name in machine_code.kernels(arch, kernel)]
    assert max(use["REG"] for use in uses) * 128 * 4 <= 65536
    assert max(use["SHARED"] for use in uses) <= 32 * 1024


def test_a_score_takes_the_absolute_value_for_free(machine_code, arch: str):
    sass = machine_code.code(arch, "attention_edges_kernel" + SINGLE, "LeakyRelu", "Lb0E")
    assert len(re.findall(r"FFMA R\d+, .*\|R\d+\|", sass)) >= 4
    assert "LDG.E.128" in sass
