"""What the package says about itself and the machine, and when it is not built."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

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


def test_a_missing_extension_is_explained():
    code = "import sys; sys.modules['ariigcn_dgl._C'] = None; import ariigcn_dgl.ops"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ImportError: the native extension of ariigcn_dgl is not built" in done.stderr
