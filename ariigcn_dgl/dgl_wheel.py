"""Install PyPI's DGL by pip, also on a Python for which PyPI has none.

DGL's library links no Python: what ties a wheel to one is a Cython module that calls the library,
and DGL calls it through ctypes where that module cannot be imported. So the wheel for Python 3.12,
tagged for any Python 3, is one that pip installs, lists, checks and removes as every other.
"""

from __future__ import annotations

import base64
import hashlib
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile

from ariigcn_dgl._dgl import VERSION
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import sha256_of

NEWEST_PYTHON = (3, 12)  # for which PyPI has a wheel
TAG, ANY_TAG = "cp312-cp312-", "py3-none-"
# SHA-256 of PyPI's wheels for Python 3.12, by what `platform` calls system and machine.
WHEELS = {
    ("Linux", "x86_64"): "af9b5974d667d11b9b2dc153981241c248a314c1a54880d4a2af12a00470b78d",
    ("Linux", "aarch64"): "0f8605418e71191f7a4b43a5a6597e655512c7a48171ac042993d77c676f3092",
    ("Darwin", "arm64"): "ffebbfbbc2278861601fa44b533e3b4a6f21bbfd742542932cb3af0c7621cffc",
}
UNDECLARED = ("packaging", "pandas")  # DGL imports them without declaring it


def install_dgl(say: Callable[[str], None]) -> None:
    """Install DGL for this interpreter, and what it needs; torch stays the one that is there.

    Parameters
    ----------
    say : callable
        Is told each step that was taken.

    Raises
    ------
    InputError
        If there is no pip, no wheel for this machine, no way to the index, or not the wheel that
        was expected.
    """
    if find_spec("pip") is None:
        raise InputError(
            f"{sys.executable} has no pip, which is what installs DGL: python -m ensurepip, or in "
            "an environment of uv: uv pip install pip"
        )
    with TemporaryDirectory(prefix="ariigcn-dgl-") as name:
        what = f"dgl=={VERSION}"
        if sys.version_info[:2] > NEWEST_PYTHON:
            wheel = fetch_wheel(Path(name))
            say(f"fetched {wheel.name}, its SHA-256 is the expected one: {sha256_of(wheel)}")
            what = str(retagged(wheel))
            say(f"tagged it for any Python 3: {Path(what).name}")
        kept = Path(name, "kept.txt")
        kept.write_text(f"torch=={version('torch')}\n")
        _pip("install", what, *UNDECLARED, "--constraint", str(kept))
    say("installed it by pip, with what it needs; pip uninstall dgl removes it")


def fetch_wheel(folder: Path) -> Path:
    """Download the wheel for Python 3.12 into a folder; pip compares its SHA-256.

    Raises
    ------
    InputError
        If there is none for this machine, none can be had, or it is another one.
    """
    machine = (platform.system(), platform.machine())
    if machine not in WHEELS:
        known = ", ".join(" ".join(one) for one in WHEELS)
        raise InputError(f"there is no wheel of DGL {VERSION} for {' '.join(machine)}: {known}")
    wanted = Path(folder, "wanted.txt")
    wanted.write_text(f"dgl=={VERSION} --hash=sha256:{WHEELS[machine]}\n")
    newest = ".".join(map(str, NEWEST_PYTHON))
    options = ["--no-deps", "--only-binary=:all:", "--python-version", newest]
    _pip("download", *options, "--dest", str(folder), "--requirement", str(wanted))
    return next(folder.glob("dgl-*.whl"))


def retagged(wheel: Path) -> Path:
    """Write the wheel anew beside itself, for any Python 3, and return its path."""
    target = wheel.with_name(wheel.name.replace(TAG, ANY_TAG))
    with ZipFile(wheel) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        (tags,) = (name for name in old.namelist() if name.endswith(".dist-info/WHEEL"))
        changed = old.read(tags).replace(TAG.encode(), ANY_TAG.encode())
        for entry in old.infolist():
            content = changed if entry.filename == tags else old.read(entry)
            if entry.filename == tags.replace("WHEEL", "RECORD"):
                content = _recorded(content.decode(), tags, changed).encode()
            new.writestr(entry, content)
    return target


def _recorded(record: str, name: str, content: bytes) -> str:
    """Return a wheel's list of files with another content of one of them."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    line = f"{name},sha256={digest},{len(content)}"
    return re.sub(rf"^{re.escape(name)},.*$", line, record, flags=re.MULTILINE)


def _pip(command: str, *arguments: str) -> None:
    options = ["--no-input", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", command, *options, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    if got := re.search(r"Expected sha256 (\w+)\s+Got\s+(\w+)", done.stderr):
        raise InputError(
            f"the index offers another DGL {VERSION} than PyPI's: its SHA-256 is {got[2]}, "
            f"expected {got[1]}; nothing was installed"
        )
    lines = done.stderr.strip().splitlines() or [f"pip ended with {done.returncode}"]
    reasons = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    hint = ": is there a way to PyPI?" if "No matching distribution" in done.stderr else ""
    raise InputError(f"pip {command} of DGL {VERSION}: {(reasons or lines)[-1]}{hint}")
