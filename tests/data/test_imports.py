"""Whoever reads dialogues waits for no torch, and needs no compiled library."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import importlib, pkgutil, sys
import ariigcn_dgl.data as data
for module in pkgutil.walk_packages(data.__path__, data.__name__ + "."):
    importlib.import_module(module.name)
print(*sys.modules)
"""


@pytest.mark.slow
def test_data_imports_neither_torch_nor_graphs() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    found = set(done.stdout.split())
    assert {"ariigcn_dgl.data.load", "ariigcn_dgl.data.community.unpickle"} <= found
    assert {name.partition(".")[0] for name in found} & {"torch", "dgl"} == set()
    others = {name.split(".")[1] for name in found if name.startswith("ariigcn_dgl.")}
    assert others & {"batch", "graph", "ops", "nn", "models", "training"} == set()
