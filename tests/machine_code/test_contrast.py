"""Registers and matrix instructions of the pairwise contrast's kernels."""

from __future__ import annotations

import re

import pytest

from tests.machine_code.sass import count, instructions, issued, loop_with

pytestmark = pytest.mark.slow  # kernels are compiled and disassembled

MAIN = ("stats_kernel", "grad_kernel")
# Exponentials that need no shift, as in all losses of usual temperatures; none, as in "ratio".
PLAIN, NONE = "EELNS_12ExponentialsE1E", "EELNS_12ExponentialsE0E"
SLAB_BY_SLAB, WHOLE = "Lb0E", "Lb1E"  # how the gradient's kernel takes rows
IEEE, TF32X3, TF32 = (f"LNS_13Fp32PrecisionE{k}E" for k in range(3))
HALVES = (f"MmaProductI13__nv_bfloat16{IEEE}", f"MmaProductI6__half{IEEE}")
FLOATS = {"tf32x3": f"MmaProductIf{TF32X3}", "tf32": f"MmaProductIf{TF32}"}
SLABS = 4  # of 64 halves: rows of 256
# From dtype and way to multiply to the instructions of the similarities and of the gradient.
MATRIX = {
    HALVES[0]: ({"HMMA.16816.F32.BF16"}, {"HMMA.16816.F32.BF16"}),
    HALVES[1]: ({"HMMA.16816.F32"}, {"HMMA.16816.F32"}),
    FLOATS["tf32x3"]: ({"HMMA.1688.F32.TF32"}, {"HMMA.1688.F32.TF32"}),
    FLOATS["tf32"]: ({"HMMA.1688.F32.TF32"}, {"HMMA.1688.F32.TF32"}),
    "FmaProductIf": (set(), set()),
}


@pytest.mark.parametrize("product", MATRIX)
def test_products_run_on_tensor_cores(machine_code, product: str, tensor_arch: str):
    for kernel, wanted in zip(MAIN, MATRIX[product], strict=True):
        for name in machine_code.kernels(tensor_arch, kernel, product):
            code = machine_code.code(tensor_arch, name)
            assert set(re.findall(r"HMMA[\w.]+", code)) == wanted


@pytest.mark.parametrize("product", [*HALVES, *FLOATS.values(), "FmaProductIf"])
@pytest.mark.parametrize("kernel", MAIN)
def test_slabs_are_copied_while_others_are_multiplied(
    machine_code, kernel: str, product: str, tensor_arch: str
):
    for name in machine_code.kernels(tensor_arch, kernel, product):
        code = instructions(machine_code.code(tensor_arch, name))
        assert count(code, "LDGSTS") >= 4
        assert count(code, "LDG.E.128") == 0


@pytest.mark.parametrize("product", HALVES)
def test_two_blocks_of_the_gradient_fit_on_a_multiprocessor(
    machine_code, product: str, tensor_arch: str
):
    for name in machine_code.kernels(tensor_arch, "grad_kernel", product):
        assert machine_code.resources(tensor_arch)[name]["REG"] <= 65536 // (2 * 256)


@pytest.mark.parametrize("product", HALVES)
def test_two_blocks_with_whole_tiles_fit_into_the_memory_of_hopper(machine_code, product: str):
    slabs, reserved = 8 * 64 * 144, 1024  # of rows i and rows j; of a block
    for arch in machine_code.archs:
        if arch.startswith("sm_90"):
            (name,) = machine_code.kernels(arch, "grad_kernel", product + PLAIN + WHOLE)
            block = machine_code.resources(arch)[name]["SHARED"] + slabs + reserved
            assert 2 * block <= 228 * 1024


@pytest.mark.parametrize(
    ("product", "blocks"), [*((one, 4) for one in (*HALVES, FLOATS["tf32"])), (FLOATS["tf32x3"], 3)]
)
def test_blocks_of_the_statistics_fit_by_registers(
    machine_code, product: str, blocks: int, tensor_arch: str
):
    for name in machine_code.kernels(tensor_arch, "stats_kernel", product):
        assert machine_code.resources(tensor_arch)[name]["REG"] <= 65536 // (blocks * 128)


@pytest.mark.parametrize(("asked", "most"), [(PLAIN, 43), (NONE, 39)])
@pytest.mark.parametrize("product", HALVES)
def test_a_pair_takes_few_instructions_forward(
    machine_code, product: str, asked: str, most: int, tensor_arch: str
):
    code = instructions(machine_code.code(tensor_arch, "stats_kernel", product + asked))
    pairs = 32  # of a lane in a tile
    exponentials = pairs * (asked == PLAIN)
    slab = {"HMMA": 32, "LDSM": 20, "LDGSTS": 4}
    tile = {"MUFU.EX2": exponentials, "IMAD.HI": pairs}
    of_slab = issued(code, loop_with(code, slab), slab)
    of_tile = issued(code, loop_with(code, slab | tile), slab | tile)  # with one slab
    found = (of_tile + (SLABS - 1) * of_slab) / pairs
    print(f"{found:.0f} instructions for a pair and lane")  # pytest -rP shows it
    assert found <= most


@pytest.mark.parametrize(("asked", "most"), [(PLAIN, 58), (NONE, 52)])
@pytest.mark.parametrize("product", HALVES)
def test_a_pair_takes_few_instructions_backward(
    machine_code, product: str, asked: str, most: int, tensor_arch: str
):
    code = instructions(machine_code.code(tensor_arch, "grad_kernel", product + asked + WHOLE))
    pairs, products = 16, SLABS * 32
    tile = {"HMMA": products, "IMAD.HI": pairs}
    exactly = {"LDGSTS": SLABS * 2, "MUFU.EX2": pairs * (asked == PLAIN)}
    found = issued(code, loop_with(code, tile), tile | exactly) / pairs
    print(f"{found:.0f} instructions for a pair and lane")
    assert found <= most


@pytest.mark.parametrize("product", HALVES)
def test_a_pair_takes_few_instructions_backward_slab_by_slab(
    machine_code, product: str, tensor_arch: str
):
    kernel = "grad_kernel", product + PLAIN + SLAB_BY_SLAB
    code = instructions(machine_code.code(tensor_arch, *kernel))
    pairs = 16
    slab = {"HMMA": 16, "LDSM": 12, "LDGSTS": 2}
    tile = {"HMMA": 80, "LDGSTS": 10, "MUFU.EX2": pairs, "IMAD.HI": pairs}
    of_slab = issued(code, loop_with(code, slab), slab)
    outer = loop_with(code, {"HMMA": 80, "MUFU.EX2": pairs})
    found = (issued(code, outer, tile) + (SLABS - 1) * of_slab) / pairs
    print(f"{found:.0f} instructions for a pair and lane")
    assert found <= 95


@pytest.mark.parametrize(
    ("kernel", "slab", "most"),
    [(MAIN[0], {"HMMA": 96, "LDSM": 20, "LDGSTS": 8}, 5.3),
     (MAIN[1], {"HMMA": 48, "LDSM": 12, "LDGSTS": 4}, 6.8)],
)  # fmt: skip
def test_similarities_of_floats_take_few_instructions_for_each_product(
    machine_code, kernel: str, slab: dict[str, int], most: float, tensor_arch: str
):
    name = kernel, FLOATS["tf32x3"] + PLAIN
    code = instructions(machine_code.code(tensor_arch, *name))
    found = issued(code, loop_with(code, slab), slab) / slab["HMMA"]
    print(f"{found:.1f} instructions for each HMMA")
    assert found <= most
