"""The names of `ariigcn_dgl` itself: all there, each imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ariigcn_dgl

SLOW = {"torch", "dgl", "sklearn", "scipy", "numpy", "pandas", "tensorboard"}


def _imported(code: str) -> set[str]:
    """Return the packages that a line of code imports."""
    command = [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_import_of_the_package_imports_no_slow_library() -> None:
    assert _imported("import ariigcn_dgl; dir(ariigcn_dgl)") & SLOW == set()


@pytest.mark.slow
def test_data_is_loaded_without_torch() -> None:
    names = "Dialogues, load_dialogues, dialogues_from_pandas, dialogues_from_arrays, synthesise"
    assert _imported(f"from ariigcn_dgl import {names}") & {"torch", "dgl", "pandas"} == set()


@pytest.mark.slow
def test_training_imports_neither_tensorboard_nor_dgl() -> None:
    found = _imported("from ariigcn_dgl import fit, Ensemble, TrainedRun, TensorBoard")
    assert "torch" in found
    assert found & {"tensorboard", "dgl"} == set()


@pytest.mark.parametrize("name", ariigcn_dgl._MODULES)
def test_every_name_is_there_and_listed(name: str) -> None:
    assert getattr(ariigcn_dgl, name).__name__ == name
    assert name in dir(ariigcn_dgl)


def test_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'train'"):
        ariigcn_dgl.train  # noqa: B018
