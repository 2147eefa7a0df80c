"""What nvcc made of the kernels in the built library: registers, spills and instructions."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ariigcn_dgl import _C

ARCHS = [f"sm_{x.split('+')[0].replace('.', '')}" for x in _C.build_info()["cuda_archs"].split()]
TENSOR_ARCHS = [arch for arch in ARCHS if int(re.sub(r"\D", "", arch)) >= 80]


def find_tool() -> str | None:
    """Return the path of cuobjdump: the toolkit's, or that of its wheel."""
    nvidia = importlib.util.find_spec("nvidia")
    folders = map(Path, nvidia.submodule_search_locations if nvidia else ())
    found = [str(tool) for folder in folders for tool in folder.glob("*/bin/cuobjdump")]
    return shutil.which("cuobjdump") or next(iter(found), None)


TOOL = find_tool()
pytestmark = [
    pytest.mark.skipif(not ARCHS, reason="the library was built without CUDA"),
    pytest.mark.skipif(TOOL is None, reason="needs cuobjdump (pip install nvidia-cuda-cuobjdump)"),
]


def run_tool(*options: str) -> str:
    path = f"{Path(TOOL).parent}:/usr/bin:/bin"  # nvdisasm lies beside it
    command = [TOOL, *options, _C.__file__]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PATH": path}
    ).stdout


@cache
def resources(arch: str) -> dict[str, dict[str, int]]:
    """Return the resources of every function: REG, STACK (bytes of a thread), SHARED, ..."""
    text = run_tool("--dump-resource-usage", "-arch", arch)
    found = re.findall(r"Function (\w+):\s+(REG:[^\n]*)", text)
    return {name: {k: int(v) for k, v in re.findall(r"(\w+):(\d+)", use)} for name, use in found}


def kernels(arch: str, *parts: str) -> list[str]:
    """Return the mangled names of the kernels that contain all parts."""
    return [name for name in resources(arch) if all(part in name for part in parts)]


def code(arch: str, *parts: str) -> str:
    (name,) = kernels(arch, *parts)
    return run_tool("-sass", "-arch", arch, "-fun", name)


SINGLE, HALF, BFLOAT16 = "If", "I6__half", "I13__nv_bfloat16"
EDGE_KERNELS = ("attention_edges_kernel", "target_grads_kernel", "source_grads_kernel")
PRODUCT_KERNELS = ("row_product_kernel", "weight_grads_kernel")


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("dtype", [SINGLE, HALF, BFLOAT16])
@pytest.mark.parametrize("kernel", [*EDGE_KERNELS, *PRODUCT_KERNELS, "partial_sums_kernel"])
def test_nothing_is_spilled(kernel: str, dtype: str, arch: str):
    found = kernels(arch, kernel + dtype, "LeakyRelu" if kernel in EDGE_KERNELS else "")
    assert found
    assert {name: resources(arch)[name]["STACK"] for name in found} == dict.fromkeys(found, 0)


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("kernel", EDGE_KERNELS)
def test_four_blocks_of_an_edge_kernel_fit_on_a_multiprocessor(kernel: str, arch: str):
    uses = [resources(arch)[name] for name in kernels(arch, kernel)]
    assert max(use["REG"] for use in uses) * 128 * 4 <= 65536
    assert max(use["SHARED"] for use in uses) <= 32 * 1024


@pytest.mark.parametrize("arch", ARCHS)
def test_a_score_takes_the_absolute_value_for_free(arch: str):
    sass = code(arch, "attention_edges_kernel" + SINGLE, "LeakyRelu")
    assert len(re.findall(r"FFMA R\d+, .*\|R\d+\|", sass)) >= 4
    assert "LDG.E.128" in sass


@pytest.mark.parametrize("arch", TENSOR_ARCHS)
@pytest.mark.parametrize("kernel", ["row_product_kernel", "weight_grads_kernel"])
@pytest.mark.parametrize(
    ("dtype", "instruction"),
    [(HALF, "HMMA.16816.F32 "), (BFLOAT16, "HMMA.16816.F32.BF16"), (SINGLE, "HMMA.1688.F32.TF32")],
)
def test_products_run_on_tensor_cores(kernel: str, dtype: str, instruction: str, arch: str):
    sass = code(arch, f"{kernel}{dtype}Lb1E", "Lb0EEEv" if kernel == "row_product_kernel" else "")
    assert sass.count(instruction) >= 32  # a step's share of a warp
    assert ("LDSM" in sass) == (dtype != SINGLE or kernel == "row_product_kernel")


@pytest.mark.skipif("sm_75" not in ARCHS, reason="not built for sm_75")
@pytest.mark.parametrize("dtype", [SINGLE, HALF, BFLOAT16])
def test_products_use_multiply_adds_before_sm_80(dtype: str):
    sass = code("sm_75", f"row_product_kernel{dtype}Lb1E", "Lb0EEEv")
    assert "HMMA" not in sass
    assert sass.count("FFMA") >= 64
