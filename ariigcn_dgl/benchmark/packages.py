"""Other libraries, and which version of each is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ariigcn_dgl._dgl import INSTALL

# import name: what pip calls it
LIBRARIES = {
    "torch": "torch",
    "dgl": "dgl",
    "torch_geometric": "torch_geometric",
    "pytorch_metric_learning": "pytorch-metric-learning",
}
EXTRA = 'pip install "ariigcn_dgl[benchmark]"'


def library_versions() -> dict[str, str]:
    """Return the version of every library that is compared, "not installed" where it is missing."""
    return {name: _version(name) for name in LIBRARIES.values()}


def how_to_install(package: str) -> str:
    """Return the command that installs one of them, by its import name."""
    return INSTALL if package == "dgl" else EXTRA


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
