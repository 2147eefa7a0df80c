"""What the main loops of relational attention's matrix products execute."""

from __future__ import annotations

import pytest

from tests.machine_code.sass import Code, hot_path

pytestmark = pytest.mark.slow  # kernels are compiled and disassembled

KERNELS = {
    "row_product": ("row_product_kernel", "ELb0EEE"),
    "row_product of transposed matrices": ("row_product_kernel", "ELb1EEE"),
    "weight_grads": ("weight_grads_kernel", "EEEv"),
}
HALF, BFLOAT16, FLOAT = "kernelI6__half", "kernelI13__nv_bfloat16", "kernelIf"
LARGE, SMALL = "TileShapeILi128E", "TileShapeILi32E"
IEEE, TF32X3, TF32 = (f"Fp32PrecisionE{k}E" for k in range(3))
WAYS = {"half": (HALF, IEEE), "bfloat16": (BFLOAT16, IEEE), "tf32x3": (FLOAT, TF32X3),
        "tf32": (FLOAT, TF32)}  # fmt: skip
INSTRUCTION = {"half": "HMMA.16816.F32 ", "bfloat16": "HMMA.16816.F32.BF16 ",
               "tf32x3": "HMMA.1688.F32.TF32 ", "tf32": "HMMA.1688.F32.TF32 "}  # fmt: skip

each_kernel = pytest.mark.parametrize("kernel", KERNELS)
each_way = pytest.mark.parametrize("way", WAYS)


# Instructions for each of them, of all ways round a step.
MOST = {"half": 8, "bfloat16": 8, "tf32x3": 5, "tf32": 12}
MOST_OF_A_SMALL_STEP = {"half": 170, "bfloat16": 170, "tf32x3": 240, "tf32": 210}


def count(path: Code, name: str) -> int:
    """Count those without a predicate."""
    return sum(one.text.startswith(name) for one in path)


@each_way
@each_kernel
def test_a_step_of_a_large_tile(machine_code, kernel: str, way: str, tensor_arch: str):
    code = machine_code.code(tensor_arch, *KERNELS[kernel], *WAYS[way], LARGE)
    path = hot_path(code, "HMMA", "LDGSTS")
    products = count(path, "HMMA")
    assert sum(INSTRUCTION[way] in one.text for one in path) == products
    assert products == 32 * (3 if way == "tf32x3" else 1)  # a warp's 64 x 32, twice along the depth
    print(f"{len(path) / products:.1f} instructions for each HMMA")  # pytest -rP shows it
    assert len(path) <= products * MOST[way]


@each_way
@each_kernel
def test_a_step_of_a_small_tile_is_split_over_the_warps(
    machine_code, kernel: str, way: str, tensor_arch: str
):
    code = machine_code.code(tensor_arch, *KERNELS[kernel], *WAYS[way], SMALL)
    path = hot_path(code, "HMMA", "LDGSTS")
    # A warp has 32 x 32, once along the depth: no sum is added to by two products of the same rows.
    sums = [one.text.split()[1] for one in path if one.is_a("HMMA")]
    assert len(set(sums)) >= 8
    assert len(sums) == 8 * (3 if way == "tf32x3" else 1)
    print(f"{len(path)} instructions for a step")
    assert len(path) <= MOST_OF_A_SMALL_STEP[way]


@each_way
@each_kernel
@pytest.mark.parametrize(("tile", "copies"), [(LARGE, 6), (SMALL, 4)], ids=["large", "small"])
def test_a_step_waits_for_no_load(
    machine_code, kernel: str, way: str, tile: str, copies: int, tensor_arch: str
):
    code = machine_code.code(tensor_arch, *KERNELS[kernel], *WAYS[way], tile)
    path = hot_path(code, "HMMA", "LDGSTS")
    assert sum("LDGSTS.E.BYPASS.128" in one.text for one in path) == copies
    assert count(path, "LDG.E.128") == 0
    assert count(path, "CALL") == 0  # but for those with a predicate, by which sm_80 leaves loops
    assert count(path, "BAR.SYNC") == 1


@pytest.mark.parametrize("kernel", ["row_product_kernel", "weight_grads_kernel"])
def test_floats_are_not_rounded_where_ieee_is_asked_for(machine_code, kernel: str, arch: str):
    for name in machine_code.kernels(arch, kernel, FLOAT, IEEE):
        code = machine_code.code(arch, name)
        assert "HMMA" not in code
        assert code.count("FFMA") >= 8


@pytest.mark.parametrize("kernel", ["row_product_kernel", "weight_grads_kernel"])
def test_products_use_multiply_adds_before_sm_80(machine_code, kernel: str, arch: str):
    if arch != "sm_75":
        pytest.skip("has tensor cores")
    for name in machine_code.kernels(arch, kernel):
        assert "HMMA" not in machine_code.code(arch, name)


@pytest.mark.parametrize("kernel", ["row_product_kernel", "weight_grads_kernel"])
def test_three_blocks_of_a_product_fit_on_a_multiprocessor(machine_code, kernel: str, arch: str):
    names = machine_code.kernels(arch, kernel)
    assert len(names) == {"row_product_kernel": 22, "weight_grads_kernel": 11}[kernel]
    uses = [machine_code.resources(arch)[name] for name in names]
    assert max(use["REG"] for use in uses) <= 65536 // (3 * 128)
    assert max(use["SHARED"] for use in uses) <= 48 * 1024  # what every device has
