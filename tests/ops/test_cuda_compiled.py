"""What the compiler made of the CUDA kernels: registers, spills, matrix instructions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pytest

from ariigcn_dgl import _C

pytestmark = pytest.mark.skipif(not _C.build_info()["cuda"], reason="built without CUDA")
TOOLS = Path(sysconfig.get_path("purelib"), "nvidia", "cu13", "bin")  # of the packages
MAIN = ("stats_kernel", "grad_kernel")
# From dtype and way to multiply to the instructions of the similarities and of the gradient.
MATRIX = {
    "MmaProduct<__nv_bfloat16>": ({"HMMA.16816.F32.BF16"}, {"HMMA.16816.F32.BF16"}),
    "MmaProduct<__half>": ({"HMMA.16816.F32"}, {"HMMA.16816.F32", "HMMA.1688.F32.TF32"}),
    "MmaProduct<float>": ({"HMMA.1688.F32.TF32"}, {"HMMA.1688.F32.TF32"}),
    "FmaProduct<float>": (set(), set()),
}


class Usage(NamedTuple):
    arch: int
    mangled: str
    name: str
    registers: int
    stack: int  # bytes of local memory: what did not fit the registers


def cuobjdump(*options: str) -> str:
    environment = os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}"}
    tool = shutil.which("cuobjdump", path=environment["PATH"])
    assert tool, "cuobjdump is missing: pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm"
    command = [tool, *options, _C.__file__]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment
    ).stdout


@pytest.fixture(scope="module")
def usages() -> list[Usage]:
    found, arch = [], 0
    dump = cuobjdump("--dump-resource-usage")
    names = demangled(re.findall(r"Function (\S+):", dump))
    for line in dump.splitlines():
        if line.startswith("arch ="):
            arch = int(line.split("sm_")[1])
        elif match := re.match(r" Function (\S+):", line):
            mangled = match[1]
        elif match := re.match(r"  REG:(\d+) STACK:(\d+)", line):
            found.append(Usage(arch, mangled, names[mangled], int(match[1]), int(match[2])))
    return found


def demangled(names: list[str]) -> dict[str, str]:
    """Return the names without namespaces and arguments."""
    done = subprocess.run(
        ["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True
    )
    plain = [
        re.sub(r"\(anonymous namespace\)::|\w+::|^void |\(.*$", "", x)
        for x in done.stdout.splitlines()
    ]
    return dict(zip(names, plain, strict=True))


def test_every_kernel_is_there_for_every_architecture(usages, record_property):
    archs = {usage.arch for usage in usages}
    wanted = {
        int(one.removesuffix("+PTX").replace(".", ""))
        for one in _C.build_info()["cuda_archs"].split()
    }
    assert archs == wanted
    of_arch = [{u.name for u in usages if u.arch == arch} for arch in archs]
    assert all(names == of_arch[0] for names in of_arch)
    for usage in sorted(usages, key=lambda u: (u.name, u.arch)):
        report = f"{usage.registers} registers, {usage.stack} bytes of stack"
        record_property(f"{usage.name} sm_{usage.arch}", report)
        print(f"sm_{usage.arch} {report}: {usage.name}")  # pytest -rP shows it


def test_main_kernels_keep_everything_in_registers(usages):
    main = [u for u in usages if u.arch >= 80 and u.name.startswith(MAIN)]
    assert len(main) > 0
    assert [usage for usage in main if usage.stack] == []


@pytest.mark.parametrize("product", MATRIX)
def test_contrast_runs_on_tensor_cores(usages, product):
    newest = max(usage.arch for usage in usages)
    if newest < 80:
        pytest.skip("built for devices without them")
    for kernel, wanted in zip(MAIN, MATRIX[product], strict=True):
        (one,) = {
            u.mangled for u in usages if u.arch == newest and u.name == f"{kernel}<{product} >"
        }
        code = cuobjdump("-sass", "-arch", f"sm_{newest}", "-fun", one)
        assert set(re.findall(r"HMMA[\w.]+", code)) == wanted
