"""Libraries that are used where they are installed."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from types import ModuleType


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
