"""Which kernels the built library has, and what they take."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from ariigcn_dgl._native import LIBRARY
from tests.machine_code.conftest import MachineCode
from tests.machine_code.sass import instructions

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


# A kernel may begin while the one before still runs, and must not look at what that still writes.
# The compiler may move loads of what it takes for constant, whatever stands in the source.
KIND = re.compile("[a-z_]+_kernel(?=I)")
MEMORY = "LD", "LDG", "LDGSTS", "LDS", "ST", "STG", "ATOM", "ATOMG", "RED"


def test_kernels_touch_no_memory_before_those_before_them_have_ended(machine_code, arch: str):
    if int(arch.removeprefix("sm_").rstrip("af")) < 90:
        pytest.skip("kernels begin one after another")
    of_kind = {KIND.findall(name)[-1]: name for name in machine_code.resources(arch)}
    assert {"row_product_kernel", "stats_kernel", "hub_sums_kernel"} <= of_kind.keys()
    wait_first(machine_code, arch, of_kind.values())


@pytest.mark.exhaustive
def test_no_kernel_touches_memory_before_those_before_it_have_ended(machine_code):
    wait_first(machine_code, machine_code.archs[-1], machine_code.resources(machine_code.archs[-1]))


def wait_first(machine_code: MachineCode, arch: str, kernels: Iterable[str]) -> None:
    """Check that the first to touch memory, or to jump, is the wait for the kernel before."""
    for kernel in kernels:
        code = instructions(machine_code.sass(arch, kernel))
        names = [one.name.split()[0].split(".")[0] for one in code]
        assert "PREEXIT" in names, kernel
        before = names[: names.index("ACQBULK")]
        assert not {*MEMORY, "BRA", "CALL", "EXIT"} & {*before}, kernel


def test_three_architectures_are_small(machine_code):
    if len(machine_code.archs) > 3:
        pytest.skip("was built for more")
    print(f"{LIBRARY.stat().st_size / 1e6:.1f} MB")  # pytest -rP shows it
    assert LIBRARY.stat().st_size < 12e6
