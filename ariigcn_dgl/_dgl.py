"""Make room for DGL, so that whoever imports it first gets one that runs on the installed torch.

DGL 2.1.0 imports ``dgl.graphbolt`` eagerly, and that needs a library compiled for the exact torch
version, which PyPI's wheel has for torch 2.0.0 to 2.2.1 only, and a torchdata that still has
``datapipes``. Nothing else needs them, except ``dgl.sparse``, which DGL does not import itself.
Where the real GraphBolt cannot be had, a placeholder takes its place; whoever uses it is told what
is missing.

The finder that does so waits in ``sys.meta_path``; neither DGL nor torch is imported before
somebody asks for DGL. Import ``ariigcn_dgl`` before ``dgl``, also in a new process that unpickles a
graph.

>>> from ariigcn_dgl import dgl
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
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeGuard

    import dgl

VERSION = "2.1.0"
# pip finds no DGL for Python 3.13: PyPI's newest wheels are tagged for 3.12.
INSTALL = f"pip install dgl=={VERSION}" if sys.version_info < (3, 13) else "ariigcn dgl --install"


def import_dgl() -> ModuleType:
    """Return DGL, imported now if it was not.

    Raises
    ------
    ImportError
        If it is not installed; says how to.
    """
    if sys.modules.get("dgl") is None:
        spec = importlib.util.find_spec("dgl")
        if spec is None or spec.origin is None:  # origin is None for a stray folder called dgl
            raise ImportError(
                f"this needs DGL {VERSION}, which is not installed: {INSTALL}", name="dgl"
            )
    return importlib.import_module("dgl")


def loaded_dgl() -> ModuleType | None:
    """Return DGL if it has been imported, be it by us or not."""
    return sys.modules.get("dgl")


def is_dgl_graph(x: object) -> TypeGuard[dgl.DGLGraph]:
    """Return whether this is a DGL graph; where DGL was not imported nothing is.

    Examples
    --------
    >>> from ariigcn_dgl import dgl
    >>> is_dgl_graph(dgl.graph(([0], [1]))), is_dgl_graph("graph")
    (True, False)
    """
    # DGL that is just being imported, or failed to be, has no such class yet.
    kind = getattr(loaded_dgl(), "DGLGraph", None)
    return kind is not None and isinstance(x, kind)


def _is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _torch_version() -> str:
    import torch

    return torch.__version__.split("+", maxsplit=1)[0]


def _explain(name: str) -> str:
    return (
        f"{name} is not available: dgl.graphbolt, dgl.sparse and the GraphBolt mode of "
        f"dgl.distributed need a DGL compiled for torch {_torch_version()} (PyPI's dgl 2.1.0 is "
        "for torch 2.0.0 to 2.2.1), GraphBolt also needs torchdata < 0.10; dgl.dataloading, dgl.nn "
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


class _PlaceholderLoader(Loader):
    """Load placeholders for GraphBolt, refuse ``dgl.sparse``."""

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


class _DGLLoader(Loader):
    """Make room for DGL, then load it by the loader that it has anyway."""

    def __init__(self, spec: ModuleSpec, loader: Loader, origin: str, finder: DGLFinder) -> None:
        self.spec, self.loader, self.finder = spec, loader, finder
        self.package = Path(origin).parent

    def __getattr__(self, name: str) -> object:
        return getattr(self.loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what DGL's loader does."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run DGL's code, after which nothing tells that it was not imported as ever."""
        self.spec.loader = module.__loader__ = self.loader
        package = self.package
        _forget_failed_import()
        self.finder.missing = missing_packages(package)
        # Without it DGL writes ~/.dgl/config.json and prints that it did; children inherit it.
        os.environ.setdefault("DGLBACKEND", "pytorch")
        with warnings.catch_warnings():
            # What the compiler says of a module names its file, what code says names the module.
            for place in (r"dgl(\.|$)", re.escape(str(package)) + r"[/\\]"):
                warnings.filterwarnings("ignore", module=place)
            self.loader.exec_module(module)


class DGLFinder(MetaPathFinder):
    """The finder that is asked first: for DGL, and for the parts of it that are `missing`."""

    def __init__(self) -> None:
        self.missing: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a specification for DGL and for what is inside its missing parts, else None."""
        if fullname == "dgl":
            spec = self._next_spec(fullname, path, target)
            # There is a target when a module that is complete is reloaded.
            if spec and spec.loader and spec.origin and target is None:
                spec.loader = _DGLLoader(spec, spec.loader, spec.origin, self)
            return spec
        if any(_is_in(fullname, package) for package in self.missing):
            return ModuleSpec(fullname, _PlaceholderLoader(), is_package=True)
        return None

    def _next_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        """Return what the import system would have found without this finder."""
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            # Finders of old packages have no such method, and the import system passes them over.
            if hasattr(finder, "find_spec"):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    return spec
        return None


def _forget_failed_import() -> None:
    """Drop the modules that an ``import dgl`` which failed half-way has left behind."""
    for name in [name for name in sys.modules if name.startswith("dgl.")]:
        del sys.modules[name]


def missing_packages(package: Path) -> list[str]:
    """Name the parts of the DGL in a folder that have no library for this torch, by file names."""
    prefix = "" if sys.platform == "win32" else "lib"
    suffix = {"win32": "dll", "darwin": "dylib"}.get(sys.platform, "so")
    ending = f"_pytorch_{_torch_version()}.{suffix}"
    folder = _library_folder(package)
    graphbolt = folder / "graphbolt" / f"{prefix}graphbolt{ending}"
    sparse = folder / "dgl_sparse" / f"{prefix}dgl_sparse{ending}"
    available = {
        "dgl.graphbolt": graphbolt.exists() and _has_datapipes(),
        "dgl.sparse": sparse.exists(),
    }
    return [name for name, present in available.items() if not present]


def _library_folder(package: Path) -> Path:
    """Ask DGL's own search, which honours DGL_LIBRARY_PATH, without importing DGL."""
    libinfo = ModuleType("_dgl_libinfo")
    libinfo.__file__ = str(package / "_ffi" / "libinfo.py")
    SourceFileLoader(libinfo.__name__, libinfo.__file__).exec_module(libinfo)
    return Path(libinfo.find_lib_path()[0]).parent


def _has_datapipes() -> bool:
    torchdata = importlib.util.find_spec("torchdata")
    folders = torchdata.submodule_search_locations if torchdata else None
    return any(Path(folder, "datapipes").is_dir() for folder in folders or [])


sys.meta_path.insert(0, DGLFinder())
