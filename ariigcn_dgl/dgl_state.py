"""Whether DGL is installed and runs on this Python and torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from ariigcn_dgl._dgl import import_dgl, missing_packages
from ariigcn_dgl.optional import installed_version


@dataclass(frozen=True)
class DGLState:
    """How DGL is on this machine.

    Parameters
    ----------
    version : str
        "" if it is not installed.
    folder : str
        Where it lies; "" unless it runs.
    interface : str
        How its library is called: "Cython", or "ctypes", which is slower per call; "" unless it
        runs.
    missing : tuple of str
        Parts that have no library for this torch.
    error : str
        Why it does not run; "" if it does.
    """

    version: str = ""
    folder: str = ""
    interface: str = ""
    missing: tuple[str, ...] = ()
    error: str = ""

    @property
    def runs(self) -> bool:
        """Whether it is installed and computes."""
        return bool(self.version) and not self.error


def dgl_state() -> DGLState:
    """Try DGL in a process of its own, which may break and sees what was installed meanwhile."""
    installed = installed_version("dgl")
    if installed is None:
        return DGLState()
    command = [sys.executable, "-m", "ariigcn_dgl.dgl_state"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reason = lines[-1] if lines else f"its process ended with {done.returncode}"
        return DGLState(installed, error=reason)
    found = json.loads(done.stdout.splitlines()[-1])
    return DGLState(**found | {"missing": tuple(found["missing"])})


def try_dgl() -> DGLState:
    """Import DGL and pass messages forward and backward.

    Examples
    --------
    >>> try_dgl().runs
    True
    """
    dgl = import_dgl()
    import torch

    feat = torch.ones(3, 1, requires_grad=True)
    dgl.ops.copy_u_sum(dgl.graph(([0, 1], [1, 2])), feat).sum().backward()
    folder = Path(dgl.__path__[0])
    # DGL takes ctypes where the Cython module was compiled for another Python.
    calls = dgl._ffi.function.Function.__mro__[1].__module__
    return DGLState(
        version=dgl.__version__,
        folder=str(folder),
        interface="ctypes" if "_ctypes" in calls else "Cython",
        missing=tuple(missing_packages(folder)),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(try_dgl())))
