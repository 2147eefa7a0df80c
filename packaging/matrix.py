"""Check one wheel at both ends of every range that pyproject.toml claims, as far as it is at hand.

    python packaging/matrix.py WHEEL        (make test-matrix)

Each row is an empty environment: the wheel is installed, trains and reports, and runs the tests of
the operators and layers. Interpreters that this machine lacks are named and left out.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from check_install import ROOT, Outcome, check

OLDEST_TORCH, USUAL_TORCH, NEWEST_TORCH = "torch==2.11.0", "torch==2.13.0", "torch==2.14.1"


@dataclass(frozen=True)
class Row:
    """One environment."""

    python: str
    torch: str
    oldest: bool = False


ROWS = (
    Row("3.10", OLDEST_TORCH, oldest=True),
    Row("3.11", USUAL_TORCH),
    Row("3.11", NEWEST_TORCH),
    Row("3.12", USUAL_TORCH),
    Row("3.13", NEWEST_TORCH),
    Row("3.14", NEWEST_TORCH),
)


def oldest_pins() -> list[str]:
    """Return the lower bounds of the dependencies as exact versions: "numpy>=1.26" as 1.26.*."""
    text = (ROOT / "pyproject.toml").read_text()
    block = text.split("\ndependencies = [")[1].split("\n]")[0]
    bounds = re.findall(r'"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)', block)
    return [f"{name}=={version}.*" for name, version in bounds if name != "torch"]


def interpreter(version: str) -> str | None:
    """Return a Python of this version: on the path, of pyenv, or none."""
    found = shutil.which(f"python{version}")
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    candidates = [found] if found else []
    for candidate in [*candidates, *map(str, pyenv)]:
        asked = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return candidate
    return None


def main() -> None:
    """Check a wheel in every environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "torch")
    parser.add_argument("--pythons", nargs="*", help="only these, such as 3.10 3.13")
    options = parser.parse_args()
    print(f"{options.wheel.name}: {options.wheel.stat().st_size / 1e6:.2f} MB")
    print(Outcome.heading())
    failures = []
    for row in ROWS:
        if options.pythons and row.python not in options.pythons:
            continue
        python = interpreter(row.python)
        if python is None:
            print(f"{row.python:8} is not on this machine")
            continue
        pins = oldest_pins() if row.oldest else []
        outcome = check(options.wheel, python, row.torch, options.cache, pins, tests=True)
        print(outcome.row(), flush=True)
        failures += [f"{row.python}, {row.torch}: {outcome.failure}"] if outcome.failure else []
    print(*failures, sep="\n\n", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
