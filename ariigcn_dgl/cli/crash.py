"""The file that describes an error of this program itself, to be sent to its developers."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from collections.abc import Sequence

from ariigcn_dgl import __version__
from ariigcn_dgl.escape import command
from ariigcn_dgl.optional import installed_version

# Of those that may be the reason; `environment` imports torch, which may be what failed.
PACKAGES = ("torch", "numpy", "dgl", "safetensors", "scikit-learn", "jsonargparse", "rich")


def write_crash(error: BaseException, arguments: Sequence[str]) -> str | None:
    """Write versions, the command line and the traceback to a new file.

    Returns
    -------
    str or None
        Path of the file, in the system's folder for temporary ones; None if none can be written.
    """
    versions = [f"{name} {installed_version(name) or 'not installed'}" for name in PACKAGES]
    lines = [
        f"ariigcn_dgl {__version__}, Python {platform.python_version()}, {platform.platform()}",
        ", ".join(versions),
        command(["ariigcn", *arguments]),
        "",
        "".join(traceback.format_exception(error)),
    ]
    try:
        descriptor, path = tempfile.mkstemp(prefix="ariigcn-crash-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(lines))
    except OSError:
        return None
    return path
