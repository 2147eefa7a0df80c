"""Which kernels the built library has, and what they take."""

from __future__ import annotations

import pytest

from ariigcn_dgl._native import LIBRARY

pytestmark = pytest.mark.slow  # kernels are compiled and disassembled


def test_every_kernel_is_there_for_the_architecture(machine_code, arch: str, record_property):
    uses = machine_code.resources(arch)
    assert uses.keys() == machine_code.resources(machine_code.archs[0]).keys()
    for name, use in sorted(uses.items()):
        # Shared memory without what a launch adds.
        report = f"{use['REG']} registers, {use['SHARED']} bytes shared, {use['STACK']} of stack"
        record_property(f"{name} {arch}", report)
        print(f"{arch} {report}: {name}")  # pytest -rP shows it


def test_no_kernel_spills(machine_code, arch: str):
    stacks = {name: use["STACK"] for name, use in machine_code.resources(arch).items()}
    assert stacks == dict.fromkeys(stacks, 0)


def test_three_architectures_are_small(machine_code):
    if len(machine_code.archs) > 3:
        pytest.skip("was built for more")
    print(f"{LIBRARY.stat().st_size / 1e6:.1f} MB")  # pytest -rP shows it
    assert LIBRARY.stat().st_size < 12e6
