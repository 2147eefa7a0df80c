"""Install the package as a stranger does, in an empty environment, from another folder, and use it.

    python packaging/check_install.py ARTIFACT [--python python3.12] [--torch torch==2.13.0]

ARTIFACT is a wheel or a source distribution. torch is installed first, with what it brings; the
table counts what this package adds. `--tests` runs the tests of the operators and layers on the
installed package too; `--pin` sets versions, such as the oldest that pyproject.toml allows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ("tests/test_environment.py", "tests/test_dgl.py", "tests/ops", "tests/graph", "tests/nn")
OF_THE_SOURCES = "tests/ops/test_cuda_emulated.py"  # compiles csrc/
TESTED_WITH = ("hypothesis", "pytest", "pytest-xdist", "torch_geometric", "pytorch-metric-learning")
# From an empty folder: nothing of the checkout can be imported by accident.
COMMANDS = {
    "info": ("info",),
    "train": ("train", "--training.epochs", "3", "--out", "run"),
    "evaluate": ("evaluate", "run"),
    "report": ("report", "run", "--out", "report.html"),
}


@dataclass
class Outcome:
    """What one environment showed."""

    python: str = ""
    torch: str = ""
    dgl: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    distributions: int = 0  # that the package brings beside torch's
    megabytes: float = 0.0
    tests: str = ""
    failure: str = ""

    def row(self) -> str:
        """One line of the table of `heading`."""
        failed = "FAILED, see below" if self.failure else "ok"
        times = " ".join(f"{self.seconds.get(name, 0):8.1f}" for name in ("install", "train"))
        return (
            f"{self.python:8} {self.torch:12} {self.dgl:14} {times} {self.distributions:5d} "
            f"{self.megabytes:6.0f}  {self.tests:28} {failed}"
        )

    @staticmethod
    def heading() -> str:
        """The names of the columns of `row`."""
        return (
            f"{'python':8} {'torch':12} {'dgl':14} {'install':>8} {'train':>8} {'dists':>5} "
            f"{'MB':>6}  {'tests':28}  (seconds; dists and MB beside torch's)"
        )


class Environment:
    """An environment in a folder of its own, on top of one that holds torch.

    Parameters
    ----------
    folder : Path
        Where the environment is made.
    python : str
        The interpreter.
    below : Path
        Environment of the same interpreter with torch in it: it is seen, and not changed.
    """

    def __init__(self, folder: Path, python: str, below: Path) -> None:
        self.folder = folder
        self.work = folder / "elsewhere"
        run([python, "-m", "venv", folder])
        # Before Python 3.12 venv brings one that is too old to build; then that below is seen.
        run([folder / "bin" / "python", "-m", "pip", "-q", "uninstall", "-y", "setuptools"])
        self.work.mkdir()
        site = next(folder.glob("lib/python*/site-packages"))
        seen = next(below.glob("lib/python*/site-packages"))
        (site / "torch_below.pth").write_text(f"{seen}\n")

    def python(self, *arguments: str, **variables: str) -> str:
        """Run the environment's interpreter in an empty folder; return what it printed."""
        return run([self.folder / "bin" / "python", *arguments], self.work, variables)

    def pip(self, *arguments: str, **variables: str) -> str:
        """Install."""
        return self.python(
            "-m", "pip", "-q", "--disable-pip-version-check", *arguments, **variables
        )

    def site(self) -> Path:
        """Return where packages are installed."""
        return next(self.folder.glob("lib/python*/site-packages"))

    def distributions(self) -> int:
        """Count what is installed in it, without what is below, and without pip."""
        found = {path.name.split("-")[0] for path in self.site().glob("*.dist-info")}
        return len(found - {"pip", "setuptools"})

    def megabytes(self) -> float:
        """Measure what is installed in it, without what is below, and without pip."""
        files = (path for path in self.site().rglob("*") if path.is_file())
        skipped = ("pip", "setuptools", "pkg_resources")
        kept = (
            p for p in files if p.relative_to(self.site()).parts[0].split("-")[0] not in skipped
        )
        return sum(path.stat().st_size for path in kept) / 1e6


class CommandError(Exception):
    """A command failed; the text is its end."""


def clean_environment() -> dict[str, str]:
    """Return the variables of this process without those that lead Python elsewhere."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}


def run(command: list, folder: Path | None = None, variables: dict[str, str] | None = None) -> str:
    """Run a command without anything of ours in its environment."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=clean_environment() | (variables or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise CommandError(f"{' '.join(map(str, command))}\n{said}")
    return done.stdout


def torch_environment(python: str, torch: str, cache: Path) -> Path:
    """Return an environment with torch alone, made once."""
    name = run([python, "-c", "import sys; print(sys.implementation.cache_tag)"]).strip()
    folder = cache / f"{name}-{torch.replace('==', '-')}"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", folder])
        pip = [folder / "bin" / "python", "-m", "pip", "-q", "--disable-pip-version-check"]
        # Those that torch's own wheel asks for are too old, or missing, to build with.
        run([*pip, "install", torch, "setuptools>=77", "ninja"])
        (folder / "complete").touch()
    return folder


def check(
    artifact: Path, python: str, torch: str, cache: Path, pins: list[str], tests: bool
) -> Outcome:
    """Install the artifact beside torch, run the commands and, if asked for, the tests."""
    outcome = Outcome(torch=torch.removeprefix("torch=="))
    with tempfile.TemporaryDirectory() as folder:
        try:
            below = torch_environment(python, torch, cache)
            environment = Environment(Path(folder) / "environment", python, below)
            outcome.python = environment.python(
                "-c", "import platform; print(platform.python_version())"
            ).strip()
            _install(environment, below, artifact, pins, outcome)
            _use(environment, outcome)
            if tests:
                _test(environment, outcome)
        except CommandError as error:
            outcome.failure = str(error)
    return outcome


def _install(
    environment: Environment, below: Path, artifact: Path, pins: list[str], outcome: Outcome
) -> None:
    start = time.monotonic()
    # setuptools and ninja lie in the environment below: for an sdist, as the README tells.
    path = f"{below / 'bin'}:{os.environ['PATH']}"
    environment.pip("install", "--no-build-isolation", str(artifact.resolve()), *pins, PATH=path)
    outcome.seconds["install"] = time.monotonic() - start
    outcome.distributions, outcome.megabytes = environment.distributions(), environment.megabytes()
    if sys.platform == "linux" and not _has(environment, "dgl"):
        _command(environment, "dgl", "--install")
    outcome.dgl = _dgl(environment)


def _use(environment: Environment, outcome: Outcome) -> None:
    for name, words in COMMANDS.items():
        start = time.monotonic()
        _command(environment, *words)
        outcome.seconds[name] = time.monotonic() - start
    page = environment.work / "report.html"
    if page.stat().st_size < 10_000:
        raise CommandError(f"the report has {page.stat().st_size} bytes only")


def _command(environment: Environment, *words: str) -> str:
    return run([environment.folder / "bin" / "ariigcn", *words], environment.work)


def _has(environment: Environment, package: str) -> bool:
    code = f"import importlib.util as u; print(u.find_spec({package!r}) is not None)"
    return environment.python("-c", code).strip() == "True"


def _dgl(environment: Environment) -> str:
    code = (
        "from ariigcn_dgl import dgl; from dgl._ffi import function;"
        "print(dgl.__version__, function.__dict__['_FunctionBase'].__module__.split('.')[2])"
    )
    return environment.python("-c", code).strip().replace("_cy3", "Cython").replace("_", "")


def _test(environment: Environment, outcome: Outcome) -> None:
    environment.pip("install", *TESTED_WITH)
    # A copy: pytest puts the folder of the tests on the path, and the checkout holds the package.
    shutil.copytree(ROOT / "tests", environment.work / "tests")
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, environment.work / name)
    command = [environment.folder / "bin" / "python", "-m", "pytest", "-q", "-n", "auto"]
    command += ["--dist", "loadfile", "-p", "no:cacheprovider", "--ignore", OF_THE_SOURCES, *TESTS]
    done = subprocess.run(
        command,
        cwd=environment.work,
        env=clean_environment() | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines() or [done.stderr]
    outcome.tests = lines[-1].split(" in ")[0].strip("= ")
    if done.returncode:
        wrong = [line for line in lines if line.startswith(("FAILED", "ERROR", "E  "))]
        raise CommandError("\n".join(wrong[-60:]))


def main() -> None:
    """Check one artifact in one environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--torch", default="torch==2.13.0")
    parser.add_argument("--pin", nargs="*", default=[])
    parser.add_argument("--tests", action="store_true")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "torch")
    options = parser.parse_args()
    outcome = check(
        options.artifact, options.python, options.torch, options.cache, options.pin, options.tests
    )
    print(f"{options.artifact.name}: {options.artifact.stat().st_size / 1e6:.2f} MB")
    print(Outcome.heading(), outcome.row(), sep="\n")
    print(json.dumps(outcome.seconds))
    print(outcome.failure, file=sys.stderr)
    sys.exit(bool(outcome.failure))


if __name__ == "__main__":
    main()
