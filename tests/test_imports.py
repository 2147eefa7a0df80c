"""Imports go one way, and nothing is imported before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {"torch", "dgl", "sklearn", "scipy", "numpy", "pandas", "tensorboard"}


def _imported(code: str) -> set[str]:
    """Return the modules that a line of code imports."""
    command = [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_of_the_package_imports_no_slow_library() -> None:
    assert _imported("import ariigcn_dgl; dir(ariigcn_dgl)") & SLOW == set()


@pytest.mark.slow
def test_data_is_loaded_without_torch() -> None:
    names = "Dialogues, load_dialogues, dialogues_from_pandas, dialogues_from_arrays, synthesise"
    assert _imported(f"from ariigcn_dgl import {names}") & {"torch", "dgl", "pandas"} == set()


@pytest.mark.slow
def test_transcripts_are_read_without_what_extracts_features_of_them() -> None:
    found = _imported("from ariigcn_dgl.transcripts import read, rttm, write")
    assert found & {"ariigcn_dgl.extract", "torch"} == set()


@pytest.mark.slow
def test_run_folders_are_read_and_made_without_encoders() -> None:
    found = _imported("import ariigcn_dgl.training.run_spec")
    encoders = ("audio", "media", "speech_encoder", "text", "tuned_text", "visual", "voice")
    assert "ariigcn_dgl.extract.manifest" in found
    assert found & {f"ariigcn_dgl.extract.{name}" for name in encoders} == set()


@pytest.mark.slow
def test_training_imports_neither_tensorboard_nor_dgl() -> None:
    found = _imported("from ariigcn_dgl import fit, Ensemble, TrainedRun, TensorBoard")
    assert "torch" in found
    assert found & {"tensorboard", "dgl"} == set()
