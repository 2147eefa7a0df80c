"""Other libraries: whether they are installed, and which version."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

# import name: what pip calls it
LIBRARIES = {
    "torch": "torch",
    "dgl": "dgl",
    "torch_geometric": "torch_geometric",
    "pytorch_metric_learning": "pytorch-metric-learning",
}
EXTRA = 'pip install "ariigcn_dgl[benchmark]"'


def is_installed(package: str) -> bool:
    """Return whether a package can be found, without importing it.

    Examples
    --------
    >>> is_installed("torch"), is_installed("no_such_package")
    (True, False)
    """
    return importlib.util.find_spec(package) is not None


def import_quietly(name: str) -> ModuleType:
    """Import a module of another library; its deprecation warnings are not our user's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def library_versions() -> dict[str, str]:
    """Return the version of every library that is compared, "not installed" where it is missing."""
    return {name: _version(name) for name in LIBRARIES.values()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
