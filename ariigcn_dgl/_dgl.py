"""Import DGL so that it runs on the installed torch; the only module that imports it.

DGL 2.1.0 imports ``dgl.graphbolt`` eagerly, and that needs a library compiled for the exact torch
version, which PyPI's wheel has for torch 2.0.0 to 2.2.1 only, and a torchdata that still has
``datapipes``. Nothing else needs them, except ``dgl.sparse``, which DGL does not import itself.
Where the real GraphBolt cannot be had, a placeholder takes its place; whoever uses it is told what
is missing.

Import ``ariigcn_dgl`` before ``dgl``, also in a new process that unpickles a graph.

>>> from ariigcn_dgl._dgl import dgl
>>> dgl.graph(([0, 1], [1, 2])).num_nodes()
3
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import torch

TORCH_VERSION = torch.__version__.split("+", maxsplit=1)[0]


def _is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _explain(name: str) -> str:
    return (
        f"{name} is not available: dgl.graphbolt, dgl.sparse and the GraphBolt mode of "
        f"dgl.distributed need a DGL compiled for torch {TORCH_VERSION} (PyPI's dgl 2.1.0 is for "
        "torch 2.0.0 to 2.2.1), GraphBolt also needs torchdata < 0.10; dgl.dataloading, dgl.nn "
        "and the rest of DGL work as they are."
    )


class _Missing(type):
    """Class of the stand-ins: import, subclass and isinstance work, using one raises."""

    def __call__(cls, *args: object, **kwargs: object) -> None:
        raise ImportError(_explain(f"{cls.__module__}.{cls.__qualname__}"))

    # AttributeError, so that hasattr says False instead of failing.
    def __getattr__(cls, name: str) -> None:
        raise AttributeError(_explain(f"{cls.__module__}.{cls.__qualname__}.{name}"))


class _Placeholder(ModuleType):
    """A module of which every public name is a stand-in class, always the same one."""

    def __getattr__(self, name: str) -> _Missing:
        # Inspection, the import system and notebooks ask every module for names such as __file__.
        if name.startswith("_"):
            raise AttributeError(_explain(f"{self.__name__}.{name}"))
        stand_in = _Missing(name, (), {"__module__": self.__name__})
        setattr(self, name, stand_in)
        return stand_in


class _MissingPackages(MetaPathFinder, Loader):
    """Load placeholders for GraphBolt, refuse ``dgl.sparse``: each if it is among ``packages``."""

    def __init__(self, packages: list[str]) -> None:
        self.packages = packages

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a specification for what is inside the missing packages, else None."""
        if any(_is_in(fullname, package) for package in self.packages):
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a placeholder.

        Raises
        ------
        ImportError
            For ``dgl.sparse``: DGL gets by without it, so only its users ask for it.
        """
        if _is_in(spec.name, "dgl.sparse"):
            raise ImportError(_explain(spec.name), name=spec.name)
        return _Placeholder(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave the placeholder as it is."""


def _package_folder() -> Path:
    spec = importlib.util.find_spec("dgl")
    if spec is None or spec.origin is None:  # origin is None for a stray folder called dgl
        raise ImportError("ariigcn_dgl needs dgl 2.1.0: pip install dgl==2.1.0", name="dgl")
    return Path(spec.origin).parent


def _library_folder(package: Path) -> Path:
    """Ask DGL's own search, which honours DGL_LIBRARY_PATH, without importing DGL."""
    spec = importlib.util.spec_from_file_location("_dgl_libinfo", package / "_ffi" / "libinfo.py")
    libinfo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(libinfo)
    return Path(libinfo.find_lib_path()[0]).parent


def _has_datapipes() -> bool:
    torchdata = importlib.util.find_spec("torchdata")
    folders = torchdata.submodule_search_locations if torchdata else []
    return any(Path(folder, "datapipes").is_dir() for folder in folders)


def _missing_packages(package: Path) -> list[str]:
    """Name the parts of DGL that have no library for this torch, judging by file names."""
    prefix = "" if sys.platform == "win32" else "lib"
    suffix = {"win32": "dll", "darwin": "dylib"}.get(sys.platform, "so")
    ending = f"_pytorch_{TORCH_VERSION}.{suffix}"
    folder = _library_folder(package)
    graphbolt = folder / "graphbolt" / f"{prefix}graphbolt{ending}"
    sparse = folder / "dgl_sparse" / f"{prefix}dgl_sparse{ending}"
    available = {
        "dgl.graphbolt": graphbolt.exists() and _has_datapipes(),
        "dgl.sparse": sparse.exists(),
    }
    return [name for name, present in available.items() if not present]


def _forget_failed_import() -> None:
    """Drop the modules that an ``import dgl`` which failed half-way has left behind."""
    for name in [name for name in sys.modules if _is_in(name, "dgl")]:
        del sys.modules[name]


def _import_dgl() -> ModuleType:
    """Import DGL, once, after making room for it; a DGL that is already there stays as it is."""
    if "dgl" in sys.modules:
        return sys.modules["dgl"]
    package = _package_folder()
    _forget_failed_import()
    if missing := _missing_packages(package):
        sys.meta_path.insert(0, _MissingPackages(missing))
    # Without it DGL writes ~/.dgl/config.json and prints that it did; children inherit it.
    os.environ.setdefault("DGLBACKEND", "pytorch")
    with warnings.catch_warnings():
        # What the compiler says of a module names its file, what code says names the module.
        for place in (r"dgl(\.|$)", re.escape(str(package)) + r"[/\\]"):
            warnings.filterwarnings("ignore", module=place)
        return importlib.import_module("dgl")


dgl = _import_dgl()
