"""What a command line imports: commands are not to wait for libraries that they do not use."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {"torch", "dgl", "sklearn", "scipy", "numpy", "pandas", "transformers", "matplotlib"}

# Not by -X importtime, which does not see what importlib.import_module imports.
CODE = """
import atexit, sys
from ariigcn_dgl.cli import main
atexit.register(lambda: print("modules:", *sys.modules))
main(sys.argv[1:])
"""


def _imported(*arguments: str) -> set[str]:
    """Return the names of all modules that a command line imports."""
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(done.stdout.rpartition("modules:")[2].split())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["--version"],
        ["bake"],
        ["data"],
        ["data", "--help"],
        ["data", "bake"],
        ["train", "--ephocs", "3"],
        ["train", "a"],
        ["data", "check", "--jsno"],
    ],
    ids=" ".join,
)
def test_until_a_command_can_begin_no_slow_library_is_imported(
    arguments: list[str],
) -> None:
    found = _imported(*arguments)
    assert "ariigcn_dgl.cli.main" in found
    assert {name.partition(".")[0] for name in found} & SLOW == set()


@pytest.mark.slow
def test_only_the_command_that_is_called_is_imported() -> None:
    found = _imported("data", "check", "--help")
    assert "ariigcn_dgl.cli.data" in found
    others = {"benchmark", "evaluate", "experiment", "extract", "info", "predict", "train"}
    assert found & {f"ariigcn_dgl.cli.{name}" for name in others} == set()


@pytest.mark.slow
def test_matplotlib_waits_until_something_is_drawn() -> None:
    found = _imported("report", "--help")
    assert "ariigcn_dgl.plots" in found
    assert "matplotlib" not in found
