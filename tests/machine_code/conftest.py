"""What nvcc made of the kernels in the built library, as cuobjdump shows it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ariigcn_dgl._native import LIBRARY, build_info


class MachineCode:
    """Resources and instructions of the library's kernels, by architecture such as "sm_80"."""

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.archs = built_archs()

    def _dump(self, *options: str) -> str:
        path = f"{Path(self.tool).parent}:/usr/bin:/bin"  # nvdisasm lies beside it
        command = [self.tool, *options, str(LIBRARY)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={"PATH": path}
        )
        return done.stdout

    @cache  # noqa: B019  (there is one for the whole session)
    def resources(self, arch: str) -> dict[str, dict[str, int]]:
        """Return REG, STACK (bytes of a thread: what did not fit), SHARED, ... of every kernel."""
        text = self._dump("--dump-resource-usage", "-arch", arch)
        found = re.findall(r"Function (\w+):\s+(REG:[^\n]*)", text)
        return {
            name: {k: int(v) for k, v in re.findall(r"(\w+):(\d+)", use)} for name, use in found
        }

    def kernels(self, arch: str, *parts: str) -> list[str]:
        """Return the mangled names of the kernels that contain all parts."""
        return [name for name in self.resources(arch) if all(part in name for part in parts)]

    def code(self, arch: str, *parts: str) -> str:
        """Return the instructions of the one kernel whose mangled name contains all parts."""
        (name,) = self.kernels(arch, *parts)
        return self.sass(arch, name)

    @cache  # noqa: B019
    def sass(self, arch: str, name: str) -> str:
        """Return the instructions of a kernel."""
        return self._dump("-sass", "-arch", arch, "-fun", name)


@pytest.fixture(scope="session")
def machine_code() -> MachineCode:
    """Return the toolkit's view of the library, or that of the tool's wheel."""
    if not build_info()["cuda_archs"]:
        pytest.skip("the library was built without CUDA")
    nvidia = importlib.util.find_spec("nvidia")
    folders = map(Path, nvidia.submodule_search_locations if nvidia else ())
    found = [str(tool) for folder in folders for tool in folder.glob("*/bin/cuobjdump")]
    tool = shutil.which("cuobjdump") or next(iter(found), None)
    if tool is None:
        pytest.skip("needs cuobjdump (pip install nvidia-cuda-cuobjdump)")
    return MachineCode(tool)


def built_archs() -> list[str]:
    """Return the architectures that the library was built for."""
    archs = build_info()["cuda_archs"].split()
    return [f"sm_{arch.split('+')[0].replace('.', '')}" for arch in archs]


def has_tensor_cores(arch: str) -> bool:
    """Return whether the kernels use mma.sync there."""
    return int(arch.removeprefix("sm_").rstrip("af")) >= 80  # sm_90a: Hopper and nothing else


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of `arch` for each architecture, those of `tensor_arch` from sm_80 on."""
    archs = built_archs()
    if "arch" in metafunc.fixturenames:
        metafunc.parametrize("arch", archs)
    if "tensor_arch" in metafunc.fixturenames:
        metafunc.parametrize("tensor_arch", [arch for arch in archs if has_tensor_cores(arch)])
