"""What the package says about itself and the machine, and when it is not built."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version

import pytest
import torch

import ariigcn_dgl
from ariigcn_dgl import _native
from ariigcn_dgl.environment import PACKAGES, environment


def test_versions_are_those_installed():
    found = environment()
    assert {name: found[name] for name in PACKAGES} == {name: version(name) for name in PACKAGES}


def test_a_package_that_is_missing_is_said_to_be(monkeypatch):
    def found(name):
        if name == "dgl":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("ariigcn_dgl.optional.version", found)
    assert environment()["dgl"] == "not installed"
    assert environment()["torch"] == version("torch")


def test_the_native_library_says_what_built_it():
    built = _native.build_info()
    assert environment()["native library"].startswith(f"built with {built['compiler']}, torch ")


def test_cuda_kernels_are_named_where_they_were_built(monkeypatch):
    info = {"compiler": "g++", "torch_headers": "2", "cuda": "13.0", "cuda_archs": "9.0"}
    monkeypatch.setattr("ariigcn_dgl.environment.build_info", lambda: info)
    assert environment()["native library"] == "built with g++, torch 2, CUDA 13.0 for 9.0"
    info["cuda"] = ""
    assert environment()["native library"] == "built with g++, torch 2, no CUDA"


def test_devices_are_listed(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")
    assert environment()["cuda devices"] == "GPU 0, GPU 1"


def test_the_package_knows_its_version():
    assert ariigcn_dgl.__version__ == version("ariigcn_dgl")


def test_a_missing_library_is_explained(monkeypatch, tmp_path):
    monkeypatch.setattr(_native, "LIBRARY", tmp_path / "libariigcn.so")
    with pytest.raises(ImportError, match=r"not built \(.*libariigcn.so is not there\): install a"):
        _native._load()


def test_a_library_that_does_not_load_is_explained(monkeypatch, tmp_path):
    (tmp_path / "libariigcn.so").write_bytes(b"no library")
    monkeypatch.setattr(_native, "LIBRARY", tmp_path / "libariigcn.so")
    with pytest.raises(
        ImportError, match=r"does not load beside torch 2\..*: it needs torch 2\.11"
    ):
        _native._load()


def symbols(which: str) -> list[str]:
    """Return the names that the library defines, or needs: "--defined-only", "--undefined-only"."""
    command = ["nm", "-D", "--format=just-symbols", which, _native.LIBRARY]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_the_library_shows_nothing_but_its_two_functions():
    assert symbols("--defined-only") == ["ariigcn_build_info", "ariigcn_cpu_capability"]


def test_the_library_knows_no_python():
    assert not [name for name in symbols("--undefined-only") if name.startswith(("Py", "_Py"))]


@pytest.mark.parametrize("mangled", ["_ZN3c10", "_ZN2at", "_ZN5torch"])
def test_the_library_reaches_torch_by_its_stable_interface_only(mangled):
    assert not [name for name in symbols("--undefined-only") if mangled in name]


@pytest.mark.parametrize(("value", "said"), [("avx2", 0), ("nonsense", 1)])
def test_an_instruction_set_that_does_not_exist_is_said_to_be_ignored(monkeypatch, value, said):
    monkeypatch.setenv("ARIIGCN_CPU_CAPABILITY", value)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        _native._check_capability()
    words = f"ARIIGCN_CPU_CAPABILITY='{value}' is ignored: expected one of generic, avx2, avx512"
    assert [str(one.message) for one in found] == [words] * said


def test_a_subinterpreter_is_told_to_use_another_way():
    code = """
import sys
from ariigcn_dgl._interpreter import interpreters
i = interpreters.create()
said = interpreters.run_string(i, "import ariigcn_dgl")
print(said, file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "ariigcn_dgl works in the main interpreter of a process alone" in run.stderr
